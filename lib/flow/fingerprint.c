/* Values are mixed one by one by the finaliser of splitmix64 (Steele, Lea & Flood 2014). */
#include "fingerprint.h"

#include "base/reals.h"
#include "load.h"

#include <math.h>
#include <string.h>

enum { SAMPLED = 8 };

static uint64_t mix(uint64_t state, uint64_t value)
{
    uint64_t z = (state ^ value) + 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t bits_of(double value)
{
    uint64_t bits = 1; /* of any NaN */
    if (!isnan(value))
        memcpy(&bits, &value, sizeof bits);
    return bits;
}

static uint64_t mix_value(uint64_t state, double value)
{
    return mix(state, bits_of(value));
}

/* A column's values by a polynomial, which columns do side by side, and columns one after the
 * other. */
static uint64_t mix_strip(uint64_t state, const qkv_strip *strip, int32_t arithmetic)
{
    for (int64_t j = 0; j < strip->width; j++) {
        uint64_t column = 0;
        for (int64_t r = 0; r < strip->count; r++) {
            const int64_t at = r * strip->leading + j;
            column =
                column * 0x9e3779b97f4a7c15u + bits_of(qkv_real_at(strip->values, arithmetic, at));
        }
        state = mix(state, column);
    }
    return state;
}

/* length * k / parts, without the product that could overflow; from 0 to length. */
static int64_t evenly(int64_t length, int64_t parts, int64_t k)
{
    return parts > 0 ? length / parts * k + length % parts * k / parts : 0;
}

static int64_t sampled_rows(const qkv_input *input, int64_t rows[SAMPLED])
{
    const int64_t n = input->observations, sampled = qkv_smaller(n, SAMPLED);
    for (int64_t k = 0; k < sampled; k++)
        rows[k] = qkv_input_row(input, evenly(n - 1, sampled - 1, k));
    return sampled;
}

/* Where features of a row lie side by side; what is small comes with a few pages anyhow. */
static bool is_worth_asking(const qkvsim_view *view)
{
    enum { LARGE = 1 << 18 };
    return view->feature_stride == 1 && view->observation_stride >= view->features
           && view->observations > LARGE / view->features;
}

void qkv_expect_fingerprint(const qkv_input *input)
{
    int64_t rows[SAMPLED];
    const int64_t sampled = sampled_rows(input, rows);
    for (int32_t p = 0; p < input->part_count; p++) {
        const qkvsim_view *view = &input->parts[p].view;
        const size_t size = qkv_element_size(view->dtype);
        for (int64_t k = 0; k < sampled && is_worth_asking(view); k++)
            qkv_expect_bytes((const char *)view->data
                                 + rows[k] * view->observation_stride * (int64_t)size,
                             (size_t)view->features * size);
    }
}

uint64_t qkv_input_fingerprint(qkvsim_context *context, const qkv_input *input)
{
    const int64_t n = input->observations;
    uint64_t state = mix((uint64_t)input->features, (uint64_t)n);
    for (int64_t k = 0; k < n && input->rows != NULL; k++)
        state = mix(state, (uint64_t)input->rows[k]);
    int64_t rows[SAMPLED], columns[QKV_STRIP_WIDTH];
    double values[SAMPLED * QKV_STRIP_WIDTH + QKV_MARGIN];
    const int64_t sampled = sampled_rows(input, rows);
    const qkv_input sample = qkv_input_with_rows(input, rows, sampled);
    for (int64_t start = 0; start < input->features; start += QKV_STRIP_WIDTH) {
        const qkv_strip strip = { .values = values,
                                  .leading = QKV_STRIP_WIDTH,
                                  .count = sampled,
                                  .width = qkv_smaller(input->features - start, QKV_STRIP_WIDTH) };
        for (int64_t j = 0; j < strip.width; j++)
            columns[j] = start + j;
        qkv_load_columns(context, &sample, 0, columns, &strip);
        state = mix_strip(state, &strip, input->arithmetic);
    }
    return state;
}

uint64_t qkv_segments_fingerprint(const qkv_input *input)
{
    uint64_t state = 0;
    for (int64_t k = 0; k < input->observations && input->segments != NULL; k++)
        state = mix(state, (uint32_t)input->segments[qkv_input_row(input, k)]);
    return state;
}

uint64_t qkv_statistics_fingerprint(const qkv_feature *statistics, int64_t features, int64_t n)
{
    uint64_t state = mix((uint64_t)features, (uint64_t)n);
    for (int64_t j = 0; j < features; j++)
        state = mix_value(mix_value(state, statistics[j].mean), statistics[j].centred_norm);
    return state;
}
