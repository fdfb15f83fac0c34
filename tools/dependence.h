/*
 * How much observations resemble those before them: what lags, blocks and labels dealt at random
 * rest on.
 */
#ifndef TOOLS_DEPENDENCE_H
#define TOOLS_DEPENDENCE_H

#include "input.h"

struct dependence {
    double correlation; /* of an observation with the next one in use: a mean over features */
    int64_t features;   /* how many it was estimated from; with none, correlation is NaN */
    int64_t observations;
    int64_t segments; /* runs of equal segment numbers */
};

/* Of the observations of a mask (NULL: all), across no border of segments (NULL: one). At most 256
 * features are looked at, those of NaN, infinity or one value not at all. False without memory. */
bool dependence_estimate(struct dependence *dependence, const struct input *input,
                         const uint8_t *mask, const int32_t *segments);

/* As many observations as one that is unlike its neighbours is worth: (1 + r) / (1 - r), at least
 * 1. */
double dependence_time(const struct dependence *dependence);

/* How strongly labels come in clusters: the correlation of a label with the next one. */
double dependence_of_labels(const uint8_t *labels, int64_t count);

#endif
