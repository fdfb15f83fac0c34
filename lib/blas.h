/* OpenBLAS as the engine of one tile: single-threaded products, whatever the process has set. */
#ifndef QKV_BLAS_H
#define QKV_BLAS_H

#include <stdint.h>

/* While any call is between enter and leave, OpenBLAS runs on one thread; the last to leave
 * restores the caller's count. */
void qkv_blas_enter(void);
void qkv_blas_leave(void);

/* The same for a build whose count belongs to each thread; leave takes what enter returned. */
int32_t qkv_blas_enter_thread(void);
void qkv_blas_leave_thread(int32_t before);

/*
 * The product a' b, of a panel with columns of another, that the loaded OpenBLAS multiplies fastest
 * on one thread (docs/performance.md). It depends on nothing but OpenBLAS's kernel and the processor.
 */
typedef struct qkv_product_shape {
    int64_t panel;   /* columns of a panel, at most QKV_PANEL_WIDTH */
    int64_t columns; /* of the second panel at a time */
    int64_t depth;   /* observations at a time, at most */
} qkv_product_shape;

qkv_product_shape qkv_blas_product_shape(void);

#endif
