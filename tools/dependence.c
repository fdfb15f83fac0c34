/*
 * The lag-1 autocorrelation of an input's features.
 */
#include "dependence.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FEATURES_MAX = 256, FEATURES_MIN = 16, VALUES_MAX = 1 << 22 };

/* The rows in use, and which of them follow one in the same segment. */
struct sequence {
    int64_t *rows;
    bool *follows;
    int64_t count;
};

static double of_half(uint16_t bits)
{
    int exponent = bits >> 10 & 31, fraction = bits & 1023;
    double size = exponent == 31  ? (fraction != 0 ? (double)NAN : (double)INFINITY)
                  : exponent == 0 ? ldexp(fraction, -24)
                                  : ldexp(1024 + fraction, exponent - 25);
    return bits >> 15 != 0 ? -size : size;
}

static double of_bfloat(uint16_t bits)
{
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

static double element(const qkvsim_view *view, int64_t row, int64_t feature)
{
    int64_t at = row * view->observation_stride + feature * view->feature_stride;
    switch (view->dtype) {
    case QKVSIM_DTYPE_F16:
        return of_half(((const uint16_t *)view->data)[at]);
    case QKVSIM_DTYPE_BF16:
        return of_bfloat(((const uint16_t *)view->data)[at]);
    case QKVSIM_DTYPE_F32:
        return ((const float *)view->data)[at];
    default:
        return ((const double *)view->data)[at];
    }
}

/* The correlation of each value with the next one of its segment; NaN where there is none. */
static double correlation_of(const double *values, const struct sequence *sequence)
{
    double mean = 0, square = 0, product = 0;
    int64_t pairs = 0;
    for (int64_t i = 0; i < sequence->count; i++)
        mean += values[i] / (double)sequence->count;
    for (int64_t i = 0; i < sequence->count; i++) {
        square += (values[i] - mean) * (values[i] - mean);
        if (i > 0 && sequence->follows[i]) {
            product += (values[i] - mean) * (values[i - 1] - mean);
            pairs++;
        }
    }
    bool varies = square > 1e-12 * (double)sequence->count * mean * mean;
    return pairs > 0 && varies ? product / (double)pairs / (square / (double)sequence->count)
                               : (double)NAN;
}

static void find_sequence(struct sequence *sequence, struct dependence *dependence,
                          int64_t observations, const uint8_t *mask, const int32_t *segments)
{
    dependence->segments = 0;
    for (int64_t row = 0; row < observations; row++) {
        if (mask != NULL && !mask[row])
            continue;
        int64_t at = sequence->count++;
        sequence->rows[at] = row;
        sequence->follows[at] =
            at > 0 && (segments == NULL || segments[row] == segments[sequence->rows[at - 1]]);
        dependence->segments += !sequence->follows[at];
    }
    dependence->observations = sequence->count;
}

/* The mean over features that are spread over the input. */
static void average(struct dependence *dependence, const struct input *input,
                    const struct sequence *sequence, double *values)
{
    int64_t affordable = VALUES_MAX / (sequence->count + 1);
    int64_t wanted = affordable < FEATURES_MIN   ? FEATURES_MIN
                     : affordable > FEATURES_MAX ? FEATURES_MAX
                                                 : affordable;
    int64_t step = (input->features + wanted - 1) / wanted, column = 0;
    double sum = 0;
    for (int32_t p = 0; p < input->part_count; p++)
        for (int64_t f = 0; f < input->parts[p].features; f++, column++) {
            if (column % step != 0)
                continue;
            for (int64_t i = 0; i < sequence->count; i++)
                values[i] = element(&input->parts[p], sequence->rows[i], f);
            double correlation = correlation_of(values, sequence);
            if (!isfinite(correlation))
                continue;
            sum += correlation;
            dependence->features++;
        }
    dependence->correlation =
        dependence->features > 0 ? sum / (double)dependence->features : (double)NAN;
}

bool dependence_estimate(struct dependence *dependence, const struct input *input,
                         const uint8_t *mask, const int32_t *segments)
{
    size_t observations = (size_t)input->observations;
    struct sequence sequence = { .rows = calloc(observations, sizeof *sequence.rows),
                                 .follows = calloc(observations, sizeof *sequence.follows) };
    double *values = calloc(observations, sizeof *values);
    bool done = sequence.rows != NULL && sequence.follows != NULL && values != NULL;
    *dependence = (struct dependence){ .correlation = NAN };
    if (done) {
        find_sequence(&sequence, dependence, input->observations, mask, segments);
        average(dependence, input, &sequence, values);
    }
    free(values);
    free(sequence.follows);
    free(sequence.rows);
    return done;
}

double dependence_time(const struct dependence *dependence)
{
    double r = dependence->correlation;
    return r > 0 ? (1 + r) / fmax(1 - r, 1e-9) : 1;
}

double dependence_of_labels(const uint8_t *labels, int64_t count)
{
    double mean = 0, product = 0;
    for (int64_t i = 0; i < count; i++)
        mean += (labels[i] != 0) / (double)count;
    for (int64_t i = 1; i < count; i++)
        product += ((labels[i] != 0) - mean) * ((labels[i - 1] != 0) - mean);
    double variance = mean * (1 - mean);
    return count > 1 && variance > 0 ? product / (double)(count - 1) / variance : 0;
}
