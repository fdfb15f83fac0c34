/* A statistic's replicates: what intervals are made of. */
#ifndef QKV_SAMPLE_H
#define QKV_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

/* One statistic's value in each replicate, or the difference of two statistics. */
typedef struct qkv_sample {
    const double *values;
    const double *less; /* what is taken off them; NULL: nothing */
    int64_t count;
    double observed;
    double expected; /* what resamples of the observations have on average, but for their bias */
} qkv_sample;

static inline double qkv_sample_value(const qkv_sample *sample, int64_t k)
{
    return sample->less != NULL ? sample->values[k] - sample->less[k] : sample->values[k];
}

#endif
