/*
 * The shuffle of Fisher and Yates, from the first value on: value k changes places with one of the
 * k + 1 up to itself. While k is small, one random word serves two values; the words are those of
 * kernels/random_template.h in their order, and rejected ones are drawn again from a stream of
 * their own, so that the order of the others does not depend on them.
 */
#include "shuffle.h"

#include "base/arithmetic.h"
#include "random.h"

enum {
    BATCH_WORDS = 512, /* drawn at a time */
    PAIRED = 16384     /* values below this share words; beyond, too many would be rejected */
};

#define TEMPLATE "random/shuffle_template.h"
#include "kernels/both_reals.h"

void qkv_shuffle(const qkv_kernels *kernels, const qkv_stream *stream, void *values, int64_t count,
                 size_t size)
{
    if (size == sizeof(uint32_t))
        shuffle_f32(kernels, stream, values, count);
    else
        shuffle_f64(kernels, stream, values, count);
}
