/* The interval of a share, and of the difference of two. */
#ifndef QKV_FIELLER_H
#define QKV_FIELLER_H

/* Estimates of two energies, their variances and covariance, and Student's t of the level. */
typedef struct qkv_energies {
    double offset, variance;
    double offset_variance, variance_variance, covariance;
    double t;
} qkv_energies;

typedef struct qkv_share_interval {
    double estimate, se, low, high; /* within [0, 1] but se */
} qkv_share_interval;

/* Of offset / (offset + variance); NaN where that sum is not positive. */
qkv_share_interval qkv_fieller(const qkv_energies *energies);

/* Of a less b. */
qkv_share_interval qkv_share_difference(const qkv_share_interval *a, const qkv_share_interval *b);

#endif
