/* Welford's updates (1962), cell by cell. */
#include "running.h"

#include <math.h>

#include "welford.h"

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

void qkv_running_fill(qkv_running *running, int64_t cell, const double *values, int64_t count)
{
    double mean = 0, squares = 0, least = INFINITY, most = -INFINITY;
    for (int64_t k = 0; k < count; k++) {
        qkv_welford_add(values[k], k + 1, &mean, &squares);
        least = values[k] < least ? values[k] : least;
        most = values[k] > most ? values[k] : most;
    }
    const bool exists = count > 0 && !isnan(mean);
    running->summaries[0][cell] = exists ? mean : (double)NAN;
    running->summaries[1][cell] = exists ? sqrt(squares / (double)count) : (double)NAN;
    running->summaries[2][cell] = exists ? least : (double)NAN;
    running->summaries[3][cell] = exists ? most : (double)NAN;
}
