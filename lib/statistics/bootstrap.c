/*
 * Quantiles without sorting: contrasts are asked for when the run is over, by accessors that cannot
 * fail, so the order statistics are found by halving the range of the values' bit patterns.
 */
#include "bootstrap.h"

#include <math.h>
#include <string.h>

#include "welford.h"

double qkv_sample_sd(const qkv_sample *sample)
{
    double mean = 0, squares = 0;
    for (int64_t k = 0; k < sample->count; k++)
        qkv_welford_add(qkv_sample_value(sample, k), k + 1, &mean, &squares);
    return sqrt(squares / (double)(sample->count - 1));
}

static const uint64_t sign_bit = (uint64_t)1 << 63;

/* Numbers in the order of their doubles. */
static uint64_t key_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (bits & sign_bit) != 0 ? ~bits : bits | sign_bit;
}

static double value_of_key(uint64_t key)
{
    const uint64_t bits = (key & sign_bit) != 0 ? key & ~sign_bit : ~key;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static int64_t count_up_to(const qkv_sample *sample, double most)
{
    int64_t count = 0;
    for (int64_t k = 0; k < sample->count; k++)
        count += qkv_sample_value(sample, k) <= most;
    return count;
}

static double least_above(const qkv_sample *sample, double bound)
{
    double least = INFINITY;
    for (int64_t k = 0; k < sample->count; k++) {
        const double value = qkv_sample_value(sample, k);
        if (value > bound && value < least)
            least = value;
    }
    return least;
}

/* The value with `rank` others before it in order. */
static double order_statistic(const qkv_sample *sample, int64_t rank)
{
    double least = qkv_sample_value(sample, 0), most = least;
    for (int64_t k = 1; k < sample->count; k++) {
        least = fmin(least, qkv_sample_value(sample, k));
        most = fmax(most, qkv_sample_value(sample, k));
    }
    uint64_t low = key_of(least), high = key_of(most);
    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        if (count_up_to(sample, value_of_key(middle)) > rank)
            high = middle;
        else
            low = middle + 1;
    }
    return value_of_key(low);
}

double qkv_sample_quantile(const qkv_sample *sample, double share)
{
    const double place = share * (double)(sample->count - 1);
    const int64_t rank = (int64_t)place;
    const double below = order_statistic(sample, rank);
    if (rank + 1 >= sample->count || count_up_to(sample, below) > rank + 1)
        return below;
    return below + (place - (double)rank) * (least_above(sample, below) - below);
}
