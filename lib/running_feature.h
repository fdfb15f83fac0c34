/* What a stream keeps of one feature, and how that of two sets of observations is put together. */
#ifndef QKV_RUNNING_FEATURE_H
#define QKV_RUNNING_FEATURE_H

#include "base/context.h"

/* What is kept of one feature; of one that is not finite nothing but that. */
typedef struct qkv_running_feature {
    double mean;
    double mean_low; /* what mean rounds off: the last digit of a large one is worth a deviation */
    double first;    /* the value, as long as all are equal */
    bool constant;
    bool nonfinite;
} qkv_running_feature;

/* Whether a feature that two sets of observations have is constant in both together. */
bool qkv_stays_constant(const qkv_running_feature *a, const qkv_running_feature *b);

/* delta: the mean in `from` less that in `to`; 0 where there is none. */
static inline double qkv_mean_difference(const qkv_running_feature *to,
                                         const qkv_running_feature *from)
{
    const double difference = (from->mean - to->mean) + (from->mean_low - to->mean_low);
    return to->nonfinite || from->nonfinite ? 0 : difference;
}

/* n_a n_b / n, the weight of delta delta'. */
double qkv_cross_weight(int64_t a, int64_t b);

/* share: that of `from` among the observations of both. */
void qkv_merge_feature(qkv_running_feature *to, const qkv_running_feature *from, double share);
void qkv_merge_features(qkv_running_feature *to, const qkv_running_feature *from, int64_t features,
                        int64_t to_count, int64_t from_count);

/* Whether a sum of squares has its digits: below the least normal number it loses them, and values
 * that differ would come to count as equal. */
bool qkv_squares_in_range(double squares, bool constant);
qkvsim_status qkv_squares_out_of_range(qkvsim_context *context, double squares, int64_t column);

#endif
