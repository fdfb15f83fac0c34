/**
 * @file common.h
 * Status codes, element types, metrics and the version: the words every other header uses.
 */
#ifndef QKVSIM_COMMON_H
#define QKVSIM_COMMON_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__) && !defined(QKVSIM_STATIC) /* set where the archive is compiled */
#define QKVSIM_API __attribute__((visibility("default")))
#else
#define QKVSIM_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/**
 * What a call came to. Anything but QKVSIM_OK leaves every output untouched: a handle initialised
 * to NULL may be freed whether the call succeeded or not. NULL where a result is to go is
 * INVALID_ARGUMENT, and so is a NULL context but where a call says that it may be.
 */
typedef int32_t qkvsim_status;
enum {
    QKVSIM_OK = 0,
    QKVSIM_ERROR_INVALID_ARGUMENT = 1, /**< NULL, out of range, inconsistent sizes */
    QKVSIM_ERROR_NO_MEMORY = 2,        /**< an allocation failed; nothing leaked or half-changed */
    QKVSIM_ERROR_TOO_LARGE = 3,        /**< a size or a result does not fit its type */
    QKVSIM_ERROR_NONFINITE = 4,        /**< NaN or infinity in the input */
    QKVSIM_ERROR_AMBIGUOUS = 5,        /**< two pair groups share a mask code */
    QKVSIM_ERROR_CANCELLED = 6,        /**< the progress callback asked to stop */
    QKVSIM_ERROR_UNSUPPORTED = 7       /**< a field or constant of a newer library */
};

/** Element types. Zero is none, so that a forgotten field is an error and not a type. */
typedef int32_t qkvsim_dtype;
enum {
    QKVSIM_DTYPE_F16 = 1,  /**< IEEE 754 binary16 */
    QKVSIM_DTYPE_BF16 = 2, /**< the upper half of a binary32 */
    QKVSIM_DTYPE_F32 = 3,
    QKVSIM_DTYPE_F64 = 4,
    QKVSIM_DTYPE_I32 = 5 /**< masks only */
};

/** Similarity metrics; each is one bit, so that a set of them is their sum. */
typedef int32_t qkvsim_metric;
enum {
    QKVSIM_METRIC_COSINE = 1,
    QKVSIM_METRIC_PEARSON = 2,
    QKVSIM_METRIC_COVARIANCE =
        4,                 /**< matrices only: sum of centred products over n - 1 (numpy.cov) */
    QKVSIM_METRIC_DOT = 8, /**< matrices only: sum of products */
    QKVSIM_METRIC_SPEARMAN = 16 /**< Pearson of the ranks, equal values sharing their mean rank */
};

/** What to do with NaN and infinity in the input. */
typedef int32_t qkvsim_nonfinite;
enum {
    QKVSIM_NONFINITE_ERROR = 0,            /**< fail, naming part, row and column */
    QKVSIM_NONFINITE_DROP_OBSERVATION = 1, /**< leave out each observation that has one */
    QKVSIM_NONFINITE_UNDEFINED_FEATURE = 2 /**< leave out each feature that has one */
};

/**
 * Sets every field of a struct that begins with struct_size to zero, its default, and struct_size
 * to size:
 *
 *     qkvsim_analysis_options options;
 *     qkvsim_struct_init(&options, sizeof options);
 *
 * In C `= { .struct_size = sizeof options, ... }` does the same. The size is the caller's, so a
 * program built with an older header works with a newer library. NULL or a size too small to hold
 * struct_size does nothing.
 */
QKVSIM_API void qkvsim_struct_init(void *options, size_t size);

/** A short English name of a status, never NULL, static: "invalid argument". */
QKVSIM_API const char *qkvsim_status_name(qkvsim_status status);

/** The version of these headers. A program compares it with what it runs with, if it must. */
enum { QKVSIM_VERSION_MAJOR = 0, QKVSIM_VERSION_MINOR = 1, QKVSIM_VERSION_PATCH = 0 };

/** The library's version as one number that grows: 10000 major + 100 minor + patch. */
QKVSIM_API int32_t qkvsim_version_number(void);

/** The library's version, "0.1.0", static. */
QKVSIM_API const char *qkvsim_version(void);

/** How the loaded OpenBLAS describes itself (version, build options, core), static. */
QKVSIM_API const char *qkvsim_blas_description(void);

#ifdef __cplusplus
}
#endif
#endif
