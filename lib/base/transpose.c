/* Turns columns into rows, four by four where values have four bytes. */
#include "transpose.h"

#include <string.h>

enum { BLOCK = 4 };

typedef uint32_t quad __attribute__((vector_size(16)));

static quad load_quad(const uint32_t *from)
{
    quad values;
    memcpy(&values, from, sizeof values);
    return values;
}

static void store_quad(uint32_t *to, quad values)
{
    memcpy(to, &values, sizeof values);
}

static void transpose_block(const uint32_t *columns, int64_t apart, uint32_t *to, int64_t leading)
{
    const quad a = load_quad(columns), b = load_quad(columns + apart);
    const quad c = load_quad(columns + 2 * apart), d = load_quad(columns + 3 * apart);
    const quad ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    const quad ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    const quad cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    const quad cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    store_quad(to, __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5));
    store_quad(to + leading, __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7));
    store_quad(to + 2 * leading, __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5));
    store_quad(to + 3 * leading, __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7));
}

static void transpose_32(const uint32_t *columns, int64_t apart, int64_t count, int64_t rows,
                         uint32_t *to, int64_t leading)
{
    const int64_t whole_rows = rows / BLOCK * BLOCK, whole_columns = count / BLOCK * BLOCK;
    for (int64_t r = 0; r < whole_rows; r += BLOCK)
        for (int64_t c = 0; c < whole_columns; c += BLOCK)
            transpose_block(columns + c * apart + r, apart, to + r * leading + c, leading);
    for (int64_t c = 0; c < count; c++)
        for (int64_t r = c < whole_columns ? whole_rows : 0; r < rows; r++)
            to[r * leading + c] = columns[c * apart + r];
}

static void transpose_64(const uint64_t *columns, int64_t apart, int64_t count, int64_t rows,
                         uint64_t *to, int64_t leading)
{
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < count; c++)
            to[r * leading + c] = columns[c * apart + r];
}

void qkv_transpose(const void *columns, int64_t apart, int64_t count, int64_t rows, size_t size,
                   void *to, int64_t leading)
{
    if (size == sizeof(uint32_t))
        transpose_32(columns, apart, count, rows, to, leading);
    else
        transpose_64(columns, apart, count, rows, to, leading);
}
