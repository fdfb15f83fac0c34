/* Distances between two histograms of the same bins. */
#ifndef QKV_DISTANCE_H
#define QKV_DISTANCE_H

#include <qkvsim/histogram.h>

enum { QKV_DISTANCES = 3 };

/* A QKVSIM_DISTANCE_* of checked histograms; NaN where one of them is empty. */
double qkv_distance(const int64_t *a, const int64_t *b, const double *edges, int64_t bins,
                    int32_t distance);

#endif
