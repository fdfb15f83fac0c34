/* Roll-ups: rows that are merged from those of pair groups, once these are complete. */
#include "rollups.h"

#include <string.h>

void qkv_mark_rollups(const qkvsim_layout *layout, bool *wanted)
{
    for (int32_t r = 0; r < layout->rollup_count; r++) {
        const qkv_rollup *rollup = &layout->rollups[r];
        bool *whole = &wanted[qkv_pair_groups(layout->groups) + r];
        *whole = true;
        for (int32_t k = 0; k < rollup->count; k++)
            *whole = *whole && wanted[rollup->pair_groups[k]];
    }
}

static void add_splits(qkv_split *to, const qkv_split *from)
{
    to->offset_sum += from->offset_sum;
    to->offset_energy += from->offset_energy;
    to->variance_sum += from->variance_sum;
    to->variance_energy += from->variance_energy;
    to->cross += from->cross;
    to->spread_energy += from->spread_energy;
    to->offset_energy_corrected += from->offset_energy_corrected;
    to->offset_squares += from->offset_squares;
}

/* Merges one metric of a roll-up's pair groups, in their order, into its row. */
static void merge_metric(const qkv_rollup *rollup, int64_t bins, int32_t row, int64_t *histograms,
                         qkv_moments *moments)
{
    int64_t *histogram = histograms + row * bins;
    moments[row] = (qkv_moments){ 0 };
    memset(histogram, 0, (size_t)bins * sizeof *histogram);
    for (int32_t k = 0; k < rollup->count; k++) {
        const int64_t *from = histograms + rollup->pair_groups[k] * bins;
        qkv_moments_merge(&moments[row], &moments[rollup->pair_groups[k]]);
        for (int64_t bin = 0; bin < bins; bin++)
            histogram[bin] += from[bin];
    }
}

void qkv_merge_rollups(qkvsim_analysis *analysis)
{
    const qkvsim_layout *layout = analysis->layout;
    for (int32_t r = 0; r < layout->rollup_count; r++) {
        const int32_t row = qkv_pair_groups(layout->groups) + r;
        const qkv_rollup *rollup = &layout->rollups[r];
        if (!analysis->wanted[row])
            continue;
        for (int32_t metric = 0; metric < QKV_METRICS; metric++)
            if (analysis->moments[metric] != NULL)
                merge_metric(rollup, analysis->binning.count, row, analysis->histograms[metric],
                             analysis->moments[metric]);
        analysis->splits[row] = (qkv_split){ 0 };
        for (int32_t k = 0; k < rollup->count; k++)
            add_splits(&analysis->splits[row], &analysis->splits[rollup->pair_groups[k]]);
    }
}
