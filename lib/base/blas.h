/* OpenBLAS as the engine of one tile: single-threaded products, whatever the process has set. */
#ifndef QKV_BLAS_H
#define QKV_BLAS_H

#include "context.h"

/* While any call is between enter and leave, OpenBLAS runs on one thread; the last to leave
 * restores the caller's count. Enter returns how many threads, at most those asked for, may
 * multiply: OpenBLAS has a buffer for each. Leave takes that number, and is not called for 0. */
int32_t qkv_blas_enter(int32_t threads);
void qkv_blas_leave(int32_t threads);

/* Says that there is no room for even one buffer. */
qkvsim_status qkv_blas_no_room(qkvsim_context *context);

/* Around each product: none is under way when OpenBLAS ends with the process, and a thread that
 * would begin one then stays where it is. End takes what begin returned. */
int32_t qkv_blas_begin_product(void);
void qkv_blas_end_product(int32_t counter);

/* Enter and leave for a build whose count belongs to each thread; leave takes what enter
 * returned. */
int32_t qkv_blas_enter_thread(void);
void qkv_blas_leave_thread(int32_t before);

/*
 * The product a' b, of a panel with columns of another, that the loaded OpenBLAS multiplies fastest
 * on one thread (docs/performance.md). It depends on nothing but OpenBLAS's kernel and the
 * processor.
 */
typedef struct qkv_product_shape {
    int64_t panel;    /* columns of a panel, at most QKV_PANEL_WIDTH */
    int64_t columns;  /* of the second panel at a time; 0: all */
    int64_t depth;    /* observations at a time, at most */
    int64_t leading;  /* reals from a row of the product to the next: panels and margins */
    int64_t multiple; /* a panel is padded to one of this many columns */
    int64_t margin;   /* columns to multiply on either side of the second panel, at most QKV_MARGIN:
                       * only between them does a value not depend on where its columns stand */
    int64_t cache;    /* bytes: panels that are more are fetched ahead of products; 0: never */
    int64_t together; /* panels on a side of a square of tiles that then share what is fetched */
    int64_t
        beside; /* panels that stand side by side in memory, and are multiplied as one where they
                       * are the second ones */
} qkv_product_shape;

qkv_product_shape qkv_blas_product_shape(int32_t arithmetic);

#endif
