/**
 * @file histogram.h
 * Histograms by numpy.histogram's rules: bins half open to the right, the last one closed.
 */
#ifndef QKVSIM_HISTOGRAM_H
#define QKVSIM_HISTOGRAM_H

#include <qkvsim/context.h>
#include <qkvsim/view.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Largest number of bins. */
enum { QKVSIM_BINS_MAX = 1048576 };

/**
 * Equal bins on [low, high], or the caller's own edges.
 *
 * Equal edges are those of numpy.linspace, rounded to the type of the values as numpy.histogram
 * does; where two come to one number, the bins are refused. The caller's own edges are compared
 * exactly, unrounded. Float16 and bfloat16 values are widened, and have the edges of float32:
 * NumPy's for a float16 array are rounded to float16 and may be others.
 */
typedef struct qkvsim_bins {
    size_t struct_size;
    int64_t count; /**< number of bins, 1 to QKVSIM_BINS_MAX */
    double low;    /**< with edges NULL; low = high = 0 means [-1, 1] */
    double high;
    const double *edges; /**< count + 1 finite, strictly increasing edges; NULL: equal bins */
} qkvsim_bins;

/**
 * Writes the edges that values of a type are compared with.
 * @param bins  NULL for 100 equal bins on [-1, 1]
 * @param dtype QKVSIM_DTYPE_F32 or F64: the type of the values; F32 stands for F16 and BF16 too
 * @param edges receives count + 1 numbers
 * @param capacity how many numbers `edges` has room for: count + 1 or more
 * @return INVALID_ARGUMENT (low not below high, too many bins, edges that do not increase or
 *         come to one number in the dtype, another dtype, too small a capacity), NO_MEMORY
 *
 * Time and memory O(count).
 */
QKVSIM_API qkvsim_status qkvsim_bin_edges(qkvsim_context *context, const qkvsim_bins *bins,
                                          qkvsim_dtype dtype, double *edges, int64_t capacity);

/**
 * Counts the values of a matrix, by the codes of a mask: one histogram for each code.
 * @param matrix     any numeric view (F16, BF16, F32, F64)
 * @param mask       QKVSIM_DTYPE_I32 view of the same shape; NULL: every value counts, code_count
 * is 1 and codes is ignored
 * @param codes      `code_count` distinct mask values
 * @param bins       NULL for 100 equal bins on [-1, 1]
 * @param histograms receives code_count x bins counts, row-major
 * @param capacity   how many counts `histograms` has room for
 * @param outside    receives for each code the values in no bin (below, above, or NaN); may be NULL
 * @return INVALID_ARGUMENT (a mask of another shape or type, a code twice, bad bins, too small a
 * capacity), NO_MEMORY, CANCELLED
 *
 * Time O(rows x columns x log code_count), memory O(columns + bins x code_count), on one thread. On
 * failure nothing is written.
 */
QKVSIM_API qkvsim_status qkvsim_histogram(qkvsim_context *context, const qkvsim_view *matrix,
                                          const qkvsim_view *mask, const int32_t *codes,
                                          int32_t code_count, const qkvsim_bins *bins,
                                          int64_t *histograms, int64_t capacity, int64_t *outside);

/** Distances between two histograms, of their shares of the counts. */
typedef int32_t qkvsim_distance;
enum {
    /** Largest difference of the cumulative shares, at the edges; in [0, 1]. */
    QKVSIM_DISTANCE_KOLMOGOROV_SMIRNOV = 1,
    /** Earth mover's distance with all of a bin's share at its centre, in units of the similarity
     * (scipy.stats.wasserstein_distance of the centres, weighted by the counts). */
    QKVSIM_DISTANCE_WASSERSTEIN = 2,
    /** Square root of the Jensen-Shannon divergence in bits (Lin 1991); in [0, 1]
     * (scipy.spatial.distance.jensenshannon with base 2). */
    QKVSIM_DISTANCE_JENSEN_SHANNON = 3
};

/**
 * Building block: one distance between two histograms.
 * @param a,b      `bins` counts each, none negative
 * @param edges    bins + 1 finite, increasing edges
 * @param bins     1 to QKVSIM_BINS_MAX
 * @param distance QKVSIM_DISTANCE_KOLMOGOROV_SMIRNOV, WASSERSTEIN or JENSEN_SHANNON
 * @param value    receives the distance; NaN where a histogram is empty
 * @return INVALID_ARGUMENT; TOO_LARGE where the counts' sum exceeds int64
 *
 * Time O(bins), no memory.
 */
QKVSIM_API qkvsim_status qkvsim_histogram_distance(qkvsim_context *context, const int64_t *a,
                                                   const int64_t *b, const double *edges,
                                                   int64_t bins, qkvsim_distance distance,
                                                   double *value);

#ifdef __cplusplus
}
#endif
#endif
