/*
 * Comparison: do the targets' similarities differ from the other tokens', or only from what more
 * tokens would show?
 *
 * 32 targets give a wider histogram than 992 other tokens whatever the tokens are. So the distance
 * of the two is tested at equal sizes, on random subsets of the others. The rows follow the text,
 * and neighbours resemble each other: the labels are rotated and not dealt freely. And because
 * there are six pair groups, p_max is the p-value that holds for all of them together.
 */
#include "capture.h"

static void show(const qkvsim_comparison *comparison, int32_t metric, const char *name)
{
    const qkvsim_analysis *targets = qkvsim_comparison_first(comparison);
    for (int32_t p = 0; p < qkvsim_layout_pair_groups(qkvsim_analysis_layout(targets)); p++) {
        double of_distance[QKVSIM_SUMMARY_MATCHED_SD + 1];
        for (int32_t what = QKVSIM_SUMMARY_OBSERVED; what <= QKVSIM_SUMMARY_MATCHED_SD; what++)
            of_distance[what] = qkvsim_comparison_distance(comparison, p, metric,
                                                           QKVSIM_DISTANCE_WASSERSTEIN, what);
        printf("  %-8s %-5s %9.3f   %9.3f +- %.3f   %9.3f   %9.3f\n", name,
               qkvsim_layout_row_name(qkvsim_analysis_layout(targets), p),
               of_distance[QKVSIM_SUMMARY_OBSERVED], of_distance[QKVSIM_SUMMARY_MATCHED_MEAN],
               of_distance[QKVSIM_SUMMARY_MATCHED_SD], of_distance[QKVSIM_SUMMARY_P],
               of_distance[QKVSIM_SUMMARY_P_MAX]);
    }
}

int main(void)
{
    qkvsim_context *context;
    must(qkvsim_context_create(NULL, &context), NULL, "context");

    qkvsim_layout *layout;
    int64_t widths[] = { CAPTURE_QUERIES, CAPTURE_KEYS, CAPTURE_VALUES };
    must(qkvsim_layout_widths(context, widths, NULL, 3, &layout), context, "layout");

    qkvsim_view capture = capture_view();
    qkvsim_selection alice = capture_targets();
    uint8_t is_other[CAPTURE_TOKENS];
    for (int i = 0; i < CAPTURE_TOKENS; i++)
        is_other[i] = 1;
    for (int i = 0; i < CAPTURE_ALICE; i++)
        is_other[alice.observations[i]] = 0;
    qkvsim_selection others = { .struct_size = sizeof others,
                                .mask = is_other,
                                .count = CAPTURE_TOKENS };

    qkvsim_input input = {
        .struct_size = sizeof input, .parts = &capture, .part_count = 1, .selection = &alice
    };
    qkvsim_comparison_options how = {
        .struct_size = sizeof how, .permutations = 99, .seed = 1865, .relabel = QKVSIM_RELABEL_SHIFT
    };
    qkvsim_comparison *comparison;
    must(qkvsim_comparison_run(context, &input, &others, layout, NULL, &how, &comparison), context,
         "comparison");

    puts("Wasserstein distance of the tokens \" Alice\" from the others, 99 relabellings:\n"
         "  metric   pairs        all         at equal sizes           p       p_max");
    show(comparison, QKVSIM_METRIC_COSINE, "cosine");
    show(comparison, QKVSIM_METRIC_PEARSON, "Pearson");

    qkvsim_comparison_free(comparison);
    qkvsim_layout_free(layout);
    qkvsim_context_free(context);
    return EXIT_SUCCESS;
}
