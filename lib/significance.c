/* p-values for programs that have permutations of their own: adjusted for many tests, and beyond
 * what counting can tell. */
#include <qkvsim/significance.h>

#include <math.h>
#include <string.h>

#include "statistics/benjamini_hochberg.h"
#include "statistics/tail.h"

qkvsim_status qkvsim_adjust_bh(qkvsim_context *context, const double *p, int64_t count,
                               double *adjusted)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    if (count < 0)
        return qkv_invalid(context, "%lld p-values: expected 0 or more", (long long)count);
    if (count > 0 && (p == NULL || adjusted == NULL))
        return qkv_invalid(context, "%s is NULL", p == NULL ? "p" : "adjusted");
    for (int64_t k = 0; k < count; k++)
        if (p[k] < 0 || p[k] > 1)
            return qkv_invalid(context, "p-value %lld is %s, expected 0 to 1", (long long)k,
                               qkv_number(p[k]).text);
    return qkv_adjust_bh(context, p, count, adjusted);
}

static qkvsim_status check_tail(qkvsim_context *context, const double *values, int64_t count,
                                double observed, const double *p)
{
    if (values == NULL || p == NULL)
        return qkv_invalid(context, "%s is NULL", values == NULL ? "values" : "p");
    if (count < QKV_TAIL_VALUES_LEAST)
        return qkv_invalid(context, "%lld values have no tail to fit: at least %d are needed",
                           (long long)count, QKV_TAIL_VALUES_LEAST);
    for (int64_t k = 0; k < count; k++)
        if (!isfinite(values[k]))
            return qkv_invalid(context, "value %lld is %s: expected a finite number", (long long)k,
                               qkv_number(values[k]).text);
    return isfinite(observed) ? QKVSIM_OK
                              : qkv_invalid(context, "observed is %s: expected a finite number",
                                            qkv_number(observed).text);
}

qkvsim_status qkvsim_tail_p(qkvsim_context *context, const double *values, int64_t count,
                            double observed, double *p)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    const qkvsim_status status = check_tail(context, values, count, observed, p);
    if (status != QKVSIM_OK)
        return status;
    double *sorted = qkv_allocate(&context->allocator, (size_t)count, sizeof *sorted);
    if (sorted == NULL)
        return qkv_no_memory(context, "the sorted values");
    int64_t reached = 0;
    for (int64_t k = 0; k < count; k++)
        reached += values[k] >= observed;
    memcpy(sorted, values, (size_t)count * sizeof *values);
    *p = reached <= QKV_TAIL_REACHED_MOST ? qkv_tail_p(sorted, count, observed) : (double)NAN;
    qkv_release(&context->allocator, sorted);
    return QKVSIM_OK;
}
