/* From Gram values to similarities, of one type of number (kernels/both_reals.h). The tally takes
 * the same steps in vectors (kernels/pairs_template.h), and neither is contracted
 * (-ffp-contract=off), so that histograms and matrices agree to the bit. */

static inline REAL NAME(clamp)(REAL value)
{
    const REAL below = value < (REAL)1 ? value : (REAL)1;
    return below > (REAL)-1 ? below : (REAL)-1;
}

/* Cosines from Pearson values: (s_i s_j) p + o_i o_j, the same for (i, j) and (j, i). */
static void NAME(write_cosines)(const qkv_panels *panels, const qkv_tile *tile,
                                const qkv_tile_row *row, REAL *restrict values)
{
    const int64_t at = row->row * tile->leading + row->first, count = row->end - row->first;
    const REAL *gram = (const REAL *)tile->values + at;
    const REAL *s = (const REAL *)panels->spread, *o = (const REAL *)panels->offset;
    const REAL s_i = s[tile->row_start + row->row], o_i = o[tile->row_start + row->row];
    s += tile->column_start + row->first;
    o += tile->column_start + row->first;
    for (int64_t k = 0; k < count; k++)
        values[k] = NAME(clamp)((s_i * s[k]) * NAME(clamp)(gram[k]) + o_i * o[k]);
}

static void NAME(write_values)(const qkv_panels *panels, const qkv_tile *tile, int32_t metric,
                               const qkv_tile_row *row, REAL *restrict values)
{
    const int64_t at = row->row * tile->leading + row->first, count = row->end - row->first;
    const REAL *gram = (const REAL *)tile->values + at;
    if (metric == QKVSIM_METRIC_COSINE)
        NAME(write_cosines)(panels, tile, row, values);
    else if (metric == QKVSIM_METRIC_PEARSON)
        for (int64_t k = 0; k < count; k++)
            values[k] = NAME(clamp)(gram[k]);
    else
        memcpy(values, gram, (size_t)count * sizeof *values);
}
