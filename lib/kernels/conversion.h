/* From a Gram value to similarities, one value at a time: what the sinks of matrices and pairs use.
 * The tally takes the same steps in vectors (tally_template.h), and neither is contracted
 * (-ffp-contract=off), so that histograms and matrices agree to the bit. */
#ifndef QKV_CONVERSION_H
#define QKV_CONVERSION_H

#define QKV_DEFINE_CONVERSION(REAL, SUFFIX)                                                        \
    static inline REAL clamp_##SUFFIX(REAL value)                                                  \
    {                                                                                              \
        const REAL below = value < (REAL)1 ? value : (REAL)1;                                      \
        return below > (REAL)-1 ? below : (REAL)-1;                                                \
    }                                                                                              \
    /* The cosine from a Pearson value: (s_i s_j) p + o_i o_j, the same for (i, j) and (j, i). */  \
    static inline REAL cosine_##SUFFIX(REAL pearson, REAL s_i, REAL s_j, REAL o_i, REAL o_j)       \
    {                                                                                              \
        return clamp_##SUFFIX((s_i * s_j) * pearson + o_i * o_j);                                  \
    }

QKV_DEFINE_CONVERSION(float, f32)
QKV_DEFINE_CONVERSION(double, f64)

#endif
