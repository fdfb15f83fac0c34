/**
 * @file input.h
 * One input: what is read, which observations of it, which documents they belong to, in which
 * arithmetic.
 *
 *     qkvsim_input input = { .struct_size = sizeof input, .parts = &activations, .part_count = 1 };
 *
 * Every operation takes one. It is read during the call only; nothing in it is copied or kept, but
 * for what a result says of it.
 */
#ifndef QKVSIM_INPUT_H
#define QKVSIM_INPUT_H

#include <qkvsim/view.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Zero in any field but parts and part_count is its default. */
typedef struct qkvsim_input {
    size_t struct_size;
    /** `part_count` views of the same n observations, d features in all: Q, K and V apart, or one
     * fused tensor. Their struct_size is that of the first. */
    const qkvsim_view *parts;
    int64_t part_count;
    const qkvsim_selection *selection; /**< default: all observations */
    /** n numbers, one for each observation (its document, its window): no lag, no block and no
     * exchange crosses from one run of equal numbers to another. Operations without any of these
     * ignore it. Default: one run. */
    const int32_t *segments;
    qkvsim_dtype arithmetic;    /**< QKVSIM_DTYPE_F32 or F64; default: F32 unless a part is F64 */
    qkvsim_nonfinite nonfinite; /**< default: NaN or infinity is an error */
} qkvsim_input;

#ifdef __cplusplus
}
#endif
#endif
