/* Sums of a tile and of groups of chunks, of one type of number (kernels/both_reals.h). */

/* sum += term, with what rounding leaves out (Knuth's two-sum) added to `lost`, or put there
 * first. */
static void NAME(add_group)(REAL *sum, const REAL *term, REAL *lost, int64_t count, bool first)
{
    for (int64_t k = 0; k < count; k++) {
        const REAL total = sum[k] + term[k];
        const REAL added = total - sum[k];
        const REAL left_out = (sum[k] - (total - added)) + (term[k] - added);
        lost[k] = first ? left_out : lost[k] + left_out;
        sum[k] = total;
    }
}

static void NAME(add)(REAL *sum, const REAL *term, int64_t count)
{
    for (int64_t k = 0; k < count; k++)
        sum[k] += term[k];
}
