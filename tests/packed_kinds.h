/* Every kind of result that can be packed, behind one set of calls: what the suite of packed
 * results and its fuzz target go over. */
#ifndef TESTS_PACKED_KINDS_H
#define TESTS_PACKED_KINDS_H

#include "support.h"

typedef struct packed_kind {
    const char *name;
    qkvsim_kind kind;
    void *(*make)(qkvsim_context *context); /* a small one, the same each time */
    int64_t (*packed_size)(const void *object);
    qkvsim_status (*pack)(qkvsim_context *context, const void *object, void *buffer, int64_t size);
    qkvsim_status (*unpack)(qkvsim_context *context, const void *buffer, int64_t size,
                            void **object);
    fingerprint (*answers)(const void *object); /* of every accessor */
    void (*check_kept)(const void *object);     /* what is known of the file in tests/packed */
    void (*free)(void *object);
} packed_kind;

extern const packed_kind packed_kinds[];
extern const int packed_kind_count;

/* Writes the checksum that the bytes should have. */
void packed_set_checksum(unsigned char *bytes, int64_t size);

#endif
