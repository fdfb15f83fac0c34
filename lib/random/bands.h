/* Columns that exchange values between them: the schemes `all` and `group`. */
#ifndef QKV_BANDS_H
#define QKV_BANDS_H

#include "permuter.h"

/* Loads columns of the permutation that was dealt last, as qkv_column_source.load. Those whose neighbours
 * are not in the strip cost as much as all of their band. */
void qkv_load_bands(const qkv_permuter *permuter, int32_t reader, const int64_t *columns,
                    const qkv_strip *strip);

#endif
