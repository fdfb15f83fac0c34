/*
 * Numbers are put together byte by byte, least significant first, so that the bytes are the same on
 * every machine and need no alignment. The checksum is CRC-32 as of zlib and PNG (reflected, polynomial
 * 0x04c11db7): it finds every single changed byte, and other programs have it.
 */
#include "packing.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const unsigned char magic[8] = { 0x89, 'Q', 'K', 'V', 'S', 'I', 'M', '\n' };

enum {
    VERSION_AT = 8,
    KIND_AT = 12,
    SIZE_AT = 16,
    CHECKSUM_AT = 24,
    CHECKSUM_END = 28,
    SECTION_HEADER = 16,
    TAG_LENGTH = 4,
    WORD = 8 /* sections begin at multiples of it */
};

/* ---- numbers ---- */

static void store(unsigned char *bytes, uint64_t value, int count)
{
    for (int k = 0; k < count; k++)
        bytes[k] = (unsigned char)(value >> (8 * k));
}

static uint64_t load(const unsigned char *bytes, int count)
{
    uint64_t value = 0;
    for (int k = 0; k < count; k++)
        value |= (uint64_t)bytes[k] << (8 * k);
    return value;
}

static int64_t width_of(int32_t type)
{
    return type == QKV_PACKED_BYTES ? 1 : type == QKV_PACKED_I32 ? 4 : 8;
}

/* ---- checksum ---- */

typedef struct crc {
    uint32_t table[256];
    uint32_t state;
} crc;

static void crc_begin(crc *sum)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t rest = byte;
        for (int bit = 0; bit < 8; bit++)
            rest = (rest >> 1) ^ ((rest & 1) != 0 ? 0xedb88320u : 0);
        sum->table[byte] = rest;
    }
    sum->state = UINT32_MAX;
}

static void crc_add(crc *sum, const unsigned char *bytes, int64_t count)
{
    for (int64_t k = 0; k < count; k++)
        sum->state = sum->table[(sum->state ^ bytes[k]) & 0xff] ^ (sum->state >> 8);
}

/* Of all bytes but the checksum's own four. */
static uint32_t checksum(const unsigned char *bytes, int64_t size)
{
    crc sum;
    crc_begin(&sum);
    crc_add(&sum, bytes, CHECKSUM_AT);
    crc_add(&sum, bytes + CHECKSUM_END, size - CHECKSUM_END);
    return ~sum.state;
}

/* ---- to bytes ---- */

static void put(qkv_packer *packer, uint64_t value, int count)
{
    if (packer->bytes != NULL)
        store(packer->bytes + packer->size, value, count);
    packer->size += count;
}

void qkv_pack_end(qkv_packer *packer)
{
    while (packer->size % WORD != 0)
        put(packer, 0, 1);
}

void qkv_pack_text(qkv_packer *packer, const char *text)
{
    do
        put(packer, (unsigned char)*text, 1);
    while (*text++ != '\0');
}

void qkv_pack_begin(qkv_packer *packer, const char *tag, int32_t type, int64_t count)
{
    for (int k = 0; k < TAG_LENGTH; k++)
        put(packer, (unsigned char)tag[k], 1);
    put(packer, (uint32_t)type, 4);
    put(packer, (uint64_t)count, 8);
}

void qkv_pack_i64(qkv_packer *packer, int64_t value)
{
    put(packer, (uint64_t)value, 8);
}

void qkv_pack_f64(qkv_packer *packer, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put(packer, bits, 8);
}

void qkv_pack_i64s(qkv_packer *packer, const char *tag, const int64_t *values, int64_t count)
{
    qkv_pack_begin(packer, tag, QKV_PACKED_I64, count);
    for (int64_t k = 0; k < count; k++)
        qkv_pack_i64(packer, values[k]);
}

void qkv_pack_f64s(qkv_packer *packer, const char *tag, const double *values, int64_t count)
{
    qkv_pack_begin(packer, tag, QKV_PACKED_F64, count);
    for (int64_t k = 0; k < count; k++)
        qkv_pack_f64(packer, values[k]);
}

void qkv_pack_i32s(qkv_packer *packer, const char *tag, const int32_t *values, int64_t count)
{
    qkv_pack_begin(packer, tag, QKV_PACKED_I32, count);
    for (int64_t k = 0; k < count; k++)
        put(packer, (uint32_t)values[k], 4);
    qkv_pack_end(packer);
}

void qkv_pack_bytes(qkv_packer *packer, const char *tag, const void *values, int64_t count)
{
    qkv_pack_begin(packer, tag, QKV_PACKED_BYTES, count);
    for (int64_t k = 0; k < count; k++)
        put(packer, ((const unsigned char *)values)[k], 1);
    qkv_pack_end(packer);
}

int64_t qkv_packed_size(const void *object, qkv_pack_function pack)
{
    qkv_packer packer = { .size = QKVSIM_PACKED_HEADER };
    if (object == NULL)
        return 0;
    pack(&packer, object);
    return packer.size;
}

qkvsim_status qkv_pack(qkvsim_context *context, const void *object, qkvsim_kind kind,
                       qkv_pack_function pack, void *buffer, int64_t size)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    if (object == NULL || buffer == NULL)
        return qkv_invalid(context, "%s is NULL",
                           object == NULL ? "what is to be packed" : "buffer");
    const int64_t needed = qkv_packed_size(object, pack);
    if (size < needed)
        return qkv_invalid(context, "a buffer of %lld bytes: %lld are needed", (long long)size,
                           (long long)needed);
    qkv_packer packer = { .bytes = buffer, .size = QKVSIM_PACKED_HEADER };
    memcpy(packer.bytes, magic, sizeof magic);
    store(packer.bytes + VERSION_AT, QKV_FORMAT_VERSION, 4);
    store(packer.bytes + KIND_AT, (uint32_t)kind, 4);
    store(packer.bytes + SIZE_AT, (uint64_t)needed, 8);
    store(packer.bytes + CHECKSUM_AT, 0, 8);
    pack(&packer, object);
    store(packer.bytes + CHECKSUM_AT, checksum(packer.bytes, needed), 4);
    return QKVSIM_OK;
}

/* ---- from bytes: the header ---- */

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
    const int64_t version = (int64_t)load(bytes + VERSION_AT, 4);
    if (version > QKV_FORMAT_VERSION)
        return qkv_fail(context, QKVSIM_ERROR_UNSUPPORTED,
                        "packed in version %lld of the format, and this library knows those up to "
                        "%d: a newer library is needed",
                        (long long)version, QKV_FORMAT_VERSION);
    const uint64_t whole = load(bytes + SIZE_AT, 8);
    *read = (header){ (int64_t)load(bytes + KIND_AT, 4), (int64_t)whole,
                      (uint32_t)load(bytes + CHECKSUM_AT, 4) };
    const bool sound = version == QKV_FORMAT_VERSION && read->kind >= QKVSIM_KIND_LAYOUT
                       && read->kind < kinds_end && whole >= QKVSIM_PACKED_HEADER
                       && whole <= INT64_MAX && whole % WORD == 0
                       && load(bytes + CHECKSUM_END, 4) == 0;
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
    const uint32_t found = checksum(bytes, size);
    return found == read->checksum
               ? QKVSIM_OK
               : qkv_invalid(context,
                             "the packed %s is damaged: its checksum is %08lx, and that of its "
                             "bytes %08lx",
                             kind_names[kind], (unsigned long)read->checksum, (unsigned long)found);
}

qkvsim_status qkv_unpack_open(qkvsim_context *context, const void *buffer, int64_t size,
                              qkvsim_kind kind, const void *result, qkv_unpacker *unpacker)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    if (buffer == NULL || result == NULL)
        return qkv_invalid(context, "%s is NULL",
                           buffer == NULL ? "buffer" : "where the result is to go");
    header read;
    qkvsim_status status = read_header(context, buffer, size, &read);
    if (status == QKVSIM_OK)
        status = check_whole(context, buffer, size, kind, &read);
    *unpacker = (qkv_unpacker){ context, buffer, size, QKVSIM_PACKED_HEADER };
    return status;
}

qkvsim_status qkv_unpack_close(const qkv_unpacker *unpacker)
{
    return unpacker->at == unpacker->size
               ? QKVSIM_OK
               : qkv_invalid(unpacker->context,
                             "%lld bytes behind the packed result's last section",
                             (long long)(unpacker->size - unpacker->at));
}

/* ---- from bytes: sections ---- */

qkvsim_status qkv_unpack_fail(const qkv_unpacker *unpacker, const char *tag, const char *format,
                              ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return qkv_invalid(unpacker->context, "section %s of the packed result: %s", tag, text);
}

/* Whether the numbers and what pads them are within the buffer, and the padding is zeros. */
static bool is_whole(const qkv_unpacker *unpacker, int32_t type, int64_t count)
{
    const int64_t rest = unpacker->size - unpacker->at, width = width_of(type);
    if (count < 0 || count > rest / width)
        return false;
    for (int64_t k = count * width; k % WORD != 0; k++)
        if (k >= rest || unpacker->bytes[unpacker->at + k] != 0)
            return false;
    return true;
}

qkvsim_status qkv_unpack_begin(qkv_unpacker *unpacker, const char *tag, int32_t type,
                               int64_t expected, int64_t *count)
{
    if (unpacker->size - unpacker->at < SECTION_HEADER)
        return qkv_unpack_fail(unpacker, tag, "it is missing");
    const unsigned char *at = unpacker->bytes + unpacker->at;
    if (memcmp(at, tag, TAG_LENGTH) != 0 || load(at + TAG_LENGTH, 4) != (uint64_t)type)
        return qkv_unpack_fail(unpacker, tag, "there is another one in its place");
    const int64_t given = (int64_t)load(at + 8, 8);
    unpacker->at += SECTION_HEADER;
    if (expected >= 0 && given != expected)
        return qkv_unpack_fail(unpacker, tag, "%lld numbers, expected %lld", (long long)given,
                               (long long)expected);
    if (!is_whole(unpacker, type, given))
        return qkv_unpack_fail(unpacker, tag, "%lld numbers in %lld bytes", (long long)given,
                               (long long)(unpacker->size - unpacker->at));
    *count = given;
    return QKVSIM_OK;
}

static uint64_t take(qkv_unpacker *unpacker, int width)
{
    const uint64_t value = load(unpacker->bytes + unpacker->at, width);
    unpacker->at += width;
    return value;
}

int64_t qkv_unpack_i64(qkv_unpacker *unpacker)
{
    return (int64_t)take(unpacker, 8);
}

double qkv_unpack_f64(qkv_unpacker *unpacker)
{
    const uint64_t bits = take(unpacker, 8);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* All numbers of a section that was begun. */
static void take_all(qkv_unpacker *unpacker, int32_t type, void *values, int64_t count)
{
    for (int64_t k = 0; k < count; k++) {
        if (type == QKV_PACKED_BYTES)
            ((unsigned char *)values)[k] = (unsigned char)take(unpacker, 1);
        else if (type == QKV_PACKED_I32)
            ((int32_t *)values)[k] = (int32_t)(uint32_t)take(unpacker, 4);
        else if (type == QKV_PACKED_I64)
            ((int64_t *)values)[k] = qkv_unpack_i64(unpacker);
        else
            ((double *)values)[k] = qkv_unpack_f64(unpacker);
    }
    unpacker->at += (WORD - unpacker->at % WORD) % WORD;
}

static qkvsim_status take_section(qkv_unpacker *unpacker, const char *tag, int32_t type,
                                  void *values, int64_t count)
{
    int64_t given;
    const qkvsim_status status = qkv_unpack_begin(unpacker, tag, type, count, &given);
    if (status == QKVSIM_OK)
        take_all(unpacker, type, values, given);
    return status;
}

qkvsim_status qkv_unpack_i64s(qkv_unpacker *unpacker, const char *tag, int64_t *values,
                              int64_t count)
{
    return take_section(unpacker, tag, QKV_PACKED_I64, values, count);
}

qkvsim_status qkv_unpack_f64s(qkv_unpacker *unpacker, const char *tag, double *values,
                              int64_t count)
{
    return take_section(unpacker, tag, QKV_PACKED_F64, values, count);
}

qkvsim_status qkv_unpack_i32s(qkv_unpacker *unpacker, const char *tag, int32_t *values,
                              int64_t count)
{
    return take_section(unpacker, tag, QKV_PACKED_I32, values, count);
}

qkvsim_status qkv_unpack_bytes(qkv_unpacker *unpacker, const char *tag, void *values, int64_t count)
{
    return take_section(unpacker, tag, QKV_PACKED_BYTES, values, count);
}

static qkvsim_status take_new(qkv_unpacker *unpacker, const char *tag, int32_t type, void **values,
                              int64_t *count)
{
    qkvsim_context *context = unpacker->context;
    const qkvsim_status status = qkv_unpack_begin(unpacker, tag, type, *count, count);
    if (status != QKVSIM_OK)
        return status;
    void *made = qkv_allocate(&context->allocator, (size_t)*count, (size_t)width_of(type));
    if (made == NULL)
        return qkv_no_memory(context, "the unpacked result");
    take_all(unpacker, type, made, *count);
    *values = made;
    return QKVSIM_OK;
}

qkvsim_status qkv_unpack_new_i64s(qkv_unpacker *unpacker, const char *tag, int64_t **values,
                                  int64_t *count)
{
    void *made = NULL;
    const qkvsim_status status = take_new(unpacker, tag, QKV_PACKED_I64, &made, count);
    if (status == QKVSIM_OK)
        *values = made;
    return status;
}

qkvsim_status qkv_unpack_new_f64s(qkv_unpacker *unpacker, const char *tag, double **values,
                                  int64_t *count)
{
    void *made = NULL;
    const qkvsim_status status = take_new(unpacker, tag, QKV_PACKED_F64, &made, count);
    if (status == QKVSIM_OK)
        *values = made;
    return status;
}

qkvsim_status qkv_unpack_new_i32s(qkv_unpacker *unpacker, const char *tag, int32_t **values,
                                  int64_t *count)
{
    void *made = NULL;
    const qkvsim_status status = take_new(unpacker, tag, QKV_PACKED_I32, &made, count);
    if (status == QKVSIM_OK)
        *values = made;
    return status;
}

qkvsim_status qkv_unpack_new_bytes(qkv_unpacker *unpacker, const char *tag, unsigned char **values,
                                   int64_t *count)
{
    void *made = NULL;
    const qkvsim_status status = take_new(unpacker, tag, QKV_PACKED_BYTES, &made, count);
    if (status == QKVSIM_OK)
        *values = made;
    return status;
}

qkvsim_status qkv_unpack_check_list(const qkv_unpacker *unpacker, const char *tag,
                                    const int64_t *list, int64_t count, int64_t end)
{
    for (int64_t k = 0; k < count; k++) {
        const int64_t before = k > 0 ? list[k - 1] : -1;
        if (list[k] <= before || list[k] >= end)
            return qkv_unpack_fail(unpacker, tag, "number %lld is %lld, after %lld and before %lld",
                                   (long long)k, (long long)list[k], (long long)before,
                                   (long long)end);
    }
    return QKVSIM_OK;
}
