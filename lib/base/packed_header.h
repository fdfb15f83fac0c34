/* The header that every packed result has: what it is, how long, and the checksum of its bytes. */
#ifndef QKV_PACKED_HEADER_H
#define QKV_PACKED_HEADER_H

#include <qkvsim/packed.h>

#include "context.h"

enum { QKV_FORMAT_VERSION = 2 };

/* Writes the header before `size` bytes in all, of which the others are there; of no account where
 * the call is cancelled. */
void qkv_write_header(qkvsim_context *context, unsigned char *bytes, qkvsim_kind kind,
                      int64_t size);

/* Fails unless these bytes are a whole packed result of the kind, undamaged, or where the call is
 * cancelled. */
qkvsim_status qkv_check_header(qkvsim_context *context, const unsigned char *bytes, int64_t size,
                               qkvsim_kind kind);

/* Numbers stand least significant byte first: the bytes are the same on every machine and need no
 * alignment. */
static inline void qkv_store(unsigned char *bytes, uint64_t value, int count)
{
    for (int k = 0; k < count; k++)
        bytes[k] = (unsigned char)(value >> (8 * k));
}

static inline uint64_t qkv_load(const unsigned char *bytes, int count)
{
    uint64_t value = 0;
    for (int k = 0; k < count; k++)
        value |= (uint64_t)bytes[k] << (8 * k);
    return value;
}

#endif
