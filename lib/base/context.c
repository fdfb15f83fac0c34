/* The context: allocation, error text, progress. */
#define _GNU_SOURCE /* madvise, clock_gettime */
#include "context.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CACHE_LINE = 64, HUGE_PAGE = 2097152, WRITTEN_AT_A_TIME = 1 << 22 };

static const double seconds_between_calls =
    0.1; /* of the progress callback, where units are long */

static void *default_allocate(void *user, size_t size)
{
    (void)user;
    return malloc(size);
}

static void default_release(void *user, void *memory)
{
    (void)user;
    free(memory);
}

const qkv_allocator qkv_default_allocator = { default_allocate, default_release, NULL };

static const size_t alignment_bytes = CACHE_LINE + sizeof(void *);

static bool has_a_size(size_t count, size_t size)
{
    return size == 0 || count <= (PTRDIFF_MAX - alignment_bytes) / size;
}

/* The pointer the allocator gave stands just below the aligned block. */
static void *align(char *given)
{
    if (given == NULL)
        return NULL;
    const uintptr_t first = (uintptr_t)given + sizeof(void *);
    char *aligned = given + sizeof(void *) + (CACHE_LINE - first % CACHE_LINE) % CACHE_LINE;
    memcpy(aligned - sizeof(void *), &given, sizeof given);
    return aligned;
}

void *qkv_allocate(const qkv_allocator *allocator, size_t count, size_t size)
{
    return has_a_size(count, size)
               ? align(allocator->allocate(allocator->user, count * size + alignment_bytes))
               : NULL;
}

/* Panels and moments of many megabytes are read all over: pages of 4 KB would miss the processor's
 * table of pages, which costs 5 to 10 %. Advice only, and only for memory that is not the
 * caller's. */
static void advise_huge_pages(const qkv_allocator *allocator, void *memory, size_t bytes)
{
#ifdef MADV_HUGEPAGE
    const uintptr_t start = ((uintptr_t)memory + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    const uintptr_t end = ((uintptr_t)memory + bytes) / HUGE_PAGE * HUGE_PAGE;
    if (allocator->allocate == default_allocate && start < end)
        madvise((char *)memory + (start - (uintptr_t)memory), end - start, MADV_HUGEPAGE);
#endif
}

void *qkv_allocate_zeroed(const qkv_allocator *allocator, size_t count, size_t size)
{
    void *memory = qkv_allocate(allocator, count, size);
    if (memory == NULL)
        return NULL;
    advise_huge_pages(allocator, memory, count * size);
    memset(memory, 0, count * size);
    return memory;
}

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

/* Whole pages are given back, and are zeros when they are next touched. calloc would write to
 * memory that was in use before. */
static void clear_pages(char *memory, size_t bytes)
{
    size_t before = 0, given_back = 0;
#ifdef __linux__
    const size_t page = page_size();
    before = (page - (uintptr_t)memory % page) % page;
    given_back = before < bytes ? (bytes - before) / page * page : 0;
    if (given_back == 0 || madvise(memory + before, given_back, MADV_DONTNEED) != 0)
        before = given_back = 0;
#endif
    memset(memory, 0, before);
    memset(memory + before + given_back, 0, bytes - before - given_back);
}

void *qkv_allocate_sparse(const qkv_allocator *allocator, size_t count, size_t size)
{
    enum { LARGE = 1 << 20 };
    if (allocator->allocate != default_allocate || size == 0 || count < LARGE / size)
        return qkv_allocate_zeroed(allocator, count, size);
    char *memory = qkv_allocate(allocator, count, size);
    if (memory != NULL)
        clear_pages(memory, count * size);
    return memory;
}

void qkv_expect_bytes(const void *bytes, size_t size)
{
    const size_t within = (uintptr_t)bytes % page_size();
    (void)madvise((char *)(uintptr_t)bytes - within, within + size, MADV_WILLNEED);
}

void *qkv_allocate_handle(const qkvsim_context *context, size_t size)
{
    qkv_allocator *handle = qkv_allocate_zeroed(&context->allocator, 1, size);
    if (handle != NULL)
        *handle = context->allocator;
    return handle;
}

void qkv_release(const qkv_allocator *allocator, void *memory)
{
    if (memory == NULL)
        return;
    void *given;
    memcpy(&given, (char *)memory - sizeof(void *), sizeof given);
    allocator->release(allocator->user, given);
}

/* Writes some bytes at a time, zeros where `from` is NULL. */
static bool write_watched(qkvsim_context *context, char *to, const char *from, size_t bytes)
{
    for (size_t at = 0, count; at < bytes; at += count) {
        if (context != NULL && qkv_work_pulse(context, 0))
            return false;
        count = bytes - at < WRITTEN_AT_A_TIME ? bytes - at : WRITTEN_AT_A_TIME;
        if (from != NULL)
            memcpy(to + at, from + at, count);
        else
            memset(to + at, 0, count);
    }
    return true;
}

bool qkv_copy_watched(qkvsim_context *context, void *to, const void *from, size_t bytes)
{
    return write_watched(context, to, from, bytes);
}

void *qkv_allocate_zeroed_watched(qkvsim_context *context, size_t count, size_t size)
{
    void *memory = qkv_allocate(&context->allocator, count, size);
    if (memory == NULL)
        return NULL;
    advise_huge_pages(&context->allocator, memory, count * size);
    if (write_watched(context, memory, NULL, count * size))
        return memory;
    qkv_release(&context->allocator, memory);
    return NULL;
}

void *qkv_borrow(qkvsim_context *context, qkv_workspace which, size_t count, size_t size)
{
    if (size != 0 && count > PTRDIFF_MAX / size)
        return NULL;
    if (context->workspace[which] != NULL && context->workspace_bytes[which] >= count * size)
        return context->workspace[which];
    qkv_release(&context->allocator, context->workspace[which]);
    context->workspace_bytes[which] = count * size;
    context->workspace[which] = qkv_allocate(&context->allocator, count, size);
    if (context->workspace[which] == NULL)
        return NULL;
    advise_huge_pages(&context->allocator, context->workspace[which], count * size);
    /* A cancelled call leaves it for the next to ask for anew. */
    if (!write_watched(context, context->workspace[which], NULL, count * size))
        context->workspace_bytes[which] = 0;
    return context->workspace[which];
}

qkvsim_status qkv_fail(qkvsim_context *context, qkvsim_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (context != NULL)
        vsnprintf(context->error, sizeof context->error, format, arguments);
    va_end(arguments);
    return status;
}

qkvsim_status qkv_invalid(qkvsim_context *context, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (context != NULL)
        vsnprintf(context->error, sizeof context->error, format, arguments);
    va_end(arguments);
    return QKVSIM_ERROR_INVALID_ARGUMENT;
}

qkvsim_status qkv_unknown(qkvsim_context *context, int32_t value, int32_t last, const char *format,
                          ...)
{
    const bool newer = value > last;
    va_list arguments;
    va_start(arguments, format);
    const int length =
        context != NULL ? vsnprintf(context->error, sizeof context->error, format, arguments) : -1;
    va_end(arguments);
    if (newer && length >= 0 && (size_t)length < sizeof context->error)
        snprintf(context->error + length, sizeof context->error - (size_t)length,
                 ": a newer library may know it");
    return newer ? QKVSIM_ERROR_UNSUPPORTED : QKVSIM_ERROR_INVALID_ARGUMENT;
}

qkvsim_status qkv_no_memory(qkvsim_context *context, const char *what)
{
    return qkv_fail(context, QKVSIM_ERROR_NO_MEMORY, "out of memory for %s", what);
}

qkvsim_status qkv_check_capacity(qkvsim_context *context, const char *array, int64_t capacity,
                                 int64_t needed)
{
    return capacity >= needed
               ? QKVSIM_OK
               : qkv_invalid(context, "%s has room for %lld numbers, needed are %lld", array,
                             (long long)capacity, (long long)needed);
}

qkv_number_text qkv_number(double value)
{
    qkv_number_text number;
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(number.text, sizeof number.text, "%.*g", digits, value);
        if (strtod(number.text, NULL) == value)
            break;
    }
    return number;
}

void qkv_work_open(qkvsim_context *context)
{
    atomic_store(&context->work_cancelled, false);
    clock_gettime(CLOCK_MONOTONIC, &context->work_told);
    qkv_work_begin(context, 1);
}

void qkv_work_begin(qkvsim_context *context, int64_t total)
{
    context->work_done = 0;
    context->work_total = total > 0 ? total : 1;
}

bool qkv_work_at(qkvsim_context *context, int64_t done)
{
    if (done > context->work_done)
        context->work_done = done;
    if (context->progress == NULL || qkv_work_is_cancelled(context))
        return qkv_work_is_cancelled(context);
    clock_gettime(CLOCK_MONOTONIC, &context->work_told);
    if (context->progress(context->progress_user, context->work_done, context->work_total) != 0)
        atomic_store(&context->work_cancelled, true);
    return qkv_work_is_cancelled(context);
}

static double seconds_since(const struct timespec *before)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - before->tv_sec) + 1e-9 * (double)(now.tv_nsec - before->tv_nsec);
}

bool qkv_work_pulse(qkvsim_context *context, int32_t worker)
{
    if (context->progress == NULL)
        return false;
    if (worker == 0 && seconds_since(&context->work_told) > seconds_between_calls)
        qkv_work_at(context, context->work_done);
    return qkv_work_is_cancelled(context);
}

bool qkv_work_is_cancelled(qkvsim_context *context)
{
    return atomic_load_explicit(&context->work_cancelled, memory_order_relaxed);
}

qkvsim_status qkv_cancelled(qkvsim_context *context)
{
    return qkv_fail(context, QKVSIM_ERROR_CANCELLED,
                    "cancelled by the progress callback after %lld of %lld units of work",
                    (long long)context->work_done, (long long)context->work_total);
}
