/*
 * Sums of counts and of their squares, in integers of 128 bits: exact up to 2^47 pairs in a row,
 * which 16 million features have, and 2^32 analyses.
 */
#include "count_sums.h"

#include <math.h>

/* ---- 128 bits, modulo 2^128 ---- */

static qkv_wide wide_sum(qkv_wide a, qkv_wide b)
{
    const uint64_t low = a.low + b.low;
    return (qkv_wide){ low, a.high + b.high + (low < a.low) };
}

static qkv_wide wide_difference(qkv_wide a, qkv_wide b)
{
    return (qkv_wide){ a.low - b.low, a.high - b.high - (a.low < b.low) };
}

static qkv_wide wide_product(uint64_t a, uint64_t b)
{
    const uint64_t half = UINT32_MAX, a0 = a & half, a1 = a >> 32, b0 = b & half, b1 = b >> 32;
    const uint64_t middle = a1 * b0 + (a0 * b0 >> 32);
    const uint64_t other = a0 * b1 + (middle & half);
    return (qkv_wide){ a * b, a1 * b1 + (middle >> 32) + (other >> 32) };
}

static qkv_wide wide_times(qkv_wide a, uint64_t b)
{
    qkv_wide product = wide_product(a.low, b);
    product.high += a.high * b;
    return product;
}

static double wide_number(qkv_wide a)
{
    return (double)a.high * 0x1p64 + (double)a.low;
}

/* ---- sums ---- */

qkvsim_status qkv_count_sums_open(qkvsim_context *context, int64_t cells, qkv_count_sums *counts)
{
    *counts = (qkv_count_sums){ 0 };
    const qkvsim_status status = qkv_running_open(context, cells, &counts->summaries);
    if (status != QKVSIM_OK)
        return status;
    counts->sums = qkv_allocate_zeroed(&context->allocator, (size_t)cells, sizeof *counts->sums);
    if (counts->sums != NULL)
        return QKVSIM_OK;
    qkv_running_close(&counts->summaries);
    return qkv_no_memory(context, "the sums of the counts");
}

void qkv_count_sums_close(qkv_count_sums *counts)
{
    qkv_release(&counts->summaries.allocator, counts->sums);
    qkv_running_close(&counts->summaries);
    *counts = (qkv_count_sums){ 0 };
}

static void add(qkv_count_sum *to, const qkv_count_sum *from, bool first)
{
    to->sum = wide_sum(to->sum, from->sum);
    to->squares = wide_sum(to->squares, from->squares);
    to->least = first ? from->least : qkv_smaller(from->least, to->least);
    to->most = first ? from->most : qkv_larger(from->most, to->most);
}

void qkv_count_sums_add(qkv_count_sums *counts, const int64_t *values)
{
    for (int64_t cell = 0; cell < counts->summaries.cells; cell++) {
        const uint64_t value = (uint64_t)values[cell];
        const qkv_count_sum one = {
            { value, 0 }, wide_product(value, value), values[cell], values[cell]
        };
        add(&counts->sums[cell], &one, counts->analyses == 0);
    }
    counts->analyses++;
}

void qkv_count_sums_merge(qkv_count_sums *counts, const qkv_count_sums *other)
{
    for (int64_t cell = 0; cell < counts->summaries.cells && other->analyses > 0; cell++)
        add(&counts->sums[cell], &other->sums[cell], counts->analyses == 0);
    counts->analyses += other->analyses;
}

/* About a whole number near the mean everything stays in integers: sum (x - c)^2 = S2 - 2 c S1 + m
 * c^2, and the variance is that over m, less the square of (mean - c), which is at most a half of
 * it. */
static double deviation(const qkv_count_sum *of, double mean, int64_t m)
{
    const uint64_t c = (uint64_t)llround(mean), count = (uint64_t)m;
    const qkv_wide shift = wide_times(wide_product(c, c), count);
    const qkv_wide squares =
        wide_difference(wide_sum(of->squares, shift), wide_times(of->sum, 2 * c));
    const double rest = (double)(int64_t)(of->sum.low - c * count) / (double)m;
    return sqrt(fmax(0, wide_number(squares) / (double)m - rest * rest));
}

void qkv_count_sums_finish(qkv_count_sums *counts)
{
    double *const *summary = counts->summaries.summaries;
    for (int64_t cell = 0; cell < counts->summaries.cells; cell++) {
        const qkv_count_sum *of = &counts->sums[cell];
        const bool any = counts->analyses > 0;
        const double mean = any ? wide_number(of->sum) / (double)counts->analyses : (double)NAN;
        summary[0][cell] = mean;
        summary[1][cell] = any ? deviation(of, mean, counts->analyses) : (double)NAN;
        summary[2][cell] = any ? (double)of->least : (double)NAN;
        summary[3][cell] = any ? (double)of->most : (double)NAN;
    }
}

/* ---- as bytes ---- */

enum { NUMBERS = 6 };

void qkv_pack_count_sums(qkv_packer *packer, const qkv_count_sums *counts, const bool *wanted,
                         int32_t rows, int64_t bins)
{
    static const qkv_count_sum none = { .least = 0 };
    const int64_t cells = counts->summaries.cells;
    qkv_pack_i64s(packer, "CNTN", &counts->analyses, 1);
    qkv_pack_begin(packer, "CNTS", QKV_PACKED_I64, NUMBERS * cells);
    for (int64_t cell = 0; cell < cells; cell++) {
        const qkv_count_sum *of = wanted[cell / bins % rows] ? &counts->sums[cell] : &none;
        qkv_pack_i64(packer, (int64_t)of->sum.low);
        qkv_pack_i64(packer, (int64_t)of->sum.high);
        qkv_pack_i64(packer, (int64_t)of->squares.low);
        qkv_pack_i64(packer, (int64_t)of->squares.high);
        qkv_pack_i64(packer, of->least);
        qkv_pack_i64(packer, of->most);
    }
}

/* Counts and their number are too small for sums of more bits than these. */
static bool is_sound(const qkv_count_sum *of)
{
    return of->sum.high < (uint64_t)1 << 32 && of->squares.high < (uint64_t)1 << 63
           && of->least >= 0 && of->most >= of->least;
}

qkvsim_status qkv_unpack_count_sums(qkv_unpacker *unpacker, qkv_count_sums *counts)
{
    const int64_t cells = counts->summaries.cells;
    int64_t count;
    qkvsim_status status = qkv_unpack_i64s(unpacker, "CNTN", &counts->analyses, 1);
    if (status == QKVSIM_OK && (counts->analyses < 0 || counts->analyses > UINT32_MAX))
        status = qkv_unpack_fail(unpacker, "CNTN", "%lld analyses", (long long)counts->analyses);
    if (status == QKVSIM_OK)
        status = qkv_unpack_begin(unpacker, "CNTS", QKV_PACKED_I64, NUMBERS * cells, &count);
    for (int64_t cell = 0; cell < cells && status == QKVSIM_OK; cell++) {
        qkv_count_sum *of = &counts->sums[cell];
        of->sum.low = (uint64_t)qkv_unpack_i64(unpacker);
        of->sum.high = (uint64_t)qkv_unpack_i64(unpacker);
        of->squares.low = (uint64_t)qkv_unpack_i64(unpacker);
        of->squares.high = (uint64_t)qkv_unpack_i64(unpacker);
        of->least = qkv_unpack_i64(unpacker);
        of->most = qkv_unpack_i64(unpacker);
        if (!is_sound(of))
            status = qkv_unpack_fail(unpacker, "CNTS", "the sums of cell %lld are out of range",
                                     (long long)cell);
    }
    if (status == QKVSIM_OK)
        qkv_count_sums_finish(counts);
    return status;
}
