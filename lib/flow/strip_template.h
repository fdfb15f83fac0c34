/* Columns of a strip, and the ratios of features, of one type of number (kernels/both_reals.h). */

static bool NAME(column_is_finite)(const qkv_strip *strip, int64_t j)
{
    const REAL *values = (const REAL *)strip->values + j;
    for (int64_t r = 0; r < strip->count; r++)
        if (!isfinite(values[r * strip->leading]) || qkv_strip_ended_at(strip, r))
            return false;
    return true;
}

static void NAME(clear_column)(const qkv_strip *strip, int64_t j)
{
    REAL *values = (REAL *)strip->values + j;
    for (int64_t r = 0; r < strip->count && !qkv_strip_ended_at(strip, r); r++)
        values[r * strip->leading] = 0;
}

/* The next number of this type on the way to `to`. */
static REAL NAME(next)(REAL value, REAL to)
{
    return IS_DOUBLE ? (REAL)nextafter((double)value, (double)to)
                     : (REAL)nextafterf((float)value, (float)to);
}

/* s and o rounded so that their squares, each rounded, come to 1 at least: equal columns would have
 * a cosine below 1 otherwise. The larger goes up by a last digit; what exceeds 1 is clamped. */
static void NAME(store_ratio)(REAL *spread, REAL *offset, double s, double o)
{
    *spread = (REAL)s;
    *offset = (REAL)o;
    REAL *const larger = fabs(o) > s ? offset : spread;
    for (int k = 0; k < LAST_DIGITS && *spread * *spread + *offset * *offset < 1; k++)
        *larger = NAME(next)(*larger, *larger < 0 ? -1 : 1);
}
