/*
 * Similarity: the cosine sees where a feature stands, Pearson only how it moves.
 *
 * Pearson's correlation is the cosine after the mean of each feature is taken away. Here are the
 * two matrices of the 192 key features over the tokens " Alice", and pairs of features that point
 * the same way, or opposite ways, without having anything to do with each other.
 */
#include "capture.h"
#include <math.h>

static float cosine[CAPTURE_KEYS][CAPTURE_KEYS];
static float pearson[CAPTURE_KEYS][CAPTURE_KEYS];

static void compute(qkvsim_context *context, int32_t metric, float (*entries)[CAPTURE_KEYS])
{
    /* The keys are a slice of the fused tensor: a view that starts later and is narrower. */
    qkvsim_view keys = capture_view();
    keys.data = capture_values + CAPTURE_QUERIES;
    keys.features = CAPTURE_KEYS;

    qkvsim_selection alice = capture_targets();
    qkvsim_input input = {
        .struct_size = sizeof input, .parts = &keys, .part_count = 1, .selection = &alice
    };
    qkvsim_matrix matrix = { .struct_size = sizeof matrix,
                             .data = entries,
                             .rows = CAPTURE_KEYS,
                             .columns = CAPTURE_KEYS,
                             .leading_dimension = CAPTURE_KEYS,
                             .dtype = QKVSIM_DTYPE_F32 };
    must(qkvsim_similarity(context, &input, metric, NULL, &matrix), context, "similarity");
}

/* For the first keys, the partner to which the cosine says they are closest, or most opposed. */
static void show_closest_partners(void)
{
    puts("  key feature   most aligned with    cosine   Pearson");
    for (int i = 0; i < 12; i++) {
        int partner = i == 0;
        for (int j = 0; j < CAPTURE_KEYS; j++)
            if (j != i && fabsf(cosine[i][j]) > fabsf(cosine[i][partner]))
                partner = j;
        printf("  %11d   %17d   %+.3f    %+.3f\n", i, partner, (double)cosine[i][partner],
               (double)pearson[i][partner]);
    }
}

static double mean_magnitude(float (*entries)[CAPTURE_KEYS])
{
    double sum = 0;
    for (int i = 0; i < CAPTURE_KEYS; i++)
        for (int j = i + 1; j < CAPTURE_KEYS; j++)
            sum += fabs((double)entries[i][j]);
    return sum / (CAPTURE_KEYS * (CAPTURE_KEYS - 1) / 2);
}

int main(void)
{
    qkvsim_context *context;
    must(qkvsim_context_create(NULL, &context), NULL, "context");
    compute(context, QKVSIM_METRIC_COSINE, cosine);
    compute(context, QKVSIM_METRIC_PEARSON, pearson);

    show_closest_partners();
    printf("\nMean magnitude over all pairs of keys: cosine %.2f, Pearson %.2f.\n"
           "What the cosines share is the features' means, not their movements.\n",
           mean_magnitude(cosine), mean_magnitude(pearson));
    qkvsim_context_free(context);
    return EXIT_SUCCESS;
}
