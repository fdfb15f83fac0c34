/* The library's calls with any numbers as input, an allocator that fails and a callback that cancels at
 * any time. Contexts and values are small, so that a run takes microseconds. */
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
};

enum { SIZE_MAX_EACH = 24, ELEMENT_MAX = 8 };

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

/* A call on the view; statuses are as they come. */
static void call(qkvsim_context *context, const struct plan *plan, const qkvsim_view *view,
                 const qkvsim_layout *layout)
{
    const qkvsim_analysis_options options = { .struct_size = sizeof options,
                                              .metrics = plan->metrics % 32 };
    const qkvsim_baseline_options permuted = { .struct_size = sizeof permuted,
                                               .permutations = 2,
                                               .scheme = plan->scheme % 8 };
    const qkvsim_interval_options interval = { .struct_size = sizeof interval };
    const qkvsim_pairs_options pairs = { .struct_size = sizeof pairs, .top = plan->scheme % 16 };
    const qkvsim_input input = { .struct_size = sizeof input,
                                 .parts = view,
                                 .part_count = 1,
                                 .nonfinite = plan->nonfinite % 4 };
    qkvsim_analysis *analysis = NULL;
    qkvsim_baseline *baseline = NULL;
    qkvsim_intervals *intervals = NULL;
    qkvsim_pairs *found = NULL;
    qkvsim_accumulator *sum = NULL;
    switch (plan->call % 5) {
    case 0:
        qkvsim_analyze(context, &input, layout, &options, &analysis);
        break;
    case 1:
        qkvsim_baseline_run(context, &input, layout, &options, &permuted, &baseline);
        break;
    case 2:
        qkvsim_intervals_run(context, &input, NULL, layout, &options, &interval, &intervals);
        break;
    case 3:
        qkvsim_pairs_find(context, &input, layout, &pairs, &found);
        break;
    default:
        if (qkvsim_accumulator_create(context, view->features, NULL, &sum) == QKVSIM_OK
            && qkvsim_accumulator_update(context, sum, &input) == QKVSIM_OK)
            qkvsim_accumulator_analyze(context, sum, layout, NULL, &analysis);
    }
    qkvsim_analysis_free(analysis);
    qkvsim_baseline_free(baseline);
    qkvsim_intervals_free(intervals);
    qkvsim_pairs_free(found);
    qkvsim_accumulator_free(sum);
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
    const int32_t groups = 1 + plan->groups % (int32_t)d;
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
