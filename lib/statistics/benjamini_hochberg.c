/* The share of false discoveries, held by sorting the p-values. */
#include "benjamini_hochberg.h"

#include <math.h>
#include <stdlib.h>

typedef struct ranked {
    double p;
    int64_t at;
} ranked;

static int compare_ranked(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->p != y->p)
        return x->p < y->p ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

/* From the largest down, each is the least of its own p * count / rank and of those above it. */
static void adjust_ranked(const ranked *tests, int64_t count, double *adjusted)
{
    double least = 1;
    for (int64_t k = count - 1; k >= 0; k--) {
        least = fmin(least, tests[k].p * ((double)count / (double)(k + 1)));
        adjusted[tests[k].at] = least;
    }
}

qkvsim_status qkv_adjust_bh(qkvsim_context *context, const double *p, int64_t count,
                            double *adjusted)
{
    ranked *tests = qkv_allocate(&context->allocator, (size_t)count, sizeof *tests);
    if (tests == NULL)
        return qkv_no_memory(context, "the order of the p-values");
    int64_t defined = 0;
    for (int64_t k = 0; k < count; k++)
        if (!isnan(p[k]))
            tests[defined++] = (ranked){ p[k], k };
        else
            adjusted[k] = NAN;
    qsort(tests, (size_t)defined, sizeof *tests, compare_ranked);
    adjust_ranked(tests, defined, adjusted);
    qkv_release(&context->allocator, tests);
    return QKVSIM_OK;
}
