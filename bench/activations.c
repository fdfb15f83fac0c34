/*
 * Input that looks like activations.
 */
#include "activations.h"

#include <stdlib.h>
#include <string.h>

#include "failure.h"

enum { FACTORS = 8 };

typedef struct drawn_feature {
    float offset;
    float scale;
    float loadings[FACTORS];
} drawn_feature;

static float uniform(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (float)(*state >> 40) * 0x1p-24f - 0.5f;
}

/* Mean 0, variance 1, near enough to normal: a sum of four uniforms. */
static float noise(uint64_t *state)
{
    const float sum = uniform(state) + uniform(state) + uniform(state) + uniform(state);
    return 1.7320508f * sum;
}

/* Offsets of up to three standard deviations either way, as GPT-2's query and key features have. */
static drawn_feature draw_feature(uint64_t *state)
{
    drawn_feature drawn = { .offset = 6 * uniform(state), .scale = 1.5f + 2 * uniform(state) };
    for (int k = 0; k < FACTORS; k++)
        drawn.loadings[k] = 0.8f * uniform(state);
    return drawn;
}

static float draw_value(const drawn_feature *feature, const float *factors, uint64_t *state)
{
    float value = feature->offset + noise(state);
    for (int k = 0; k < FACTORS; k++)
        value += feature->loadings[k] * factors[k];
    return feature->scale * value;
}

void activations_fill(float *values, int64_t observations, int64_t features)
{
    uint64_t state = 1865;
    drawn_feature *drawn = allocate(features, sizeof *drawn);
    for (int64_t j = 0; j < features; j++)
        drawn[j] = draw_feature(&state);
    for (int64_t r = 0; r < observations; r++) {
        float factors[FACTORS];
        for (int k = 0; k < FACTORS; k++)
            factors[k] = noise(&state);
        for (int64_t j = 0; j < features; j++)
            values[r * features + j] = draw_value(&drawn[j], factors, &state);
    }
    free(drawn);
}

void activations_to_double(const float *values, int64_t count, double *doubles)
{
    for (int64_t k = 0; k < count; k++)
        doubles[k] = (double)values[k];
}

/* Only zero and normal halves are made; activations_fill draws nothing that is too large for
 * one. */
static uint16_t cut_to_half(float value)
{
    enum { BIAS = 127 - 15, CUT_BITS = 23 - 10 };
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    const uint32_t sign = bits >> 16 & 0x8000u;
    const uint32_t magnitude = bits & 0x7fffffffu;
    if (magnitude < (uint32_t)(BIAS + 1) << 23)
        return (uint16_t)sign;
    return (uint16_t)(sign | (magnitude - ((uint32_t)BIAS << 23)) >> CUT_BITS);
}

void activations_to_half(const float *values, int64_t count, uint16_t *halves)
{
    for (int64_t k = 0; k < count; k++)
        halves[k] = cut_to_half(values[k]);
}
