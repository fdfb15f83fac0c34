/* Columns that stand one after the other, turned into rows. */
#ifndef QKV_TRANSPOSE_H
#define QKV_TRANSPOSE_H

#include <stddef.h>
#include <stdint.h>

/* to[r * leading + c] = columns[c * apart + r] for values of `size` bytes, 4 or 8. */
void qkv_transpose(const void *columns, int64_t apart, int64_t count, int64_t rows, size_t size,
                   void *to, int64_t leading);

#endif
