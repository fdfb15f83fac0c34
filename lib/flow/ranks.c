/* A radix sort by bytes of keys whose order as integers is that of the values: the same time
 * whatever the values are, without comparisons that mispredict. */
#include "ranks.h"

#include <math.h>
#include <string.h>

enum {
    DIGITS = 256,
    TOGETHER = 8,
    ROWS_AT_A_TIME = 1 << 19 /* gone through between two looks for a cancellation */
};

/* Of whom a worker learns that the call is cancelled. */
typedef struct pulse {
    qkvsim_context *context;
    int32_t worker;
} pulse;

/* The end of the rows that begin with one, to go through at once; that row itself where the call is
 * cancelled. */
static int64_t next_rows(const pulse *own, int64_t row, int64_t n)
{
    return qkv_work_pulse(own->context, own->worker) ? row : qkv_smaller(n, row + ROWS_AT_A_TIME);
}

#define TEMPLATE "flow/ranks_template.h"
#include "kernels/both_reals.h"

size_t qkv_rank_scratch(int64_t n, int32_t arithmetic)
{
    return (size_t)n
           * (arithmetic == QKVSIM_DTYPE_F64 ? 2 * sizeof(entry_f64) + TOGETHER * sizeof(double)
                                             : 2 * sizeof(entry_f32) + TOGETHER * sizeof(float));
}

void qkv_rank_strip(qkvsim_context *context, int32_t worker, const qkv_strip *strip,
                    int32_t arithmetic, void *scratch)
{
    const pulse own = { context, worker };
    if (arithmetic == QKVSIM_DTYPE_F64)
        rank_strip_f64(&own, strip, scratch);
    else
        rank_strip_f32(&own, strip, scratch);
}
