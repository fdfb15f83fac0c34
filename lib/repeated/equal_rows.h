/* Which observations are equal, so that the same data in another order are analysed in the same
 * order, and come out the same to the bit. */
#ifndef QKV_EQUAL_ROWS_H
#define QKV_EQUAL_ROWS_H

#include "flow/input.h"

/*
 * Writes, of each observation in use, the row of the first one that is equal to it bit for bit in
 * every feature and, where kinds are given, of the same kind. *any says whether any is another's.
 * Time O(n d + n log n).
 */
qkvsim_status qkv_find_equal_rows(qkvsim_context *context, const qkv_input *input,
                                  const uint8_t *kinds, int64_t *first, bool *any);

#endif
