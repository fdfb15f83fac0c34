/* Roll-ups: rows that are merged from those of pair groups. */
#ifndef QKV_ROLLUPS_H
#define QKV_ROLLUPS_H

#include "analysis.h"

/* A roll-up's row is wanted where all its pair groups' are. */
void qkv_mark_rollups(const qkvsim_layout *layout, bool *wanted);

/* Fills the rows of all wanted roll-ups, in the order of their pair groups. */
void qkv_merge_rollups(qkvsim_analysis *analysis);

#endif
