/*
 * Baseline: how a similarity looks by chance depends on what chance may exchange.
 *
 * Shuffling all values ("all") leaves nothing of the features; shuffling each feature over the
 * tokens ("feature") breaks every relation between features and yet keeps their means. A pile of
 * cosines near -1 and +1 that the first destroys and the second keeps is made of the means.
 */
#include "capture.h"

static void show(const qkvsim_baseline *baseline, const char *scheme)
{
    const qkvsim_analysis *observed = qkvsim_baseline_observed(baseline);
    for (int32_t p = 0; p < qkvsim_layout_pair_groups(qkvsim_analysis_layout(observed)); p++) {
        double of_null[QKVSIM_SUMMARY_P + 1];
        for (int32_t summary = QKVSIM_SUMMARY_MEAN; summary <= QKVSIM_SUMMARY_P; summary++)
            of_null[summary] = qkvsim_baseline_statistic(baseline, p, QKVSIM_METRIC_COSINE,
                                                         QKVSIM_STATISTIC_TAIL, summary);
        printf("  %-8s %-5s %8.2f %%   %8.2f %%   %9.3f\n", scheme,
               qkvsim_layout_row_name(qkvsim_analysis_layout(observed), p),
               100
                   * qkvsim_analysis_statistic(observed, p, QKVSIM_METRIC_COSINE,
                                               QKVSIM_STATISTIC_TAIL),
               100 * of_null[QKVSIM_SUMMARY_MEAN], of_null[QKVSIM_SUMMARY_P]);
    }
}

static void compare_with(qkvsim_context *context, const qkvsim_layout *layout, int32_t scheme,
                         const char *name)
{
    qkvsim_view capture = capture_view();
    qkvsim_selection alice = capture_targets();
    qkvsim_input input = {
        .struct_size = sizeof input, .parts = &capture, .part_count = 1, .selection = &alice
    };
    qkvsim_analysis_options what = { .struct_size = sizeof what, .metrics = QKVSIM_METRIC_COSINE };
    qkvsim_baseline_options chance = {
        .struct_size = sizeof chance, .permutations = 99, .seed = 1865, .scheme = scheme
    };
    qkvsim_baseline *baseline;
    must(qkvsim_baseline_run(context, &input, layout, &what, &chance, &baseline), context,
         "baseline");
    show(baseline, name);
    qkvsim_baseline_free(baseline);
}

int main(void)
{
    qkvsim_context *context;
    must(qkvsim_context_create(NULL, &context), NULL, "context");

    qkvsim_layout *layout;
    int64_t widths[] = { CAPTURE_QUERIES, CAPTURE_KEYS, CAPTURE_VALUES };
    must(qkvsim_layout_widths(context, widths, NULL, 3, &layout), context, "layout");

    puts("Share of cosines beyond +-0.9, tokens \" Alice\", 99 permutations:\n"
         "  shuffled pairs   observed     by chance   p (two-sided)");
    compare_with(context, layout, QKVSIM_SCHEME_ALL, "all");
    compare_with(context, layout, QKVSIM_SCHEME_FEATURE, "feature");

    qkvsim_layout_free(layout);
    qkvsim_context_free(context);
    return EXIT_SUCCESS;
}
