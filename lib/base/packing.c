/* Numbers to bytes, one by one; without room for them, they are only counted. */
#include "packing.h"

#include <string.h>

#include "packed_header.h"

static void put(qkv_packer *packer, uint64_t value, int count)
{
    if (packer->bytes != NULL)
        qkv_store(packer->bytes + packer->size, value, count);
    packer->size += count;
}

void qkv_pack_end(qkv_packer *packer)
{
    while (packer->size % QKV_PACKED_WORD != 0)
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
    for (int k = 0; k < QKV_PACKED_TAG; k++)
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
    if (packer->bytes == NULL)
        packer->size += count * (int64_t)sizeof *values;
    for (int64_t k = 0; packer->bytes != NULL && k < count; k++) {
        if (qkv_work_pulse_at(packer->context, k))
            return;
        qkv_pack_f64(packer, values[k]);
    }
}

void qkv_pack_narrow(qkv_packer *packer, const char *tag, const int32_t *values, int64_t count,
                     int width)
{
    qkv_pack_begin(packer, tag, QKV_PACKED_BYTES, count * width);
    if (packer->bytes == NULL)
        packer->size += count * width;
    for (int64_t k = 0; packer->bytes != NULL && k < count; k++)
        put(packer, (uint32_t)values[k], width);
    qkv_pack_end(packer);
}

void qkv_pack_bytes(qkv_packer *packer, const char *tag, const void *values, int64_t count)
{
    qkv_pack_begin(packer, tag, QKV_PACKED_BYTES, count);
    for (int64_t k = 0; k < count; k++)
        put(packer, ((const unsigned char *)values)[k], 1);
    qkv_pack_end(packer);
}

int64_t qkv_packed_size(const qkv_format *format, const void *result)
{
    qkv_packer packer = { .size = QKVSIM_PACKED_HEADER };
    if (result == NULL)
        return 0;
    format->pack(&packer, result);
    return packer.size;
}

qkvsim_status qkv_pack(qkvsim_context *context, const qkv_format *format, const void *result,
                       void *buffer, int64_t size)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    if (result == NULL || buffer == NULL)
        return qkv_invalid(context, "%s is NULL",
                           result == NULL ? "what is to be packed" : "buffer");
    const int64_t needed = qkv_packed_size(format, result);
    if (size < needed)
        return qkv_invalid(context, "a buffer of %lld bytes: %lld are needed", (long long)size,
                           (long long)needed);
    qkv_work_open(context);
    qkv_packer packer = { .context = context, .bytes = buffer, .size = QKVSIM_PACKED_HEADER };
    format->pack(&packer, result);
    qkv_write_header(context, packer.bytes, format->kind, needed);
    return qkv_work_is_cancelled(context) ? qkv_cancelled(context) : QKVSIM_OK;
}
