/* The library's calls with any numbers as input, an allocator that fails and a callback that
 * cancels at any time. Contexts and values are small, so that a run takes microseconds. */
#include <qkvsim/qkvsim.h>

#include "fuzz.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* What the first bytes decide; the others are values. */
struct plan {
    uint8_t call, observations, features, dtype;
    uint8_t metrics, nonfinite, scheme, groups;
    uint8_t fail_at, cancel_at, threads, reversed;
    int8_t numbers[12]; /* of options, which take any; 0 is a default */
};

/* Every branch on sizes that a small input can take is taken below these, and what grows with them
 * is how long a run takes: with 8, 4 and 4 one is fifty times shorter than with 24 each. */
enum { SIZE_MAX_EACH = 8, GROUPS_MAX = 4, REPEATS_MAX = 4, RESAMPLES_MAX = 22, ELEMENT_MAX = 8 };

static int64_t allocations_left, calls_left;

static void *allocate(void *user, size_t size)
{
    (void)user;
    return --allocations_left == 0 ? NULL : malloc(size);
}

static void release(void *user, void *memory)
{
    (void)user;
    free(memory);
}

static int32_t cancel(void *user, int64_t done, int64_t total)
{
    (void)user;
    (void)done;
    (void)total;
    return --calls_left == 0;
}

/* What a call is made with. */
typedef struct request {
    qkvsim_context *context;
    const struct plan *plan;
    qkvsim_input input;
    qkvsim_selection half;
    const qkvsim_layout *layout;
    qkvsim_analysis_options options;
} request;

/* Of all pair groups, or of those of a piece. */
static void analyze(const request *call)
{
    const int8_t *numbers = call->plan->numbers;
    int32_t pair_groups[INT8_MAX];
    qkvsim_analysis *made = NULL;
    qkvsim_analysis_options options = call->options;
    if (qkvsim_layout_piece_pair_groups(call->context, call->layout, numbers[0], numbers[1],
                                        pair_groups, numbers[2], &options.pair_group_count)
        == QKVSIM_OK)
        options.pair_groups = pair_groups;
    qkvsim_analysis_run(call->context, &call->input, call->layout, &options, &made);
    qkvsim_analysis_free(made);
}

static void permute_and_analyze(const request *call)
{
    const int8_t *numbers = call->plan->numbers;
    const qkvsim_baseline_options options = {
        .struct_size = sizeof options,
        .permutations = numbers[0] == 0 ? 2 : numbers[0] % (REPEATS_MAX + 1),
        .scheme = numbers[1] != 0 ? numbers[1] : call->plan->scheme % 8,
        .exchange = numbers[2],
        .exceedances = numbers[3],
        .first = numbers[4],
        .total = numbers[5],
    };
    qkvsim_baseline *made = NULL;
    qkvsim_baseline_run(call->context, &call->input, call->layout, &call->options, &options, &made);
    qkvsim_baseline_free(made);
}

static void find_intervals(const request *call)
{
    const int8_t *numbers = call->plan->numbers;
    const int64_t resamples = numbers[1] % RESAMPLES_MAX;
    const bool by_default = resamples == 0 && numbers[5] == QKVSIM_METHOD_BOOTSTRAP; /* 1000 */
    const qkvsim_interval_options options = {
        .struct_size = sizeof options,
        .blocks = numbers[0],
        .resamples = by_default ? RESAMPLES_MAX - 1 : resamples,
        .block_length = numbers[2],
        .level = numbers[3] / 100.0,
        .method = numbers[5],
        .reserved = numbers[6],
        .first = numbers[7],
        .total = numbers[8],
    };
    qkvsim_intervals *made = NULL;
    qkvsim_intervals_run(call->context, &call->input, numbers[4] > 0 ? &call->half : NULL,
                         call->layout, &call->options, &options, &made);
    qkvsim_intervals_free(made);
}

static void find_pairs(const request *call)
{
    const int8_t *numbers = call->plan->numbers;
    const double threshold = numbers[0] / 100.0;
    const qkvsim_pairs_options options = { .struct_size = sizeof options,
                                           .top = call->plan->scheme % 16,
                                           .threshold = numbers[0] != 0 ? &threshold : NULL,
                                           .metric = numbers[1],
                                           .sign = numbers[2],
                                           .per_pair_group = numbers[3],
                                           .limit = numbers[4] };
    qkvsim_pairs *made = NULL;
    qkvsim_pairs_run(call->context, &call->input, call->layout, &options, &made);
    qkvsim_pairs_free(made);
}

static void accumulate(const request *call)
{
    const int8_t *numbers = call->plan->numbers;
    const qkvsim_pairs_options options = { .struct_size = sizeof options,
                                           .top = call->plan->scheme % 16,
                                           .metric = numbers[1],
                                           .sign = numbers[2],
                                           .per_pair_group = numbers[3] };
    qkvsim_accumulator *sum = NULL;
    qkvsim_analysis *made = NULL;
    qkvsim_pairs *pairs = NULL;
    if (qkvsim_accumulator_create(call->context, call->input.parts->features, NULL, &sum)
            == QKVSIM_OK
        && qkvsim_accumulator_update(call->context, sum, &call->input) == QKVSIM_OK) {
        qkvsim_accumulator_analysis(call->context, sum, call->layout, NULL, &made);
        qkvsim_accumulator_pairs(call->context, sum, call->layout, &options, &pairs);
    }
    qkvsim_pairs_free(pairs);
    qkvsim_analysis_free(made);
    qkvsim_accumulator_free(sum);
}

static void compare(const request *call)
{
    const int8_t *numbers = call->plan->numbers;
    const qkvsim_comparison_options options = { .struct_size = sizeof options,
                                                .permutations = numbers[0] % (REPEATS_MAX + 1),
                                                .subsets = numbers[1] % (REPEATS_MAX + 1),
                                                .relabel = numbers[2],
                                                .centred = numbers[3],
                                                .exchange = numbers[4],
                                                .exceedances = numbers[5] };
    qkvsim_comparison *made = NULL;
    qkvsim_comparison_run(call->context, &call->input, &call->half, call->layout, &call->options,
                          &options, &made);
    qkvsim_comparison_free(made);
}

static void write_similarity(const request *call)
{
    const int64_t d = call->input.parts->features;
    double values[SIZE_MAX_EACH * SIZE_MAX_EACH];
    const qkvsim_matrix matrix = { sizeof matrix, values, d, d, d, QKVSIM_DTYPE_F64, 0 };
    qkvsim_similarity(call->context, &call->input, call->plan->metrics % 32, NULL, &matrix);
}

static void write_permutation(const request *call)
{
    double values[SIZE_MAX_EACH * SIZE_MAX_EACH];
    const qkvsim_view *view = call->input.parts;
    const int8_t *numbers = call->plan->numbers;
    const qkvsim_permutation permutation = { .struct_size = sizeof permutation,
                                             .scheme = call->plan->scheme % 8,
                                             .exchange = numbers[0],
                                             .layout = call->layout };
    const qkvsim_matrix matrix = {
        sizeof matrix,    values, view->observations, view->features, view->features,
        QKVSIM_DTYPE_F64, 0,
    };
    qkvsim_permute(call->context, &call->input, &permutation, &matrix);
}

static void (*const calls[])(const request *) = {
    analyze, permute_and_analyze, find_intervals,    find_pairs, accumulate,
    compare, write_similarity,    write_permutation,
};

/* A call on the view; statuses are as they come. */
static void call(qkvsim_context *context, const struct plan *plan, const qkvsim_view *view,
                 const qkvsim_layout *layout)
{
    int64_t rows[SIZE_MAX_EACH];
    int32_t segments[SIZE_MAX_EACH];
    const int64_t n = view->observations, count = (n + 1) / 2;
    for (int64_t r = 0; r < n; r++) { /* every second row, and the others */
        rows[r] = r < count ? 2 * r : 2 * (r - count) + 1;
        segments[r] = (int32_t)(r / (1 + (plan->numbers[11] & 7)));
    }
    const qkvsim_selection first = { .struct_size = sizeof first,
                                     .observations = rows,
                                     .count = count };
    request made = { .context = context, .plan = plan, .layout = layout };
    made.options = (qkvsim_analysis_options){ .struct_size = sizeof made.options,
                                              .metrics = plan->metrics % 32 };
    made.half = first;
    made.half.observations = rows + count;
    made.half.count = n - count;
    made.input = (qkvsim_input){ .struct_size = sizeof made.input,
                                 .parts = view,
                                 .part_count = 1,
                                 .nonfinite = plan->nonfinite % 4,
                                 .selection = plan->numbers[9] != 0 ? &first : NULL,
                                 .segments = plan->numbers[10] != 0 ? segments : NULL };
    calls[plan->call % (sizeof calls / sizeof *calls)](&made);
}

static void call_on_values(qkvsim_context *context, const struct plan *plan, void *values)
{
    const int64_t n = 1 + plan->observations % SIZE_MAX_EACH,
                  d = 1 + plan->features % SIZE_MAX_EACH;
    const bool reversed = plan->reversed % 2 != 0;
    const int32_t dtype = QKVSIM_DTYPE_F16 + plan->dtype % 4;
    const size_t size = dtype == QKVSIM_DTYPE_F64 ? 8 : dtype == QKVSIM_DTYPE_F32 ? 4 : 2;
    const qkvsim_view view = { .struct_size = sizeof view,
                               .data = (char *)values + (reversed ? (size_t)(d - 1) * size : 0),
                               .dtype = dtype,
                               .observations = n,
                               .features = d,
                               .observation_stride = d,
                               .feature_stride = reversed ? -1 : 1 };
    const int32_t groups = 1 + plan->groups % (int32_t)(d < GROUPS_MAX ? d : GROUPS_MAX);
    int32_t labels[SIZE_MAX_EACH];
    for (int32_t j = 0; j < d; j++)
        labels[j] = j % groups;
    qkvsim_layout *layout = NULL;
    allocations_left = plan->fail_at;
    calls_left = plan->cancel_at;
    if (qkvsim_layout_labels(context, labels, d, NULL, groups, &layout) == QKVSIM_OK)
        call(context, plan, &view, layout);
    qkvsim_layout_free(layout);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static qkvsim_context *contexts[2];
    static uint64_t values[SIZE_MAX_EACH * SIZE_MAX_EACH * ELEMENT_MAX / sizeof(uint64_t)];
    struct plan plan;
    if (size < sizeof plan)
        return 0;
    memcpy(&plan, bytes, sizeof plan);
    const size_t given = size - sizeof plan;
    for (size_t at = 0; at < sizeof values; at++) /* values repeat where they end */
        ((uint8_t *)values)[at] = given > 0 ? bytes[sizeof plan + at % given] : 0;
    const int which = plan.threads % 2;
    const qkvsim_context_options options = { .struct_size = sizeof options,
                                             .threads = which + 1,
                                             .allocate = allocate,
                                             .release = release,
                                             .progress = cancel };
    allocations_left = 0;
    if (contexts[which] == NULL && qkvsim_context_create(&options, &contexts[which]) != QKVSIM_OK)
        return 0;
    call_on_values(contexts[which], &plan, values);
    return 0;
}
