/* The structs that cross the border, each with the size it had in its first version. */
#ifndef QKV_STRUCTS_H
#define QKV_STRUCTS_H

#include "context.h"

typedef struct qkv_struct {
    const char *name;
    size_t size;     /* as this library knows it */
    size_t first;    /* as its first version had it, which every caller has at least */
    size_t reserved; /* where its reserved int32_t stands; 0: it has none */
} qkv_struct;

extern const qkv_struct qkv_struct_view, qkv_struct_matrix, qkv_struct_selection, qkv_struct_input,
    qkv_struct_bins, qkv_struct_permutation, qkv_struct_relabelling, qkv_struct_context_options,
    qkv_struct_analysis_options, qkv_struct_similarity_options, qkv_struct_pairs_options,
    qkv_struct_baseline_options, qkv_struct_comparison_options, qkv_struct_interval_options,
    qkv_struct_accumulator_options;

/* The struct_size that a caller's struct begins with. */
size_t qkv_declared_size(const void *structure);

/*
 * Copies the caller's struct of any version, zeros where the caller's is shorter. Fails where
 * struct_size is below that of the first version, or where what this library does not know is not
 * zero.
 */
qkvsim_status qkv_read_struct(qkvsim_context *context, const qkv_struct *of, const void *from,
                              void *to);

/* The same of options, which all have defaults: NULL is all of them. */
qkvsim_status qkv_read_options(qkvsim_context *context, const qkv_struct *of, const void *from,
                               void *to);

#endif
