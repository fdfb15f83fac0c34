/*
 * What of an analysis needs no pairs of its own: offset ratios, and the sums over pairs that factor
 * into sums over features.
 */
#include "offset_split.h"

#include <math.h>
#include <string.h>

static void fill_offset_ratios(const qkv_panels *panels, qkvsim_analysis *analysis)
{
    for (int64_t j = 0; j < panels->features; j++)
        analysis->offset_ratios[j] = NAN;
    for (int64_t position = 0; position < panels->placed; position++) {
        const int64_t column = panels->order[position];
        const qkv_feature *feature = &panels->statistics[column];
        analysis->offset_ratios[column] = feature->offset;
    }
}

/* Products are added up feature by feature: half of (sum squared - sum of squares) would cancel
 * where one feature outweighs the others. */
static inline void add_to_factor(qkv_factor *of, double value)
{
    of->pairs += value * of->sum;
    of->sum += value;
}

/* `noise` is 1 / (n - 1): the part of s^2 by which n observations of mean 0 have o^2. */
static inline void add_offset(qkv_offset_sums *sum, const qkv_feature *feature, double noise)
{
    const double squared = feature->offset * feature->offset;
    const double spread = feature->spread * feature->spread;
    if (feature->kind == QKV_UNDEFINED)
        return;
    sum->count++;
    add_to_factor(&sum->offset, feature->offset);
    add_to_factor(&sum->squared, squared);
    add_to_factor(&sum->corrected, squared - spread * noise);
    add_to_factor(&sum->spread, spread);
}

/* Features stand group by group. */
static void sum_offsets(const qkv_panels *panels, const qkvsim_layout *layout,
                        qkv_offset_sums *sums)
{
    const int32_t *group_of = layout->group_of;
    const double n = (double)panels->observations;
    const double noise = n > 1 ? 1 / (n - 1) : 0;
    memset(sums, 0, (size_t)layout->groups * sizeof *sums);
    for (int64_t position = 0; position < panels->placed;) {
        const int32_t group = group_of[panels->order[position]];
        qkv_offset_sums sum = { 0 };
        for (; position < panels->placed && group_of[panels->order[position]] == group; position++)
            add_offset(&sum, &panels->statistics[panels->order[position]], noise);
        sums[group] = sum;
    }
}

static double sum_of_products(const qkv_factor *a, const qkv_factor *b, bool same)
{
    return same ? a->pairs : a->sum * b->sum;
}

/* Each feature is in as many pairs as there are others in its own, or all in the other, group. */
static double sum_of_means(const qkv_offset_sums *a, const qkv_offset_sums *b, bool same)
{
    const double of_a = (double)b->count * a->corrected.sum;
    const double of_b = (double)a->count * b->corrected.sum;
    return same ? (double)(a->count - 1) * a->corrected.sum / 2 : (of_a + of_b) / 2;
}

/* Sums over pairs of products factor into sums over features. */
static qkv_split split_offsets(const qkv_pair_result *result, const qkv_offset_sums *a,
                               const qkv_offset_sums *b, bool same)
{
    return (qkv_split){
        .offset_sum = sum_of_products(&a->offset, &b->offset, same),
        .offset_energy = sum_of_products(&a->squared, &b->squared, same),
        .variance_sum = result->variance_sum,
        .variance_energy = result->variance_energy,
        .cross = result->cross,
        .spread_energy = sum_of_products(&a->spread, &b->spread, same),
        .offset_energy_corrected = sum_of_products(&a->corrected, &b->corrected, same),
        .offset_squares = sum_of_means(a, b, same),
    };
}

static void fill_splits(const qkv_offset_sums *sums, const qkv_pair_result *results,
                        qkvsim_analysis *analysis)
{
    const int32_t groups = analysis->layout->groups;
    for (int32_t a = 0; a < groups; a++) {
        const bool exists = sums[a].count > 0 && analysis->observations > 2;
        analysis->group_offset[a] = exists ? sums[a].corrected.sum / (double)sums[a].count : NAN;
        for (int32_t b = a; b < groups; b++) {
            const int32_t p = qkv_pair_group(groups, a, b);
            analysis->splits[p] = split_offsets(&results[p], &sums[a], &sums[b], a == b);
        }
    }
}

void qkv_fill_offsets(const qkv_panels *panels, const qkv_pair_result *results,
                      qkv_offset_sums *sums, qkvsim_analysis *analysis)
{
    fill_offset_ratios(panels, analysis);
    sum_offsets(panels, analysis->layout, sums);
    fill_splits(sums, results, analysis);
}
