/* Bytes to numbers. Nothing is trusted: a section is within the bytes before its numbers are
 * read. */
#include "unpacking.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "packed_header.h"

enum { SECTION_HEADER = QKV_PACKED_TAG + 4 + 8 };

/* ---- whole results ---- */

static qkvsim_status check_end(const qkv_unpacker *unpacker)
{
    return unpacker->at == unpacker->size
               ? QKVSIM_OK
               : qkv_invalid(unpacker->context,
                             "%lld bytes behind the packed result's last section",
                             (long long)(unpacker->size - unpacker->at));
}

qkvsim_status qkv_unpack(qkvsim_context *context, const qkv_format *format, const void *buffer,
                         int64_t size, const void *place, void **result)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    if (buffer == NULL || place == NULL)
        return qkv_invalid(context, "%s is NULL",
                           buffer == NULL ? "buffer" : "where the result is to go");
    qkv_work_open(context);
    qkv_unpacker unpacker = { context, buffer, size, QKVSIM_PACKED_HEADER };
    void *made = NULL;
    qkvsim_status status = qkv_check_header(context, buffer, size, format->kind);
    if (status == QKVSIM_OK)
        status = format->unpack(&unpacker, &made);
    if (status == QKVSIM_OK)
        status = check_end(&unpacker);
    if (status == QKVSIM_OK)
        *result = made;
    else
        format->release(made);
    return status;
}

/* ---- sections ---- */

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

static int64_t width_of(int32_t type)
{
    return type == QKV_PACKED_BYTES ? 1 : 8;
}

/* Whether the numbers and what pads them are within the buffer, and the padding is zeros. */
static bool is_whole(const qkv_unpacker *unpacker, int32_t type, int64_t count)
{
    const int64_t rest = unpacker->size - unpacker->at, width = width_of(type);
    if (count < 0 || count > rest / width)
        return false;
    for (int64_t k = count * width; k % QKV_PACKED_WORD != 0; k++)
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
    if (memcmp(at, tag, QKV_PACKED_TAG) != 0 || qkv_load(at + QKV_PACKED_TAG, 4) != (uint64_t)type)
        return qkv_unpack_fail(unpacker, tag, "there is another one in its place");
    const int64_t given = (int64_t)qkv_load(at + 8, 8);
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
    const uint64_t value = qkv_load(unpacker->bytes + unpacker->at, width);
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

static void take_padding(qkv_unpacker *unpacker)
{
    unpacker->at += (QKV_PACKED_WORD - unpacker->at % QKV_PACKED_WORD) % QKV_PACKED_WORD;
}

/* All numbers of a section that was begun. */
static qkvsim_status take_all(qkv_unpacker *unpacker, int32_t type, void *values, int64_t count)
{
    for (int64_t k = 0; k < count; k++) {
        if (qkv_work_pulse_at(unpacker->context, k))
            return qkv_cancelled(unpacker->context);
        if (type == QKV_PACKED_BYTES)
            ((unsigned char *)values)[k] = (unsigned char)take(unpacker, 1);
        else if (type == QKV_PACKED_I64)
            ((int64_t *)values)[k] = qkv_unpack_i64(unpacker);
        else
            ((double *)values)[k] = qkv_unpack_f64(unpacker);
    }
    take_padding(unpacker);
    return QKVSIM_OK;
}

static qkvsim_status take_section(qkv_unpacker *unpacker, const char *tag, int32_t type,
                                  void *values, int64_t count)
{
    int64_t given;
    const qkvsim_status status = qkv_unpack_begin(unpacker, tag, type, count, &given);
    return status == QKVSIM_OK ? take_all(unpacker, type, values, given) : status;
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

static bool reads_in_place(const unsigned char *bytes)
{
    const uint64_t one = 1;
    return *(const unsigned char *)&one == 1 && (uintptr_t)bytes % sizeof(double) == 0;
}

qkvsim_status qkv_unpack_f64s_in_place(qkv_unpacker *unpacker, const char *tag,
                                       const double **values, int64_t count)
{
    int64_t given;
    *values = NULL;
    if (!reads_in_place(unpacker->bytes + unpacker->at))
        return QKVSIM_OK;
    const qkvsim_status status = qkv_unpack_begin(unpacker, tag, QKV_PACKED_F64, count, &given);
    if (status != QKVSIM_OK)
        return status;
    *values = (const double *)(const void *)(unpacker->bytes + unpacker->at);
    unpacker->at += count * (int64_t)sizeof **values;
    return QKVSIM_OK;
}

qkvsim_status qkv_unpack_bytes(qkv_unpacker *unpacker, const char *tag, void *values, int64_t count)
{
    return take_section(unpacker, tag, QKV_PACKED_BYTES, values, count);
}

void *qkv_unpack_new(qkv_unpacker *unpacker, const char *tag, int32_t type, int64_t *count,
                     qkvsim_status *status)
{
    qkvsim_context *context = unpacker->context;
    *status = qkv_unpack_begin(unpacker, tag, type, *count, count);
    if (*status != QKVSIM_OK)
        return NULL;
    void *made = qkv_allocate(&context->allocator, (size_t)*count, (size_t)width_of(type));
    *status = made != NULL ? take_all(unpacker, type, made, *count)
                           : qkv_no_memory(context, "the unpacked result");
    return made;
}

int32_t *qkv_unpack_new_narrow(qkv_unpacker *unpacker, const char *tag, int width, int64_t count,
                               qkvsim_status *status)
{
    qkvsim_context *context = unpacker->context;
    int64_t bytes;
    *status = qkv_unpack_begin(unpacker, tag, QKV_PACKED_BYTES, count * width, &bytes);
    if (*status != QKVSIM_OK)
        return NULL;
    int32_t *made = qkv_allocate(&context->allocator, (size_t)count, sizeof *made);
    if (made == NULL)
        *status = qkv_no_memory(context, "the unpacked result");
    for (int64_t k = 0; k < count && *status == QKVSIM_OK; k++)
        if (qkv_work_pulse_at(context, k))
            *status = qkv_cancelled(context);
        else
            made[k] = (int32_t)take(unpacker, width);
    take_padding(unpacker);
    return made;
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
