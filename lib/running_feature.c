/* Means in two doubles each: the last digit of a large one is worth a deviation. */
#include "running_feature.h"

#include <float.h>

#include "base/arithmetic.h"

double qkv_cross_weight(int64_t a, int64_t b)
{
    return (double)a * ((double)b / (double)(a + b));
}

bool qkv_stays_constant(const qkv_running_feature *a, const qkv_running_feature *b)
{
    return a->constant && b->constant && a->first == b->first;
}

/* The low part comes back within the high one's last digit. */
static void move_mean(qkv_running_feature *feature, double by)
{
    double left_out;
    const double sum = qkv_two_sum(feature->mean, by, &left_out);
    const double low = feature->mean_low + left_out;
    feature->mean = sum + low;
    feature->mean_low = low - (feature->mean - sum);
}

void qkv_merge_feature(qkv_running_feature *to, const qkv_running_feature *from, double share)
{
    if (to->nonfinite || from->nonfinite) {
        *to = (qkv_running_feature){ .nonfinite = true };
        return;
    }
    to->constant = qkv_stays_constant(to, from);
    move_mean(to, qkv_mean_difference(to, from) * share);
}

void qkv_merge_features(qkv_running_feature *to, const qkv_running_feature *from, int64_t features,
                        int64_t to_count, int64_t from_count)
{
    const double share = (double)from_count / (double)(to_count + from_count);
    for (int64_t j = 0; j < features; j++)
        if (to_count == 0)
            to[j] = from[j];
        else
            qkv_merge_feature(&to[j], &from[j], share);
}

bool qkv_squares_in_range(double squares, bool constant)
{
    return constant || (squares >= DBL_MIN && squares <= DBL_MAX);
}

qkvsim_status qkv_squares_out_of_range(qkvsim_context *context, double squares, int64_t column)
{
    return qkv_fail(context, QKVSIM_ERROR_TOO_LARGE,
                    "the sum of squares of column %lld %s double precision: scale the input",
                    (long long)column, squares < DBL_MIN ? "is too small for" : "exceeds");
}
