/* Welford's updates (1962), cell by cell. */
#include "running.h"

#include <math.h>

qkvsim_status qkv_running_open(qkvsim_context *context, int64_t cells, qkv_running *running)
{
    *running = (qkv_running){ .allocator = context->allocator, .cells = cells };
    for (int s = 0; s < QKV_RUNNING_SUMMARIES; s++) {
        running->summaries[s] =
            qkv_allocate_zeroed(&context->allocator, (size_t)cells, sizeof(double));
        if (running->summaries[s] == NULL) {
            qkv_running_close(running);
            return qkv_no_memory(context, "the summaries of the repeated analyses");
        }
    }
    return QKVSIM_OK;
}

void qkv_running_close(qkv_running *running)
{
    for (int s = 0; s < QKV_RUNNING_SUMMARIES; s++)
        qkv_release(&running->allocator, running->summaries[s]);
    *running = (qkv_running){ 0 };
}

static inline void add(const qkv_running *running, int64_t cell, double value, int64_t k)
{
    double *const *summary = running->summaries;
    const double delta = value - summary[0][cell];
    summary[0][cell] += delta / (double)(k + 1);
    summary[1][cell] += delta * (value - summary[0][cell]);
    summary[2][cell] = k == 0 || value < summary[2][cell] ? value : summary[2][cell];
    summary[3][cell] = k == 0 || value > summary[3][cell] ? value : summary[3][cell];
}

void qkv_running_add(qkv_running *running, const double *values, int64_t k)
{
    for (int64_t cell = 0; cell < running->cells; cell++)
        add(running, cell, values[cell], k);
}

void qkv_running_add_counts(qkv_running *running, const int64_t *counts, int64_t k)
{
    for (int64_t cell = 0; cell < running->cells; cell++)
        add(running, cell, (double)counts[cell], k);
}

void qkv_running_finish(qkv_running *running, int64_t count)
{
    double **summary = running->summaries;
    for (int64_t cell = 0; cell < running->cells; cell++) {
        summary[1][cell] = sqrt(summary[1][cell] / (double)count);
        if (isnan(summary[0][cell]))
            summary[2][cell] = summary[3][cell] = NAN;
    }
}
