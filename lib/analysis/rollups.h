/* Roll-ups: rows that are merged from those of pair groups. */
#ifndef QKV_ROLLUPS_H
#define QKV_ROLLUPS_H

#include "analysis.h"

/* Fills the rows of all wanted roll-ups, in the order of their pair groups. */
void qkv_merge_rollups(qkvsim_analysis *analysis);

#endif
