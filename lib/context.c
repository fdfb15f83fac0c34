/* Contexts: made from options, freed, and asked what they are. */
#define _GNU_SOURCE /* sched_getaffinity */
#include <qkvsim/context.h>

#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "base/structs.h"

enum { THREADS_MAX = 1024 };

static int32_t available_processors(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        return CPU_COUNT(&set) < THREADS_MAX ? CPU_COUNT(&set) : THREADS_MAX;
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online < 1 ? 1 : online > THREADS_MAX ? THREADS_MAX : (int32_t)online;
}

static qkvsim_status check_options(qkvsim_context *context, const qkvsim_context_options *options)
{
    if ((options->allocate == NULL) != (options->release == NULL))
        return qkv_invalid(context, "%s is given without %s, expected both or neither",
                           options->allocate != NULL ? "allocate" : "release",
                           options->allocate != NULL ? "release" : "allocate");
    if (options->threads < 0 || options->threads > THREADS_MAX)
        return qkv_invalid(context, "threads is %d, expected 1 to %d, or 0 for every processor",
                           (int)options->threads, (int)THREADS_MAX);
    if (options->error == NULL ? options->error_size != 0 : options->error_size <= 0)
        return qkv_invalid(context, "error is %s and error_size %lld, expected both or neither",
                           options->error == NULL ? "NULL" : "given",
                           (long long)options->error_size);
    return QKVSIM_OK;
}

/* Fills the context from options; its error text says what is wrong with them. */
static qkvsim_status configure(qkvsim_context *context, const qkvsim_context_options *options)
{
    const qkvsim_status status = check_options(context, options);
    if (status != QKVSIM_OK)
        return status;
    context->kernels = qkv_kernels_choose(options->kernels);
    if (context->kernels == NULL)
        return qkv_unknown(context, options->kernels, QKVSIM_KERNELS_AVX512,
                           "kernels is %d, which this processor has no inner loops for, or nobody",
                           (int)options->kernels);
    context->allocator = (qkv_allocator){
        .allocate = options->allocate != NULL ? options->allocate : qkv_default_allocator.allocate,
        .release = options->release != NULL ? options->release : qkv_default_allocator.release,
        .user = options->allocate_user,
    };
    context->progress = options->progress;
    context->progress_user = options->progress_user;
    context->threads = options->threads > 0 ? options->threads : available_processors();
    return QKVSIM_OK;
}

static qkvsim_status create(qkvsim_context *prototype, const qkvsim_context_options *options,
                            qkvsim_context **context)
{
    if (context == NULL)
        return qkv_invalid(prototype, "context is NULL");
    const qkvsim_status status = configure(prototype, options);
    if (status != QKVSIM_OK)
        return status;
    qkvsim_context *made = qkv_allocate(&prototype->allocator, 1, sizeof *made);
    if (made == NULL)
        return qkv_no_memory(prototype, "the context");
    *made = *prototype;
    *context = made;
    return QKVSIM_OK;
}

/* There is no context yet to keep the text: a buffer of the caller's receives it. Where the struct
 * has bytes that this library does not know, those that it does are as they are. */
static void hand_over_error(const qkvsim_context *prototype, const qkvsim_context_options *options)
{
    const size_t needed = offsetof(qkvsim_context_options, error_size) + sizeof options->error_size;
    if (options != NULL && options->struct_size >= needed && options->error != NULL
        && options->error_size > 0)
        snprintf(options->error, (size_t)options->error_size, "%s", prototype->error);
}

qkvsim_status qkvsim_context_create(const qkvsim_context_options *options, qkvsim_context **context)
{
    qkvsim_context prototype = { 0 };
    qkvsim_context_options given;
    qkvsim_status status =
        qkv_read_options(&prototype, &qkv_struct_context_options, options, &given);
    if (status == QKVSIM_OK)
        status = create(&prototype, &given, context);
    if (status != QKVSIM_OK)
        hand_over_error(&prototype, options);
    return status;
}

void qkvsim_context_free(qkvsim_context *context)
{
    if (context != NULL) {
        const qkv_allocator allocator = context->allocator;
        for (int which = 0; which < QKV_WORKSPACES; which++)
            qkv_release(&allocator, context->workspace[which]);
        qkv_release(&allocator, context);
    }
}

const char *qkvsim_context_error(const qkvsim_context *context)
{
    return context != NULL ? context->error : "";
}

int32_t qkvsim_context_threads(const qkvsim_context *context)
{
    return context != NULL ? context->threads : 0;
}

const char *qkvsim_context_kernels(const qkvsim_context *context)
{
    return context != NULL ? context->kernels->name : "";
}

void qkvsim_context_set_progress(qkvsim_context *context, qkvsim_progress progress, void *user)
{
    if (context != NULL) {
        context->progress = progress;
        context->progress_user = user;
    }
}
