/*
 * Pairs: not how many features resemble each other, but which.
 *
 * The 20 strongest correlations between a query and a key feature, out of 110,592 pairs. Nothing
 * here tells the library where one head ends and the next begins, and yet almost every pair joins a
 * query head with the one key head that serves it, and most of them column by column: what the two
 * heads are multiplied with, they learnt together.
 */
#include "capture.h"
#include <inttypes.h>

enum { HEAD = 64, STRONGEST = 20, QUERY_HEADS_PER_KEY_HEAD = 3 };

static qkvsim_pairs *find(qkvsim_context *context)
{
    const int64_t widths[] = { CAPTURE_QUERIES, CAPTURE_KEYS, CAPTURE_VALUES };
    qkvsim_layout *layout;
    must(qkvsim_layout_widths(context, widths, NULL, 3, &layout), context, "layout");

    const int32_t queries_keys = qkvsim_layout_pair_group(layout, 0, 1);
    qkvsim_pairs_options options = { .struct_size = sizeof options,
                                     .metric = QKVSIM_METRIC_PEARSON,
                                     .pair_groups = &queries_keys,
                                     .pair_group_count = 1,
                                     .top = STRONGEST };
    qkvsim_view capture = capture_view();
    qkvsim_input input = { .struct_size = sizeof input, .parts = &capture, .part_count = 1 };
    qkvsim_pairs *pairs;
    must(qkvsim_pairs_run(context, &input, layout, &options, &pairs), context, "pairs");
    qkvsim_layout_free(layout);
    return pairs;
}

static void show(const qkvsim_pairs *pairs)
{
    int64_t count;
    const qkvsim_pair *list = qkvsim_pairs_list(pairs, &count);
    int served = 0, same_column = 0;
    puts("  query head:column   key head:column   Pearson");
    for (int64_t k = 0; k < count; k++) {
        const int64_t query = list[k].i, key = list[k].j - CAPTURE_QUERIES;
        printf("  %10" PRId64 ":%-10" PRId64 "%5" PRId64 ":%-8" PRId64 "%10.3f\n", query / HEAD,
               query % HEAD, key / HEAD, key % HEAD, list[k].value);
        served += query / HEAD / QUERY_HEADS_PER_KEY_HEAD == key / HEAD;
        same_column += query % HEAD == key % HEAD;
    }
    printf("\nOf %" PRId64
           " pairs %d join a query head with its key head, %d the same column of both.\n",
           count, served, same_column);
}

int main(void)
{
    qkvsim_context *context;
    must(qkvsim_context_create(NULL, &context), NULL, "context");
    qkvsim_pairs *pairs = find(context);
    show(pairs);
    qkvsim_pairs_free(pairs);
    qkvsim_context_free(context);
    return EXIT_SUCCESS;
}
