/* One instruction set's table, from the templates. The including file defines KERNELS and
 * NAME_TEXT. */
#include "kernels.h"

#include <math.h>
#include <string.h>

#include "binning.h"
#include "random_template.h"
#include "vectors.h"

enum {
    LOAD_ROWS = 64,
    SUMMED_ROWS = 128,
    MEASURED_VECTORS = 4, /* of columns, measured together */
    COSINE = 0,
    PEARSON = 1,
    METRICS = 2,
    CELLS_BEHIND = 4, /* vectors by which counting lags */
    CELLS_KEPT = 8,
    PAGE = 4096,
    /* Values of a lane that single precision adds up: equal ones drift by at most 8e-7 of their sum
     * (18.5 times 2^-24, times 0.72, the mean of what half a unit in the last place is of a
     * number). */
    SHORT_SUM = 36,
    FIRST_SUM = 192,        /* farther from 128 and 256 than any sum of so many values */
    POWERS_SCALE = 1 << 28, /* of values before they are raised: fourth powers reach 2^122 */
    SAMPLED_ROWS = 16,      /* a vector of each tells what power sums are about */
    ROTATION_STAGES = 3,
    ROTATED_ROWS = 1 << ROTATION_STAGES
};

/* ---- rotations ---- */

/* One angle for each stage, and what rows are multiplied by in all. */
typedef struct rotations {
    double cosine[ROTATION_STAGES], sine[ROTATION_STAGES];
    double tangent[ROTATION_STAGES], secant[ROTATION_STAGES];
    double scale; /* the product of the cosines */
} rotations;

/* Turns each angle by its own share of a circle: the first powers of 1 / 1.2207..., where 1.2207...
 * to the fourth is 1 more than itself. Their multiples fill a cube evenly (M. Roberts, The
 * unreasonable effectiveness of quasirandom sequences, 2018). */
static inline void turn_rotations(rotations *turned)
{
    static const double step_cosine[ROTATION_STAGES] = { 0.4210691343292754, -0.47599726279837024,
                                                         -0.9516363871636909 };
    static const double step_sine[ROTATION_STAGES] = { -0.9070285464720471, -0.879446761213241,
                                                       -0.3072266046846169 };
    turned->scale = 1;
    for (int k = 0; k < ROTATION_STAGES; k++) {
        const double c = turned->cosine[k] * step_cosine[k] - turned->sine[k] * step_sine[k];
        const double s = turned->sine[k] * step_cosine[k] + turned->cosine[k] * step_sine[k];
        const double to_unit =
            1.5 - 0.5 * (c * c + s * s); /* a Newton step: rounding does not add up */
        turned->cosine[k] = c * to_unit;
        turned->sine[k] = s * to_unit;
        turned->tangent[k] = turned->sine[k] / turned->cosine[k];
        turned->secant[k] = 1 / turned->cosine[k];
        turned->scale *= turned->cosine[k];
    }
}

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

/* What a rectangle is tallied for. Joint counts are of both metrics; where bins are not guessed,
 * they are found one by one. */
typedef struct tally_mode {
    bool cosine, pearson, joint, guessed;
} tally_mode;

/* Where sums of both metrics do not fit the registers, values are counted first and added up behind
 * that, a piece of a row at a time. */
static inline bool is_added_apart(const tally_mode mode)
{
    return VECTOR_BYTES < 64 && mode.cosine && mode.pearson;
}

static inline double sum_lanes(doubles values)
{
    double sum = 0;
    for (int lane = 0; lane < DOUBLE_LANES; lane++)
        sum += values[lane];
    return sum;
}

static inline bool any_positive(doubles values)
{
    bool any = false;
    for (int lane = 0; lane < DOUBLE_LANES; lane++)
        any |= values[lane] > 0;
    return any;
}

/* Joint counts as vectors; so many hold a row of the largest table. */
typedef uint16_t counts16 __attribute__((vector_size(VECTOR_BYTES)));
enum {
    COUNT_LANES = VECTOR_BYTES / sizeof(uint16_t),
    ROW_VECTORS = QKV_JOINT_BINS_MAX / COUNT_LANES
};

static inline counts16 load_counts(const uint16_t *from)
{
    counts16 counts;
    memcpy(&counts, from, sizeof counts);
    return counts;
}

static inline uint32_t sum_counts(counts16 counts)
{
    uint16_t lanes[COUNT_LANES], sum = 0;
    memcpy(lanes, &counts, sizeof lanes);
    for (int lane = 0; lane < COUNT_LANES; lane++)
        sum = (uint16_t)(sum + lanes[lane]);
    return sum;
}

/* Adds one table's margins. It has fewer than 2^16 pairs, so 16 bits hold any sum of its cells.
 * Rows are read to the width of the largest, less what is not theirs. */
static void take_table_margins(const uint16_t *table, int64_t bins, uint32_t *cosine,
                               uint32_t *pearson)
{
    uint16_t own[QKV_JOINT_BINS_MAX] = { 0 }, sums[QKV_JOINT_BINS_MAX];
    counts16 columns[ROW_VECTORS] = { { 0 } };
    memset(own, 0xff, (size_t)bins * sizeof *own);
    for (int64_t row = 0; row < bins; row++) {
        counts16 total = { 0 };
        for (int v = 0; v < ROW_VECTORS; v++) {
            const int64_t bin = v * COUNT_LANES;
            const counts16 counts = load_counts(table + row * bins + bin) & load_counts(own + bin);
            columns[v] += counts;
            total += counts;
        }
        cosine[row] += sum_counts(total);
    }
    memcpy(sums, columns, sizeof sums);
    for (int64_t bin = 0; bin < bins; bin++)
        pearson[bin] += sums[bin];
}

static void take_margins(uint16_t *joint, int64_t bins, uint32_t *cosine, uint32_t *pearson)
{
    const int64_t cells = bins * bins;
    for (int table = 0; table < QKV_JOINT_TABLES; table++)
        take_table_margins(joint + table * cells, bins, cosine, pearson);
    memset(joint, 0, (size_t)(QKV_JOINT_TABLES * cells) * sizeof *joint);
}

/* ---- tallies ---- */

/* Values lie in [-1, 1]: the first one replaces both extremes. */
static void clear_tally(qkv_tally *tally)
{
    memset(tally->power_sums, 0, sizeof tally->power_sums);
    tally->minimum = 2;
    tally->maximum = -2;
    tally->tail = 0;
}

static bool is_counted(const qkv_rectangle_tally *tally)
{
    return tally->joint != NULL || tally->cosine.counts != NULL || tally->pearson.counts != NULL;
}

static void take_powers(qkv_tally *tally, const qkv_tally *from)
{
    if (!from->wanted)
        return;
    tally->shift = from->shift;
    memcpy(tally->power_sums, from->power_sums, sizeof tally->power_sums);
}

/* ---- prepare ---- */

/* Squares about the first row and about the mean, from where on the first row is far. */
static const double FIRST_IS_FAR = 1000;

/* Rows of a block, at least about as many as there are blocks. */
static inline int64_t rows_summed(int64_t count)
{
    int64_t rows = SUMMED_ROWS;
    while (rows * rows < count)
        rows *= 2;
    return rows;
}

static void take_norms(qkv_scaling *scaling, const double *squares, double n,
                       qkv_column_norms *norms)
{
    const double root = sqrt(n);
    for (int j = 0; j < QKV_STRIP_WIDTH; j++) {
        const double mean = scaling->mean_high[j] + scaling->mean_low[j];
        const double offset_norm = root * mean;
        const double positive = squares[j] > 0 ? squares[j] : 1; /* nothing is divided by 0 */
        const double norm = sqrt(positive + offset_norm * offset_norm);
        norms->mean[j] = mean;
        norms->mean_low[j] = scaling->mean_low[j] - (mean - scaling->mean_high[j]);
        norms->centred_norm[j] = sqrt(positive);
        norms->spread[j] = norms->centred_norm[j] / norm;
        norms->offset[j] = offset_norm / norm;
        scaling->inverse_norm[j] = 1 / norms->centred_norm[j];
    }
}

#define TEMPLATE "load_template.h"
#include "both_reals.h"

#define TEMPLATE "prepare_template.h"
#include "both_reals.h"

#define TEMPLATE "pairs_template.h"
#include "both_reals.h"

#define TEMPLATE "sums_template.h"
#include "both_reals.h"

#define TEMPLATE "cells_template.h"
#include "both_reals.h"

#define TEMPLATE "tally_template.h"
#include "both_reals.h"

#define TEMPLATE "real_kernels_template.h"
#include "both_reals.h"

const qkv_kernels KERNELS = {
    .name = NAME_TEXT,
    .take_norms = take_norms,
    .take_margins = take_margins,
    .random_words = random_words,
    .f32 = &real_kernels_f32,
    .f64 = &real_kernels_f64,
};
