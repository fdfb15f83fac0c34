/*
 * The checksum is CRC-32 as of zlib and PNG (reflected, polynomial 0x04c11db7): it finds every
 * single changed byte, and other programs have it.
 */
#include "packed_header.h"

#include <string.h>

static const unsigned char magic[8] = { 0x89, 'Q', 'K', 'V', 'S', 'I', 'M', '\n' };

enum { VERSION_AT = 8, KIND_AT = 12, SIZE_AT = 16, CHECKSUM_AT = 24, CHECKSUM_END = 28 };

/* Bytes that are added at once, so that states of gigabytes are not a matter of their checksum
 * (Kounavis & Berry 2008). */
enum { TOGETHER = 8 };

/* table[k] has what a byte comes to that k others follow. */
typedef struct crc {
    uint32_t table[TOGETHER][256];
    uint32_t state;
} crc;

static void crc_begin(crc *sum)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t rest = byte;
        for (int bit = 0; bit < 8; bit++)
            rest = (rest >> 1) ^ ((rest & 1) != 0 ? 0xedb88320u : 0);
        sum->table[0][byte] = rest;
    }
    for (int k = 1; k < TOGETHER; k++)
        for (int byte = 0; byte < 256; byte++) {
            const uint32_t before = sum->table[k - 1][byte];
            sum->table[k][byte] = (before >> 8) ^ sum->table[0][before & 0xff];
        }
    sum->state = UINT32_MAX;
}

/* The state behind TOGETHER bytes. */
static uint32_t crc_of_several(const crc *sum, const unsigned char *bytes)
{
    const uint32_t(*table)[256] = sum->table, before = sum->state;
    return table[7][(before ^ bytes[0]) & 0xff] ^ table[6][(before >> 8 ^ bytes[1]) & 0xff]
           ^ table[5][(before >> 16 ^ bytes[2]) & 0xff] ^ table[4][before >> 24 ^ bytes[3]]
           ^ table[3][bytes[4]] ^ table[2][bytes[5]] ^ table[1][bytes[6]] ^ table[0][bytes[7]];
}

static void crc_add(crc *sum, const unsigned char *bytes, int64_t count)
{
    for (; count >= TOGETHER; count -= TOGETHER, bytes += TOGETHER)
        sum->state = crc_of_several(sum, bytes);
    for (int64_t k = 0; k < count; k++)
        sum->state = sum->table[0][(sum->state ^ bytes[k]) & 0xff] ^ (sum->state >> 8);
}

/* Of all bytes but the checksum's own four; of no account where the call is cancelled. */
static uint32_t checksum(qkvsim_context *context, const unsigned char *bytes, int64_t size)
{
    enum { AT_A_TIME = 1 << 22 };
    crc sum;
    crc_begin(&sum);
    crc_add(&sum, bytes, CHECKSUM_AT);
    for (int64_t at = CHECKSUM_END, end; at < size && !qkv_work_pulse(context, 0); at = end) {
        end = size - at < AT_A_TIME ? size : at + AT_A_TIME;
        crc_add(&sum, bytes + at, end - at);
    }
    return ~sum.state;
}

void qkv_write_header(qkvsim_context *context, unsigned char *bytes, qkvsim_kind kind, int64_t size)
{
    memcpy(bytes, magic, sizeof magic);
    qkv_store(bytes + VERSION_AT, QKV_FORMAT_VERSION, 4);
    qkv_store(bytes + KIND_AT, (uint32_t)kind, 4);
    qkv_store(bytes + SIZE_AT, (uint64_t)size, 8);
    qkv_store(bytes + CHECKSUM_END, 0, 4);
    qkv_store(bytes + CHECKSUM_AT, checksum(context, bytes, size), 4);
}

/* ---- reading ---- */

static const char *const kind_names[] = {
    [QKVSIM_KIND_LAYOUT] = "layout",           [QKVSIM_KIND_ANALYSIS] = "analysis",
    [QKVSIM_KIND_ACCUMULATOR] = "accumulator", [QKVSIM_KIND_BASELINE] = "baseline",
    [QKVSIM_KIND_COMPARISON] = "comparison",   [QKVSIM_KIND_INTERVALS] = "intervals",
};

static const int64_t kinds_end = sizeof kind_names / sizeof kind_names[0];

typedef struct header {
    int64_t kind, size;
    uint32_t checksum;
} header;

static qkvsim_status read_header(qkvsim_context *context, const unsigned char *bytes, int64_t size,
                                 header *read)
{
    if (size < QKVSIM_PACKED_HEADER)
        return qkv_invalid(context, "%lld bytes: a packed result has a header of %d",
                           (long long)size, QKVSIM_PACKED_HEADER);
    if (memcmp(bytes, magic, sizeof magic) != 0)
        return qkv_invalid(context, "these bytes do not begin as a packed result of qkvsim does");
    const int64_t version = (int64_t)qkv_load(bytes + VERSION_AT, 4);
    if (version > QKV_FORMAT_VERSION)
        return qkv_fail(context, QKVSIM_ERROR_UNSUPPORTED,
                        "packed in version %lld of the format, and this library knows those up to "
                        "%d: a newer library is needed",
                        (long long)version, QKV_FORMAT_VERSION);
    if (version > 0 && version < QKV_FORMAT_VERSION)
        return qkv_fail(
            context, QKVSIM_ERROR_UNSUPPORTED,
            "packed in version %lld of the format, from before the first release, and this "
            "library knows version %d",
            (long long)version, QKV_FORMAT_VERSION);
    const uint64_t whole = qkv_load(bytes + SIZE_AT, 8);
    *read = (header){ (int64_t)qkv_load(bytes + KIND_AT, 4), (int64_t)whole,
                      (uint32_t)qkv_load(bytes + CHECKSUM_AT, 4) };
    const bool sound = version == QKV_FORMAT_VERSION && read->kind >= QKVSIM_KIND_LAYOUT
                       && read->kind < kinds_end && whole >= QKVSIM_PACKED_HEADER
                       && whole <= INT64_MAX && whole % 8 == 0
                       && qkv_load(bytes + CHECKSUM_END, 4) == 0;
    return sound
               ? QKVSIM_OK
               : qkv_invalid(context,
                             "the packed result's header is damaged: version %lld, kind %lld, "
                             "%llu bytes",
                             (long long)version, (long long)read->kind, (unsigned long long)whole);
}

qkvsim_status qkvsim_packed_kind(qkvsim_context *context, const void *buffer, int64_t size,
                                 qkvsim_kind *kind, int64_t *packed)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    if (buffer == NULL || kind == NULL)
        return qkv_invalid(context, "%s is NULL", buffer == NULL ? "buffer" : "kind");
    header read;
    const qkvsim_status status = read_header(context, buffer, size, &read);
    if (status != QKVSIM_OK)
        return status;
    *kind = (qkvsim_kind)read.kind;
    if (packed != NULL)
        *packed = read.size;
    return QKVSIM_OK;
}

static qkvsim_status check_whole(qkvsim_context *context, const unsigned char *bytes, int64_t size,
                                 qkvsim_kind kind, const header *read)
{
    if (read->kind != kind)
        return qkv_invalid(context, "this is a packed %s (kind %d) and no packed %s (kind %d)",
                           kind_names[read->kind], (int)read->kind, kind_names[kind], (int)kind);
    if (size != read->size)
        return qkv_invalid(context, "the packed %s is of %lld bytes, and these are %lld",
                           kind_names[kind], (long long)read->size, (long long)size);
    const uint32_t found = checksum(context, bytes, size);
    if (qkv_work_is_cancelled(context))
        return qkv_cancelled(context);
    return found == read->checksum
               ? QKVSIM_OK
               : qkv_invalid(context,
                             "the packed %s is damaged: its checksum is %08lx, and that of its "
                             "bytes %08lx",
                             kind_names[kind], (unsigned long)read->checksum, (unsigned long)found);
}

qkvsim_status qkv_check_header(qkvsim_context *context, const unsigned char *bytes, int64_t size,
                               qkvsim_kind kind)
{
    header read;
    const qkvsim_status status = read_header(context, bytes, size, &read);
    return status == QKVSIM_OK ? check_whole(context, bytes, size, kind, &read) : status;
}
