/* What an accumulator keeps. */
#ifndef QKV_ACCUMULATOR_H
#define QKV_ACCUMULATOR_H

#include <qkvsim/accumulator.h>

#include "context.h"

/* What is kept of one feature. */
typedef struct running_feature {
    double mean;
    double mean_low; /* what mean rounds off: the last digit of a large one is worth a deviation */
    double first;    /* the value, as long as all are equal */
    bool constant;
    bool nonfinite;
} running_feature;

struct qkvsim_accumulator {
    qkv_allocator allocator;
    int64_t features;
    int64_t observations;
    running_feature *running;
    double *moments; /* packed upper triangle of sums of centred products */
};

#endif
