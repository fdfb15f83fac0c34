/**
 * @file context.h
 * A context holds what calls share: allocator, thread count, progress callback, last error.
 */
#ifndef QKVSIM_CONTEXT_H
#define QKVSIM_CONTEXT_H

#include <qkvsim/common.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * A context keeps the working memory of its largest call (about the size of that input in the
 * arithmetic's type) until it is freed.
 *
 * **Threads.** One context serves one thread at a time, any thread; two contexts may work at once
 * in two threads, also of one input. Results (analyses, baselines, comparisons, intervals, pairs)
 * and layouts that have their roll-ups are immutable: any number of threads may read, pack, merge
 * and analyse with them at once. An accumulator serves one thread at a time. Handles may outlive
 * the context they were made through. They may be freed on any thread, once nobody uses them; they
 * are freed by the context's allocator, which must allow that. What needs no context (accessors,
 * qkvsim_version, ...) may be called at any time.
 *
 * **OpenBLAS's thread count.** The library's own threads multiply, each by itself: while any call
 * of the process multiplies, OpenBLAS's thread count is 1, also for what other threads ask of
 * OpenBLAS meanwhile. When the last such call ends, also one that fails or is cancelled, it is
 * again what it was before the first. Another thread must not set it in between: that is undone.
 * Builds of OpenBLAS with OpenMP have a count for each thread, and there none but the calling
 * thread's changes. No call leaves a thread behind.
 *
 * **fork.** A process may fork while other threads of it are in calls. The child calls with
 * contexts of its own, and has OpenBLAS's thread count from before those calls. Contexts that were
 * in no call, and results, serve both. A child forked within a callback must not return from it.
 *
 * **exit.** A process may end while other threads of it are in calls. They stay where they are, and
 * never return: what runs after the destructors of this library must not wait for them.
 *
 * **Stacks.** A call needs 64 kB of the stack of its thread; threads that it starts have 1 MB each.
 *
 * **Address space.** OpenBLAS maps up to 128 MB for each thread that multiplies, and keeps it.
 * Where a limit leaves no room for all (RLIMIT_AS, ulimit -v, a scheduler's memory limit), fewer
 * threads multiply; where it leaves none for one, calls fail with NO_MEMORY. OpenBLAS also starts
 * threads of its own while it is loaded, and those of version 0.3.21 ask for theirs for ever, also
 * as the process ends: under such a limit set OPENBLAS_NUM_THREADS=1 before the process starts, as
 * the program does.
 */
typedef struct qkvsim_context qkvsim_context;

/**
 * Called on the thread that made the call, never on a worker: several times a second, also where
 * units of work are long.
 * @param user  the context option `progress_user`
 * @param done  units of work finished, from 0 to total; never falls during one call
 * @param total units of work in this call, at least 1; not known, and 1, before the first is begun
 * @return 0 to go on, anything else to cancel: the call then returns QKVSIM_ERROR_CANCELLED.
 */
typedef int32_t (*qkvsim_progress)(void *user, int64_t done, int64_t total);

/** Which inner loops run. All give the same bin counts; fixed choices are for tests. */
typedef int32_t qkvsim_kernels;
enum {
    QKVSIM_KERNELS_AUTO = 0, /**< the fastest this processor has */
    QKVSIM_KERNELS_PORTABLE = 1,
    QKVSIM_KERNELS_AVX2 = 2,  /**< x86-64 with AVX2, FMA, F16C */
    QKVSIM_KERNELS_AVX512 = 3 /**< x86-64 with AVX-512 F, BW, DQ, VL */
};

/** Zero in any field is its default. */
typedef struct qkvsim_context_options {
    size_t struct_size;
    /** Returns `size` bytes aligned for any type, or NULL. Default malloc. Called from the thread
     *  that made the call only. allocate and release are given together or not at all. */
    void *(*allocate)(void *user, size_t size);
    void (*release)(void *user, void *memory);
    void *allocate_user;
    qkvsim_progress progress; /**< default: none */
    void *progress_user;
    int32_t threads;        /**< default (0): every processor this process may run on */
    qkvsim_kernels kernels; /**< QKVSIM_KERNELS_*; default: AUTO */
    /** Receives what is wrong where no context comes of it: error_size bytes, of which 512 hold
     * every text and fewer its beginning. Given together or not at all; untouched where all is
     * well. */
    char *error;
    int64_t error_size;
} qkvsim_context_options;

/**
 * Makes a context.
 * @param options NULL for all defaults; read during the call only
 * @param context receives the handle; free it with qkvsim_context_free
 * @return INVALID_ARGUMENT (NULL context, negative threads or more than 1024, kernels this
 * processor lacks, allocate without release, error without error_size), UNSUPPORTED or NO_MEMORY,
 * with a text in the options' `error`: there is no context to keep it. None is written where
 * struct_size is too small to say that there is such a field
 */
QKVSIM_API qkvsim_status qkvsim_context_create(const qkvsim_context_options *options,
                                               qkvsim_context **context);

/** Frees a context; NULL is allowed. Handles made through it stay valid. */
QKVSIM_API void qkvsim_context_free(qkvsim_context *context);

/**
 * What went wrong in the context's last failed call, with the numbers; "" if none failed yet. Owned
 * by the context, valid until its next call. A NULL context gives "".
 */
QKVSIM_API const char *qkvsim_context_error(const qkvsim_context *context);

/** Threads that calls through this context use; 0 for NULL. */
QKVSIM_API int32_t qkvsim_context_threads(const qkvsim_context *context);

/** Name of the inner loops in use: "portable", "avx2" or "avx512", "" for NULL; static. */
QKVSIM_API const char *qkvsim_context_kernels(const qkvsim_context *context);

/** Replaces the progress callback (NULL: none). */
QKVSIM_API void qkvsim_context_set_progress(qkvsim_context *context, qkvsim_progress progress,
                                            void *user);

#ifdef __cplusplus
}
#endif
#endif
