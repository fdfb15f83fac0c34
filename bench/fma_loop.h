/*
 * One loop of multiply-adds that never leaves the registers, for one vector width. Included by
 * peak.c once a width, with FMA_LOOP_NAME, FMA_LOOP_BYTES and FMA_LOOP_TARGET (an attribute or
 * nothing).
 *
 * Twelve chains are more than any processor's latency times its units asks for, and leave enough of
 * 16 registers for the two constants.
 */
FMA_LOOP_TARGET
static float FMA_LOOP_NAME(int64_t rounds)
{
    typedef float vector __attribute__((vector_size(FMA_LOOP_BYTES)));
    enum { LANES = FMA_LOOP_BYTES / (int)sizeof(float) };
    const vector factor = (vector){ 0 } + 0.999999f, summand = (vector){ 0 } + 1e-6f;
    vector a = factor, b = a + 1, c = a + 2, d = a + 3, e = a + 4, f = a + 5;
    vector g = a + 6, h = a + 7, i = a + 8, j = a + 9, k = a + 10, l = a + 11;
    for (int64_t round = 0; round < rounds; round++) {
        a = a * factor + summand;
        b = b * factor + summand;
        c = c * factor + summand;
        d = d * factor + summand;
        e = e * factor + summand;
        f = f * factor + summand;
        g = g * factor + summand;
        h = h * factor + summand;
        i = i * factor + summand;
        j = j * factor + summand;
        k = k * factor + summand;
        l = l * factor + summand;
    }
    const vector sum = (a + b + c) + (d + e + f) + (g + h + i) + (j + k + l);
    float total = 0;
    for (int lane = 0; lane < LANES; lane++)
        total += sum[lane];
    return total;
}

#undef FMA_LOOP_NAME
#undef FMA_LOOP_BYTES
#undef FMA_LOOP_TARGET
