/* What every part of the library shares: the context, its allocator, error text and progress. */
#ifndef QKV_CONTEXT_H
#define QKV_CONTEXT_H

#include <qkvsim/context.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "arithmetic.h"
#include "kernels/kernels.h"

/* Every handle keeps a copy, so that it may outlive the context it was made through. */
typedef struct qkv_allocator {
    void *(*allocate)(void *user, size_t size);
    void (*release)(void *user, void *memory);
    void *user;
} qkv_allocator;

/* Memory that a context keeps from one call to the next: asking for it anew would cost 5 to 10 % of
 * a call. */
typedef enum qkv_workspace {
    QKV_WORKSPACE_PANELS,
    QKV_WORKSPACE_STRIPS,
    QKV_WORKSPACE_TILES,
    QKV_WORKSPACE_RANKS,
    QKV_WORKSPACE_COUNTS, /* left as zeros by each use */
    QKV_WORKSPACES
} qkv_workspace;

/* The sum of all metrics, and so the largest of their sums. */
enum { QKV_METRICS_SUM = 2 * QKVSIM_METRIC_SPEARMAN - 1 };

struct qkvsim_context {
    qkv_allocator allocator;
    qkvsim_progress progress;
    void *progress_user;
    int64_t work_done; /* units finished in the present call, of work_total */
    int64_t work_total;
    struct timespec work_told; /* when the callback was last called */
    atomic_bool work_cancelled;
    int32_t threads;
    const qkv_kernels *kernels;
    void *workspace[QKV_WORKSPACES];
    size_t workspace_bytes[QKV_WORKSPACES];
    char error[512];
};

/* malloc and free. */
extern const qkv_allocator qkv_default_allocator;

/* Memory aligned to a cache line; NULL where the allocator has none or count * size overflows. */
void *qkv_allocate(const qkv_allocator *allocator, size_t count, size_t size);
void *qkv_allocate_zeroed(const qkv_allocator *allocator, size_t count, size_t size);

/* The same of what is mostly left alone: unless the caller has an allocator, pages that nobody
 * touches take no memory. */
void *qkv_allocate_sparse(const qkv_allocator *allocator, size_t count, size_t size);

/* Under the eyes of the callback: new pages of some gigabytes take seconds. False, and NULL, where
 * the call is cancelled; without a context nobody looks. */
bool qkv_copy_watched(qkvsim_context *context, void *to, const void *from, size_t bytes);
void *qkv_allocate_zeroed_watched(qkvsim_context *context, size_t count, size_t size);

/* Asks for bytes of a mapped file that are read soon, and for no others: the system would read
 * megabytes around the first of them. Advice only, wherever they are. */
void qkv_expect_bytes(const void *bytes, size_t size);

/* A handle of zeros but for its first member, the allocator that it lives by. */
void *qkv_allocate_handle(const qkvsim_context *context, size_t size);
void qkv_release(const qkv_allocator *allocator, void *memory);

/* At least count * size bytes for one use at a time, owned by the context; their content is that of
 * the last use, or zero. NULL where memory is short. */
void *qkv_borrow(qkvsim_context *context, qkv_workspace which, size_t count, size_t size);

/* Writes the context's error text, if there is a context, and returns the status: the one given,
 * QKVSIM_ERROR_INVALID_ARGUMENT or QKVSIM_ERROR_NO_MEMORY. */
__attribute__((format(printf, 3, 4))) qkvsim_status
qkv_fail(qkvsim_context *context, qkvsim_status status, const char *format, ...);
__attribute__((format(printf, 2, 3))) qkvsim_status qkv_invalid(qkvsim_context *context,
                                                                const char *format, ...);
/* Of a constant that is none of those expected: UNSUPPORTED where it is beyond the last that this
 * library knows, and the text says so. */
__attribute__((format(printf, 4, 5))) qkvsim_status
qkv_unknown(qkvsim_context *context, int32_t value, int32_t last, const char *format, ...);
qkvsim_status qkv_no_memory(qkvsim_context *context, const char *what);

/* Fails where an array of the caller's has less room than is needed. */
qkvsim_status qkv_check_capacity(qkvsim_context *context, const char *array, int64_t capacity,
                                 int64_t needed);

/* A number for messages, in as few digits as tell it from every other: qkv_number(0.1).text is
 * "0.1". */
typedef struct qkv_number_text {
    char text[32];
} qkv_number_text;
qkv_number_text qkv_number(double value);

/*
 * Progress of one public call: open where it begins to read, begin once the units are known, then
 * advance on the calling thread; true means cancelled. Between the units, pulse: it costs a look at
 * the clock, and reaches the callback where a tenth of a second has passed. Worker 0 is the calling
 * thread; the others only learn of a cancellation.
 */
void qkv_work_open(qkvsim_context *context);
void qkv_work_begin(qkvsim_context *context, int64_t total);
bool qkv_work_at(qkvsim_context *context, int64_t done);
bool qkv_work_pulse(qkvsim_context *context, int32_t worker);
bool qkv_work_is_cancelled(qkvsim_context *context);

/* For loops over numbers that may be many: a pulse at every 2^18th. */
static inline bool qkv_work_pulse_at(qkvsim_context *context, int64_t number)
{
    return context != NULL && number % (1 << 18) == 0 && qkv_work_pulse(context, 0);
}

qkvsim_status qkv_cancelled(qkvsim_context *context);

#endif
