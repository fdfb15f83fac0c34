/* One instruction set's table, from the template. The including file defines KERNELS and NAME_TEXT. */
#include "kernels.h"

#include <qkvsim/common.h>

#include <math.h>
#include <string.h>

#include "binning.h"
#include "conversion.h"
#include "vectors.h"

enum {
    LOAD_ROWS = 64,
    SUMMED_ROWS = 128,
    BATCH = 1024,           /* values tallied together */
    BATCH_MARGIN = 8,
    GUESSED_TOGETHER = 256  /* values whose bins are settled one by one where any is unsure */
};

/* The golden angle 2 pi / phi^2: successive multiples never come close to repeating. */
#define GOLDEN_COSINE (-0.73736887807831990)
#define GOLDEN_SINE 0.67549029426152364

/* binary16 to binary32, exactly, without a table or a branch: subnormals through a product. */
static inline float widen_f16(uint16_t half)
{
    const uint32_t magnitude = (uint32_t)(half & 0x7fffu) << 13;
    union { uint32_t bits; float value; } number = { .bits = magnitude };
    number.value *= 0x1p112f;
    number.bits |= magnitude >= 0x0f800000u ? 0x7f800000u : 0u; /* infinity and NaN */
    number.bits |= (uint32_t)(half & 0x8000u) << 16;
    return number.value;
}

static inline float widen_bf16(uint16_t half)
{
    const union { uint32_t bits; float value; } number = { .bits = (uint32_t)half << 16 };
    return number.value;
}

#define REAL float
#define SUFFIX f32
#define IS_DOUBLE 0
#include "kernel_template.h"

#define REAL double
#define SUFFIX f64
#define IS_DOUBLE 1
#include "kernel_template.h"

const qkv_kernels KERNELS = { .name = NAME_TEXT, .f32 = real_kernels_f32, .f64 = real_kernels_f64 };
