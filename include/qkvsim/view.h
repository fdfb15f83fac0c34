/**
 * @file view.h
 * How the caller's memory is described: input views, output matrices, selections of observations.
 */
#ifndef QKVSIM_VIEW_H
#define QKVSIM_VIEW_H

#include <qkvsim/common.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * A two-dimensional array in the caller's memory, read in place: element (r, c) is at
 * data + r * observation_stride + c * feature_stride, counted in elements. Strides may be negative
 * (a reversed array: data then points to the first element, not to the lowest address) or larger
 * than needed (padding). A NumPy array, C or Fortran ordered, sliced or transposed, fits as it is.
 *
 * An input is one or more views (parts) that share their observations: Q, K and V apart, or one
 * fused tensor. Columns are counted over the parts in the order given.
 *
 * A call may read the same element more than once. Where another thread or process writes
 * meanwhile, results are of no one state, or the call fails ("changed while it was read":
 * INVALID_ARGUMENT, or NONFINITE); memory stays sound. The same holds of selections, labels,
 * segments and lists of numbers.
 */
typedef struct qkvsim_view {
    size_t struct_size;
    const void *data; /**< the first element, aligned to its type */
    int64_t observations;
    int64_t features;
    int64_t observation_stride; /**< elements from one row to the next */
    int64_t feature_stride;     /**< elements from one column to the next */
    qkvsim_dtype dtype;         /**< QKVSIM_DTYPE_F16, BF16, F32, F64; I32 for masks */
    int32_t reserved;           /**< must be 0 */
} qkvsim_view;

/** Row-major memory of the caller's that a call writes: rows x columns, leading_dimension >=
 * columns. */
typedef struct qkvsim_matrix {
    size_t struct_size;
    void *data; /**< aligned to its type; must not overlap any input */
    int64_t rows;
    int64_t columns;
    int64_t leading_dimension; /**< elements from one row to the next */
    qkvsim_dtype dtype;        /**< QKVSIM_DTYPE_F32 or F64; I32 for masks */
    int32_t reserved;          /**< must be 0 */
} qkvsim_matrix;

/**
 * Which observations are in use: a list of their numbers, or a mask of one byte an observation.
 * Exactly one of the two is given. The order of a list does not matter; a repeated number is an
 * error.
 */
typedef struct qkvsim_selection {
    size_t struct_size;
    const int64_t *observations; /**< `count` numbers of observations, from 0 */
    const uint8_t *mask;         /**< `count` = observations bytes, non-zero for "in" */
    int64_t count;
} qkvsim_selection;

#ifdef __cplusplus
}
#endif
#endif
