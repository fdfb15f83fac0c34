/* Moments of a stream, and the table of one type of number's kernels (both_reals.h). */

static void NAME(add_moments)(const qkv_moment_row *row)
{
    const REAL *gram = row->gram;
    const double *norms = row->norms, *deltas = row->deltas;
    const double norm = row->norm, shift = row->shift;
    double *restrict to = row->to;
    for (int64_t j = 0; j < row->count; j++)
        to[j] = to[j] + (double)gram[j] * norm * norms[j] + shift * deltas[j];
}

static const qkv_real_kernels NAME(real_kernels) = {
    .load = NAME(load),
    .measure = NAME(measure),
    .normalise = NAME(normalise),
    .tally = NAME(tally_rectangle),
    .add_moments = NAME(add_moments),
};
