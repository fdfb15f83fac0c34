/* Reading of structs that an older or a newer header than this library's has laid out. */
#include "structs.h"

#include <qkvsim/qkvsim.h>

#include <string.h>

/* Padding would hide a field that a later version puts there: callers need not have zeros in it. */
#define END(type, last) (offsetof(type, last) + sizeof(((type *)0)->last))
#define UNPADDED(type, last)                                                                       \
    _Static_assert(sizeof(void *) != 8 || sizeof(type) == END(type, last), #type " ends in "       \
                                                                                 "padding")

/* `end` is the last field of this version, `first` that of the first one, which stays as it is when
 * a release adds fields. */
#define STRUCT(name, end, first, reserved)                                                         \
    UNPADDED(qkvsim_##name, end);                                                                  \
    const qkv_struct qkv_struct_##name = { "qkvsim_" #name, sizeof(qkvsim_##name),                 \
                                           END(qkvsim_##name, first), reserved }
#define RESERVED(name) offsetof(qkvsim_##name, reserved)

STRUCT(view, reserved, reserved, RESERVED(view));
STRUCT(matrix, reserved, reserved, RESERVED(matrix));
STRUCT(selection, count, count, 0);
STRUCT(input, nonfinite, nonfinite, 0);
STRUCT(bins, edges, edges, 0);
STRUCT(permutation, reserved, reserved, RESERVED(permutation));
STRUCT(relabelling, reserved, reserved, RESERVED(relabelling));
STRUCT(context_options, error_size, error_size, 0);
STRUCT(analysis_options, metrics, metrics, 0);
STRUCT(similarity_options, reserved, reserved, RESERVED(similarity_options));
STRUCT(pairs_options, limit, limit, 0);
STRUCT(baseline_options, total, total, 0);
STRUCT(comparison_options, first_subset, first_subset, RESERVED(comparison_options));
STRUCT(interval_options, total, total, RESERVED(interval_options));
STRUCT(accumulator_options, reserved, blocks, RESERVED(accumulator_options));
UNPADDED(qkvsim_pair, reserved);

size_t qkv_declared_size(const void *structure)
{
    size_t size;
    memcpy(&size, structure, sizeof size);
    return size;
}

static qkvsim_status check_unknown(qkvsim_context *context, const qkv_struct *of, const void *from,
                                   size_t given)
{
    const unsigned char *bytes = from;
    int32_t reserved = 0;
    if (of->reserved != 0 && of->reserved + sizeof reserved <= given) /* it may have come later */
        memcpy(&reserved, bytes + of->reserved, sizeof reserved);
    if (reserved != 0)
        return qkv_fail(context, QKVSIM_ERROR_UNSUPPORTED,
                        "%s has reserved %d, expected 0: a newer library may know it", of->name,
                        (int)reserved);
    for (size_t i = of->size; i < given; i++)
        if (bytes[i] != 0)
            return qkv_fail(context, QKVSIM_ERROR_UNSUPPORTED,
                            "%s has struct_size %zu and sets byte %zu, but this library knows %zu "
                            "bytes of it: a newer library is needed",
                            of->name, given, i, of->size);
    return QKVSIM_OK;
}

qkvsim_status qkv_read_struct(qkvsim_context *context, const qkv_struct *of, const void *from,
                              void *to)
{
    const size_t given = qkv_declared_size(from);
    if (given < of->first)
        return qkv_invalid(context,
                           "%s has struct_size %zu, at least %zu is needed: set it to sizeof(%s)",
                           of->name, given, of->first, of->name);
    const qkvsim_status status = check_unknown(context, of, from, given);
    if (status != QKVSIM_OK)
        return status;
    memset(to, 0, of->size);
    memcpy(to, from, given < of->size ? given : of->size);
    return QKVSIM_OK;
}

qkvsim_status qkv_read_options(qkvsim_context *context, const qkv_struct *of, const void *from,
                               void *to)
{
    if (from != NULL)
        return qkv_read_struct(context, of, from, to);
    memset(to, 0, of->size);
    return QKVSIM_OK;
}
