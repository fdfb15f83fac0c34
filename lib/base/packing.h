/* Results to bytes: sections of numbers behind a header. docs/format.md. */
#ifndef QKV_PACKING_H
#define QKV_PACKING_H

#include <qkvsim/packed.h>

#include "context.h"

/* What a section's numbers are. */
enum {
    QKV_PACKED_BYTES = 1,
    QKV_PACKED_I64 = 3,
    QKV_PACKED_F64 = 4,
};

enum {
    QKV_PACKED_TAG = 4, /* letters that a section begins with */
    QKV_PACKED_WORD = 8 /* bytes that sections begin at multiples of */
};

struct qkv_unpacker; /* unpacking.h */

typedef struct qkv_packer {
    qkvsim_context *context; /* may cancel; NULL: nobody looks */
    unsigned char *bytes;    /* NULL: only measured */
    int64_t size;            /* so far */
} qkv_packer;

/* Begins a section of `count` numbers, which must follow one by one. */
void qkv_pack_begin(qkv_packer *packer, const char *tag, int32_t type, int64_t count);
void qkv_pack_i64(qkv_packer *packer, int64_t value);
void qkv_pack_f64(qkv_packer *packer, double value);

/* A text and the 0 behind it, in a section of bytes, which must be ended. */
void qkv_pack_text(qkv_packer *packer, const char *text);
void qkv_pack_end(qkv_packer *packer);

/* Whole sections. */
void qkv_pack_i64s(qkv_packer *packer, const char *tag, const int64_t *values, int64_t count);
void qkv_pack_f64s(qkv_packer *packer, const char *tag, const double *values, int64_t count);
void qkv_pack_bytes(qkv_packer *packer, const char *tag, const void *values, int64_t count);

/* Numbers from 0 on, as `width` bytes each in a section of bytes. */
void qkv_pack_narrow(qkv_packer *packer, const char *tag, const int32_t *values, int64_t count,
                     int width);

/* How results of one kind are written and read. */
typedef struct qkv_format {
    qkvsim_kind kind;
    void (*pack)(qkv_packer *packer, const void *result);
    qkvsim_status (*unpack)(struct qkv_unpacker *unpacker, void **result);
    void (*release)(void *result); /* what unpack made, also where it failed; NULL does nothing */
} qkv_format;

/* The public calls of every kind; the size is 0 where the result is NULL. */
int64_t qkv_packed_size(const qkv_format *format, const void *result);
qkvsim_status qkv_pack(qkvsim_context *context, const qkv_format *format, const void *result,
                       void *buffer, int64_t size);

#endif
