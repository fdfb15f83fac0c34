/* One instruction set's table, from the template. The including file defines KERNELS and NAME_TEXT.
 */
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
    BATCH = 1024, /* values tallied together */
    BATCH_MARGIN = 8,
    GUESSED_TOGETHER = 256 /* values whose bins are settled one by one where any is unsure */
};

/* The golden angle 2 pi / phi^2: successive multiples never come close to repeating. */
#define GOLDEN_COSINE (-0.73736887807831990)
#define GOLDEN_SINE 0.67549029426152364

/* binary16 to binary32, exactly, without a table or a branch: subnormals through a product. */
static inline float widen_f16(uint16_t half)
{
    const uint32_t magnitude = (uint32_t)(half & 0x7fffu) << 13;
    union {
        uint32_t bits;
        float value;
    } number = { .bits = magnitude };
    number.value *= 0x1p112f;
    number.bits |= magnitude >= 0x0f800000u ? 0x7f800000u : 0u; /* infinity and NaN */
    number.bits |= (uint32_t)(half & 0x8000u) << 16;
    return number.value;
}

static inline float widen_bf16(uint16_t half)
{
    const union {
        uint32_t bits;
        float value;
    } number = { .bits = (uint32_t)half << 16 };
    return number.value;
}

/* Counts bins in lanes of their own; values outside all bins have bin -1, which only slow binning
 * gives. */
static void count_bins(uint32_t *counts, const qkv_binning *binning, const int32_t *bins,
                       int64_t count)
{
    int64_t j = 0;
    for (; binning->fast && j + QKV_SUBHISTOGRAMS <= count; j += QKV_SUBHISTOGRAMS)
        for (int64_t lane = 0; lane < QKV_SUBHISTOGRAMS; lane++)
            counts[lane * binning->count + bins[j + lane]]++;
    for (; j < count; j++)
        if (bins[j] >= 0)
            counts[bins[j]]++;
}

static void count_jointly(uint32_t *joint, int64_t bin_count, const int32_t *cosine_bins,
                          const int32_t *pearson_bins, int64_t count)
{
    int32_t cells[BATCH];
    const int32_t width = (int32_t)bin_count;
    uint32_t *second = joint + bin_count * bin_count;
    for (int64_t j = 0; j < count; j++)
        cells[j] = cosine_bins[j] * width + pearson_bins[j];
    int64_t j = 0;
    for (; j + 4 <= count; j += 4) {
        joint[cells[j]]++;
        second[cells[j + 1]]++;
        joint[cells[j + 2]]++;
        second[cells[j + 3]]++;
    }
    for (; j < count; j++)
        joint[cells[j]]++;
}

#define REAL float
#define SUFFIX f32
#define IS_DOUBLE 0
#include "kernel_template.h"

#define REAL double
#define SUFFIX f64
#define IS_DOUBLE 1
#include "kernel_template.h"

#define REAL_KERNELS(SUFFIX)                                                                       \
    {                                                                                              \
        .load = load_##SUFFIX, .sums_from_first = sums_from_first_##SUFFIX,                        \
        .centred_squares = centred_squares_##SUFFIX, .normalise = normalise_##SUFFIX,              \
        .tally = tally_rectangle_##SUFFIX                                                          \
    }

const qkv_kernels KERNELS = {
    .name = NAME_TEXT,
    .f32 = REAL_KERNELS(f32),
    .f64 = REAL_KERNELS(f64),
};
