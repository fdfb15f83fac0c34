/* Columns of any element type and any strides, widened into a strip of one type of number
 * (both_reals.h). */

__attribute__((always_inline)) static inline REAL NAME(element)(const void *first, int64_t at,
                                                                const int32_t dtype)
{
    switch (dtype) {
    case QKVSIM_DTYPE_F16:
        return (REAL)widen_f16(((const uint16_t *)first)[at]);
    case QKVSIM_DTYPE_BF16:
        return (REAL)widen_bf16(((const uint16_t *)first)[at]);
    case QKVSIM_DTYPE_F32:
        return (REAL)((const float *)first)[at];
    default:
        return (REAL)((const double *)first)[at];
    }
}

/* Rows first .. end - 1, row by row where features are neighbours, and column by column
 * elsewhere. */
__attribute__((always_inline)) static inline void
NAME(load_block)(const qkv_columns *columns, const qkv_rows *rows, int64_t first, int64_t end,
                 REAL *to, int64_t leading, const int32_t dtype)
{
    const int64_t across = columns->feature_stride, down = columns->observation_stride;
    const int64_t width = columns->count;
    if (across == 1) {
        for (int64_t r = first; r < end; r++) {
            const int64_t from = (rows->rows ? rows->rows[r] : r) * down;
            for (int64_t j = 0; j < width; j++)
                to[r * leading + j] = NAME(element)(columns->first, from + j, dtype);
        }
        return;
    }
    for (int64_t j = 0; j < width; j++)
        for (int64_t r = first; r < end; r++)
            to[r * leading + j] = NAME(element)(
                columns->first, j * across + (rows->rows ? rows->rows[r] : r) * down, dtype);
}

__attribute__((always_inline)) static inline void
NAME(load_type)(const qkv_columns *columns, const qkv_rows *rows, const qkv_strip *strip,
                int64_t column, const int32_t dtype)
{
    for (int64_t block = 0; block < rows->count; block += LOAD_ROWS) {
        const int64_t end = block + LOAD_ROWS < rows->count ? block + LOAD_ROWS : rows->count;
        NAME(load_block)
        (columns, rows, block, end, (REAL *)strip->values + column, strip->leading, dtype);
    }
}

static void NAME(load)(const qkv_columns *columns, const qkv_rows *rows, const qkv_strip *strip,
                       int64_t column)
{
    switch (columns->dtype) {
    case QKVSIM_DTYPE_F16:
        NAME(load_type)(columns, rows, strip, column, QKVSIM_DTYPE_F16);
        return;
    case QKVSIM_DTYPE_BF16:
        NAME(load_type)(columns, rows, strip, column, QKVSIM_DTYPE_BF16);
        return;
    case QKVSIM_DTYPE_F32:
        NAME(load_type)(columns, rows, strip, column, QKVSIM_DTYPE_F32);
        return;
    default:
        NAME(load_type)(columns, rows, strip, column, QKVSIM_DTYPE_F64);
    }
}
