/*
 * The mask: with one number for each group, an outer product labels every pair of features.
 *
 * Q = 1, K = 2, V = 3 multiply to six different products, so a single integer matrix says which
 * similarities are Q-Q, which are Q-K, and so on. Only the part above the diagonal counts: each
 * pair once, and no feature with itself.
 */
#include "capture.h"
#include <inttypes.h>

/* Six features, two a group, are few enough to look at. */
static void show_small_mask(qkvsim_context *context)
{
    qkvsim_layout *layout;
    must(qkvsim_layout_thirds(context, 6, &layout), context, "layout");

    int32_t entries[6][6];
    qkvsim_matrix mask = { .struct_size = sizeof mask,
                           .data = entries,
                           .rows = 6,
                           .columns = 6,
                           .leading_dimension = 6,
                           .dtype = QKVSIM_DTYPE_I32 };
    must(qkvsim_layout_mask(context, layout, NULL, &mask), context, "mask");

    puts("      q0 q1 k0 k1 v0 v1");
    for (int i = 0; i < 6; i++) {
        printf("  %c%d ", "qkv"[i / 2], i % 2);
        for (int j = 0; j < 6; j++)
            printf("%3" PRId32, entries[i][j]);
        putchar('\n');
    }
    qkvsim_layout_free(layout);
}

/* To count the pairs of a real layer no mask has to be built. */
static void count_pairs(qkvsim_context *context)
{
    qkvsim_layout *gpt2;
    must(qkvsim_layout_thirds(context, 3 * 768, &gpt2), context, "layout");

    int32_t codes[6]; /* of the pair groups of three groups */
    must(qkvsim_layout_mask_codes(context, gpt2, NULL, codes, 6), context, "codes");

    int64_t total = 0;
    puts("\nGPT-2, 2304 features:\n  pair group  code     pairs");
    for (int32_t p = 0; p < qkvsim_layout_pair_groups(gpt2); p++) {
        printf("  %-10s %5" PRId32 " %9" PRId64 "\n", qkvsim_layout_row_name(gpt2, p), codes[p],
               qkvsim_layout_pairs(gpt2, p));
        total += qkvsim_layout_pairs(gpt2, p);
    }
    printf("  %-16s %9" PRId64 " = 2304 * 2303 / 2\n", "all", total);
    qkvsim_layout_free(gpt2);
}

/* Not every choice of numbers works: 1 * 4 = 2 * 2. The library says so instead of miscounting. */
static void try_ambiguous_codes(qkvsim_context *context)
{
    qkvsim_layout *layout;
    must(qkvsim_layout_thirds(context, 6, &layout), context, "layout");

    int32_t products[6];
    if (qkvsim_layout_mask_codes(context, layout, (int32_t[]){ 1, 2, 4 }, products, 6)
        == QKVSIM_ERROR_AMBIGUOUS)
        printf("\nThe codes 1, 2, 4 are refused: %s\n", qkvsim_context_error(context));
    qkvsim_layout_free(layout);
}

int main(void)
{
    qkvsim_context *context;
    must(qkvsim_context_create(NULL, &context), NULL, "context");
    show_small_mask(context);
    count_pairs(context);
    try_ambiguous_codes(context);
    qkvsim_context_free(context);
    return EXIT_SUCCESS;
}
