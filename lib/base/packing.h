/* Results to bytes and back: the header, sections of numbers, and the checksum. docs/format.md. */
#ifndef QKV_PACKING_H
#define QKV_PACKING_H

#include <qkvsim/packed.h>

#include "context.h"

enum { QKV_FORMAT_VERSION = 1 };

/* What a section's numbers are. */
enum {
    QKV_PACKED_BYTES = 1,
    QKV_PACKED_I32 = 2,
    QKV_PACKED_I64 = 3,
    QKV_PACKED_F64 = 4,
};

/* ---- to bytes ---- */

typedef struct qkv_packer {
    unsigned char *bytes; /* NULL: only measured */
    int64_t size;         /* so far */
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
void qkv_pack_i32s(qkv_packer *packer, const char *tag, const int32_t *values, int64_t count);
void qkv_pack_bytes(qkv_packer *packer, const char *tag, const void *values, int64_t count);

/* Writes an object's sections. */
typedef void (*qkv_pack_function)(qkv_packer *packer, const void *object);

/* The public calls of every kind; 0 for a NULL object. */
int64_t qkv_packed_size(const void *object, qkv_pack_function pack);
qkvsim_status qkv_pack(qkvsim_context *context, const void *object, qkvsim_kind kind,
                       qkv_pack_function pack, void *buffer, int64_t size);

/* ---- from bytes ---- */

typedef struct qkv_unpacker {
    qkvsim_context *context;
    const unsigned char *bytes;
    int64_t size, at;
} qkv_unpacker;

/* Checks the header and the checksum; and at the end that nothing is left. */
qkvsim_status qkv_unpack_open(qkvsim_context *context, const void *buffer, int64_t size,
                              qkvsim_kind kind, const void *result, qkv_unpacker *unpacker);
qkvsim_status qkv_unpack_close(const qkv_unpacker *unpacker);

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
qkvsim_status qkv_unpack_i32s(qkv_unpacker *unpacker, const char *tag, int32_t *values,
                              int64_t count);
qkvsim_status qkv_unpack_bytes(qkv_unpacker *unpacker, const char *tag, void *values,
                               int64_t count);

/* The same into memory made for them, of as many numbers as there are where *count is -1. On failure
 * nothing is held. */
qkvsim_status qkv_unpack_new_i64s(qkv_unpacker *unpacker, const char *tag, int64_t **values,
                                  int64_t *count);
qkvsim_status qkv_unpack_new_f64s(qkv_unpacker *unpacker, const char *tag, double **values,
                                  int64_t *count);
qkvsim_status qkv_unpack_new_i32s(qkv_unpacker *unpacker, const char *tag, int32_t **values,
                                  int64_t *count);
qkvsim_status qkv_unpack_new_bytes(qkv_unpacker *unpacker, const char *tag, unsigned char **values,
                                   int64_t *count);

/* Fails where a list is not increasing numbers from 0 to end - 1. */
qkvsim_status qkv_unpack_check_list(const qkv_unpacker *unpacker, const char *tag,
                                    const int64_t *list, int64_t count, int64_t end);

/* Says what is wrong with the section `tag`. */
__attribute__((format(printf, 3, 4))) qkvsim_status
qkv_unpack_fail(const qkv_unpacker *unpacker, const char *tag, const char *format, ...);

#endif
