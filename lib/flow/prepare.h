/* Second stage of the flow: from the caller's columns to panels of unit columns in group order. */
#ifndef QKV_PREPARE_H
#define QKV_PREPARE_H

#include "panels.h"

/* Reads the input and fills the panels. With group_of, features of a group are then ordered by
 * kind; NULL keeps the order. */
qkvsim_status qkv_prepare(qkvsim_context *context, const qkv_input *input, const int32_t *group_of,
                          qkv_panels *panels);

/* Fills a feature from its mean, in two parts, and its sum of centred squares, both of values times
 * 2^-exponent. */
void qkv_describe_feature(qkv_feature *feature, const double mean[2], double squares, double n,
                          int exponent);

/* For panels whose statistics came from elsewhere: orders each group's features by kind (NULL:
 * keeps the order) and fills spread and offset. */
qkvsim_status qkv_panels_order(qkvsim_context *context, const int32_t *group_of,
                               qkv_panels *panels);

#endif
