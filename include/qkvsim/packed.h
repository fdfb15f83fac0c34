/**
 * @file packed.h
 * Results as bytes: to be kept in a file, sent to another process, or merged with others.
 *
 * Every kind of handle but contexts and pairs has three calls of one form, which stand in the
 * kind's own header:
 *
 *     int64_t size = qkvsim_analysis_packed_size(analysis);
 *     void *buffer = malloc((size_t)size);
 *     qkvsim_analysis_pack(context, analysis, buffer, size);
 *     ...
 *     qkvsim_analysis *copy;
 *     qkvsim_analysis_unpack(context, buffer, size, &copy);
 *
 * docs/format.md describes the bytes, which are the same on every machine. What one release packs
 * every later one unpacks; what is newer than this library is UNSUPPORTED. An unpacked handle gives
 * the same answers as the packed one, to the last bit. Packing the same handle twice gives the same
 * bytes.
 *
 * X_packed_size is 0 for NULL; time as X_pack. X_pack takes a buffer of at least that size, of any
 * alignment, and returns INVALID_ARGUMENT with nothing written where it is smaller; where it is
 * CANCELLED, the buffer has anything. X_unpack takes exactly the packed bytes; it returns
 * INVALID_ARGUMENT, UNSUPPORTED, NO_MEMORY or CANCELLED, and the caller frees what it makes. Time
 * and memory of both are in proportion to the result.
 *
 * Unpacking trusts no byte: what is not a packed result of the kind, cut short, changed, or not in
 * order in itself is INVALID_ARGUMENT, and says why. A checksum tells damage, not forgery: someone
 * who writes wrong numbers with the right checksum is believed the numbers, but memory stays sound.
 */
#ifndef QKVSIM_PACKED_H
#define QKVSIM_PACKED_H

#include <qkvsim/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What is packed. */
typedef int32_t qkvsim_kind;
enum {
    QKVSIM_KIND_LAYOUT = 1,
    QKVSIM_KIND_ANALYSIS = 2,
    QKVSIM_KIND_ACCUMULATOR = 3,
    QKVSIM_KIND_BASELINE = 4,
    QKVSIM_KIND_COMPARISON = 5,
    QKVSIM_KIND_INTERVALS = 6
};

/** Bytes that every packed result begins with, and that qkvsim_packed_kind needs. */
enum { QKVSIM_PACKED_HEADER = 32 };

/**
 * Asks what a packed result is, by its first bytes alone.
 * @param buffer at least QKVSIM_PACKED_HEADER bytes of it, of any alignment
 * @param size   how many there are
 * @param kind   receives QKVSIM_KIND_*
 * @param packed receives the size of the whole in bytes; may be NULL
 * @return INVALID_ARGUMENT where these are not the first bytes of a packed result; UNSUPPORTED
 * where a newer library wrote them
 *
 * Time and memory O(1). The checksum is not looked at.
 */
QKVSIM_API qkvsim_status qkvsim_packed_kind(qkvsim_context *context, const void *buffer,
                                            int64_t size, qkvsim_kind *kind, int64_t *packed);

#ifdef __cplusplus
}
#endif
#endif
