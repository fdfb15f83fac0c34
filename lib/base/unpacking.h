/* Bytes to results. docs/format.md. */
#ifndef QKV_UNPACKING_H
#define QKV_UNPACKING_H

#include "packing.h"

typedef struct qkv_unpacker {
    qkvsim_context *context;
    const unsigned char *bytes;
    int64_t size, at;
} qkv_unpacker;

/* The public call of every kind; `place` is where the caller puts the result, once there is one. */
qkvsim_status qkv_unpack(qkvsim_context *context, const qkv_format *format, const void *buffer,
                         int64_t size, const void *place, void **result);

/* Begins the next section, which must have the tag and the type. `count` numbers follow, all within
 * the buffer; they must be as many as expected, unless that is -1. */
qkvsim_status qkv_unpack_begin(qkv_unpacker *unpacker, const char *tag, int32_t type,
                               int64_t expected, int64_t *count);
int64_t qkv_unpack_i64(qkv_unpacker *unpacker);
double qkv_unpack_f64(qkv_unpacker *unpacker);

/* Whole sections of so many numbers. */
qkvsim_status qkv_unpack_i64s(qkv_unpacker *unpacker, const char *tag, int64_t *values,
                              int64_t count);
qkvsim_status qkv_unpack_f64s(qkv_unpacker *unpacker, const char *tag, double *values,
                              int64_t count);
qkvsim_status qkv_unpack_bytes(qkv_unpacker *unpacker, const char *tag, void *values,
                               int64_t count);

/* The same where they are: *values is NULL where this machine cannot read them there, and the
 * section is still to be unpacked. */
qkvsim_status qkv_unpack_f64s_in_place(qkv_unpacker *unpacker, const char *tag,
                                       const double **values, int64_t count);

/* The same into memory made for them, of as many numbers as there are where *count is -1; NULL
 * where that fails. */
void *qkv_unpack_new(qkv_unpacker *unpacker, const char *tag, int32_t type, int64_t *count,
                     qkvsim_status *status);

/* The same of numbers that were packed in `width` bytes each. */
int32_t *qkv_unpack_new_narrow(qkv_unpacker *unpacker, const char *tag, int width, int64_t count,
                               qkvsim_status *status);

/* Fails where a list is not increasing numbers from 0 to end - 1. */
qkvsim_status qkv_unpack_check_list(const qkv_unpacker *unpacker, const char *tag,
                                    const int64_t *list, int64_t count, int64_t end);

/* Says what is wrong with the section `tag`. */
__attribute__((format(printf, 3, 4))) qkvsim_status
qkv_unpack_fail(const qkv_unpacker *unpacker, const char *tag, const char *format, ...);

#endif
