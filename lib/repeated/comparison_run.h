/* Runs a comparison. */
#ifndef QKV_COMPARISON_RUN_H
#define QKV_COMPARISON_RUN_H

#include "comparison_measure.h"

/* With context, options, pool and session set: opens what the run works with besides, of which
 * close releases what is there. */
qkvsim_status qkv_comparison_run_open(qkv_comparison_run *work);
void qkv_comparison_run_close(qkv_comparison_run *work);

/* Fills the results, which are open. */
qkvsim_status qkv_run_comparison(qkv_comparison_run *work);

#endif
