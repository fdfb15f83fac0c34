/* Reads columns of an input. */
#ifndef QKV_LOAD_H
#define QKV_LOAD_H

#include "input.h"

/* Reads raw values of the listed columns into a strip of the input's reals, as one of a team's
 * workers or, alone, as reader 0. Of a cancelled call the strip is not filled. */
void qkv_load_columns(qkvsim_context *context, const qkv_input *input, int32_t reader,
                      const int64_t *columns, const qkv_strip *strip);

#endif
