/*
 * Histogram: matrix and mask together give one histogram for each pair group.
 *
 * These are the library's building blocks put together by hand, as a notebook would: a similarity
 * matrix, a mask of the same shape, and a count of the one sorted by the other.
 * (qkvsim_analysis_run gives the same counts without building either matrix; analysis.cpp shows
 * it.)
 */
#include "capture.h"

enum { BINS = 20, PAIR_GROUPS = 6 };

static float cosines[CAPTURE_FEATURES][CAPTURE_FEATURES];
static int32_t mask[CAPTURE_FEATURES][CAPTURE_FEATURES];

static qkvsim_matrix square(void *data, int32_t dtype)
{
    return (qkvsim_matrix){ .struct_size = sizeof(qkvsim_matrix),
                            .data = data,
                            .rows = CAPTURE_FEATURES,
                            .columns = CAPTURE_FEATURES,
                            .leading_dimension = CAPTURE_FEATURES,
                            .dtype = dtype };
}

/* What was written as a matrix is read as a view. */
static qkvsim_view view_of(const qkvsim_matrix *matrix)
{
    return (qkvsim_view){ .struct_size = sizeof(qkvsim_view),
                          .data = matrix->data,
                          .observations = matrix->rows,
                          .features = matrix->columns,
                          .observation_stride = matrix->leading_dimension,
                          .feature_stride = 1,
                          .dtype = matrix->dtype };
}

/* One column of the drawing: the share of a pair group's cosines in one bin. */
static void draw_bar(int64_t count, int64_t pairs)
{
    const char *marks = "##############################";
    const double share = (double)count / (double)pairs;
    printf("  %5.1f %% %-12.*s", 100 * share, (int)(40 * share), marks);
}

static void draw(const qkvsim_layout *layout, int64_t (*counts)[BINS])
{
    for (int b = 0; b < BINS; b++) {
        printf("  %+.1f", -1.0 + 2.0 * b / BINS);
        for (int32_t group = 0; group < 3; group++) {
            int32_t pair_group = qkvsim_layout_pair_group(layout, group, group);
            draw_bar(counts[pair_group][b], qkvsim_layout_pairs(layout, pair_group));
        }
        putchar('\n');
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
    qkvsim_input input = {
        .struct_size = sizeof input, .parts = &capture, .part_count = 1, .selection = &alice
    };
    qkvsim_matrix similarity = square(cosines, QKVSIM_DTYPE_F32);
    must(qkvsim_similarity(context, &input, QKVSIM_METRIC_COSINE, NULL, &similarity), context,
         "similarity");

    int32_t codes[PAIR_GROUPS];
    qkvsim_matrix labels = square(mask, QKVSIM_DTYPE_I32);
    must(qkvsim_layout_mask_codes(context, layout, NULL, codes, PAIR_GROUPS), context, "codes");
    must(qkvsim_layout_mask(context, layout, NULL, &labels), context, "mask");

    int64_t counts[PAIR_GROUPS][BINS];
    qkvsim_bins bins = { .struct_size = sizeof bins, .count = BINS };
    qkvsim_view values = view_of(&similarity), sorted_by = view_of(&labels);
    must(qkvsim_histogram(context, &values, &sorted_by, codes, PAIR_GROUPS, &bins, counts[0],
                          (int64_t)(sizeof counts / sizeof counts[0][0]), NULL),
         context, "histogram");

    puts("Cosines between features over the tokens \" Alice\":\n\n"
         "   from      Q-Q                    K-K                    V-V");
    draw(layout, counts);

    qkvsim_layout_free(layout);
    qkvsim_context_free(context);
    return EXIT_SUCCESS;
}
