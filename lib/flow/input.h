/* The caller's input once validated: parts, selected observations, arithmetic. First stage of the
 * flow. */
#ifndef QKV_INPUT_H
#define QKV_INPUT_H

#include <qkvsim/input.h>

#include "base/context.h"

typedef struct qkv_part {
    qkvsim_view view;
    int64_t first_feature;
} qkv_part;

/* Where columns are read from in place of the parts. */
typedef struct qkv_column_source {
    /* Loads listed columns into a strip of the input's reals. Each of a team's workers is a
     * reader. */
    void (*load)(const struct qkv_column_source *source, int32_t reader, const int64_t *columns,
                 const qkv_strip *strip);
} qkv_column_source;

typedef struct qkv_input {
    qkv_part *parts;
    int32_t part_count;
    int32_t arithmetic; /* QKVSIM_DTYPE_F32 or F64 */
    int32_t nonfinite;
    bool ranked; /* prepare replaces each column's values by their ranks */
    int64_t features;
    int64_t observations; /* in use */
    int64_t *rows;        /* their numbers, increasing; NULL: 0 .. observations - 1 */
    const int8_t *kinds; /* of the features, see panels.h: at most so much of each is defined; NULL:
                           * all that the values define */
    int64_t *dropped;    /* left out for NaN or infinity, increasing */
    int64_t dropped_count;
    const qkv_column_source *source; /* NULL: the parts */
    const int32_t *segments;         /* of the rows of the parts; NULL: one */
} qkv_input;

/* Checks one view: type, alignment, sizes, strides. `what` names it in messages. */
qkvsim_status qkv_check_view(qkvsim_context *context, const char *what, const qkvsim_view *given,
                             bool mask, qkvsim_view *view);

/* Checks an output matrix of given shape; F32 or F64, or I32 for a mask. */
qkvsim_status qkv_check_matrix(qkvsim_context *context, const qkvsim_matrix *given, int64_t rows,
                               int64_t columns, bool mask, qkvsim_matrix *matrix);

/* Copies an input of any version. */
qkvsim_status qkv_read_input(qkvsim_context *context, const qkvsim_input *given,
                             qkvsim_input *input);

/* Reads and checks an input of any version, and drops observations if asked to; where all are
 * dropped it may be empty, or that is an error. On failure nothing is held. */
qkvsim_status qkv_input_open(qkvsim_context *context, const qkvsim_input *given, bool may_be_empty,
                             qkv_input *input);
void qkv_input_close(const qkvsim_context *context, qkv_input *input);

/* The same parts with other rows of them, in any order, repeated or not: how subsets and resamples
 * are analysed. The rows stay the caller's, and the result is not closed. */
qkv_input qkv_input_with_rows(const qkv_input *input, int64_t *rows, int64_t count);

/* Fails where ranks of so many observations are not exact in the arithmetic. */
qkvsim_status qkv_check_ranks(qkvsim_context *context, const qkv_input *input);

/* Bytes of an element; 0 for what is no type. */
size_t qkv_element_size(int32_t dtype);

/* The part that holds a column. */
const qkv_part *qkv_input_part(const qkv_input *input, int64_t feature);

/* The row number of an observation in use. */
static inline int64_t qkv_input_row(const qkv_input *input, int64_t observation)
{
    return input->rows != NULL ? input->rows[observation] : observation;
}

/* Another thread or process wrote to what the caller handed in: what was read first and has decided
 * about sizes was found otherwise. */
qkvsim_status qkv_input_changed(qkvsim_context *context, const char *what);

/* True where an element of the input is neither NaN nor infinite. */
bool qkv_input_is_finite(const qkv_input *input, int64_t row, int64_t feature);

static inline size_t qkv_real_size(int32_t arithmetic)
{
    return arithmetic == QKVSIM_DTYPE_F64 ? sizeof(double) : sizeof(float);
}

static inline const qkv_real_kernels *qkv_kernels_of(const qkvsim_context *context,
                                                     int32_t arithmetic)
{
    return qkv_kernels_for(context->kernels, arithmetic);
}

#endif
