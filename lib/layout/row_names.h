/* Names of groups that keep the names of their pair groups apart. */
#ifndef QKV_ROW_NAMES_H
#define QKV_ROW_NAMES_H

#include "base/context.h"

/*
 * Fails where two pair groups of distinctly named groups would share a name: A with B-C and A-B
 * with C are both "A-B-C". Names without a dash are not looked at; time O(groups^2) at most for
 * each dash.
 */
qkvsim_status qkv_check_row_names(qkvsim_context *context, const char *const *names,
                                  int32_t groups);

#endif
