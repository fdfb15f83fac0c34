/*
 * Edges of bins. Equal edges are numpy.linspace in double, then rounded to the values' type,
 * because numpy.histogram compares float32 values with float32 edges.
 */
#include "bins.h"
#include "base/structs.h"

#include <math.h>

enum { DEFAULT_BINS = 100, FAST_BINS_MAX = 1024 };

static qkvsim_status check_range(qkvsim_context *context, qkvsim_bins *bins)
{
    if (bins->count < 1 || bins->count > QKVSIM_BINS_MAX)
        return qkv_invalid(context, "%lld bins: expected 1 to %d", (long long)bins->count,
                           QKVSIM_BINS_MAX);
    if (bins->edges != NULL)
        return QKVSIM_OK;
    if (bins->low == 0 && bins->high == 0) {
        bins->low = -1;
        bins->high = 1;
    }
    if (!isfinite(bins->high - bins->low) || !(bins->low < bins->high))
        return qkv_invalid(
            context, "bins from %s to %s: the second must exceed the first, by a finite number",
            qkv_number(bins->low).text, qkv_number(bins->high).text);
    return QKVSIM_OK;
}

static double rounded(double edge, int32_t arithmetic)
{
    return arithmetic == QKVSIM_DTYPE_F32 ? (double)(float)edge : edge;
}

/* The first edge that is not above the one before it; 0 where all are. They are counted first, many
 * at a time: a call with little else to do makes bins anew. */
static int64_t find_equal_edges(const double *edges, int64_t count)
{
    int64_t increasing = 0, k = 1;
    for (int64_t i = 1; i <= count; i++)
        increasing += edges[i] > edges[i - 1];
    if (increasing == count)
        return 0;
    while (edges[k] > edges[k - 1])
        k++;
    return k;
}

/* Edges may come to one number where bins are narrower than the last digit of the values' type. */
static qkvsim_status write_equal_edges(qkvsim_context *context, const qkvsim_bins *bins,
                                       int32_t arithmetic, double *edges)
{
    const double step = (bins->high - bins->low) / (double)bins->count;
    for (int32_t k = 0; k < (int32_t)bins->count; k++)
        edges[k] = (double)k * step + bins->low;
    edges[bins->count] = bins->high;
    for (int64_t k = 0; k <= bins->count && arithmetic == QKVSIM_DTYPE_F32; k++)
        edges[k] = (double)(float)edges[k];
    const int64_t equal = find_equal_edges(edges, bins->count);
    if (equal == 0)
        return QKVSIM_OK;
    return qkv_invalid(
        context,
        "%lld bins from %s to %s are too many for %s values: edges %lld and %lld are both %s",
        (long long)bins->count, qkv_number(bins->low).text, qkv_number(bins->high).text,
        arithmetic == QKVSIM_DTYPE_F32 ? "float32" : "float64", (long long)equal - 1,
        (long long)equal, qkv_number(edges[equal]).text);
}

static qkvsim_status copy_edges(qkvsim_context *context, const qkvsim_bins *bins, double *edges)
{
    for (int64_t k = 0; k <= bins->count; k++) {
        edges[k] = bins->edges[k];
        if (!isfinite(edges[k]))
            return qkv_invalid(context, "edge %lld of the bins is %s: edges must be finite",
                               (long long)k, qkv_number(edges[k]).text);
        if (k > 0 && edges[k] <= edges[k - 1])
            return qkv_invalid(
                context, "edge %lld of the bins is %s, after %s: edges must increase", (long long)k,
                qkv_number(edges[k]).text, qkv_number(edges[k - 1]).text);
    }
    return QKVSIM_OK;
}

/* The edge of equal bins on [-1, 1] that has this value; 0 where none has, or the first. */
static int64_t find_edge(const qkv_binning *binning, double value)
{
    const int64_t k = (int64_t)((value + 1) / 2 * (double)binning->count + 0.5);
    return binning->edges[k] == value ? k : 0;
}

/* Which bins make up the tail, |value| >= 0.9, if any do. */
static void find_tail(qkv_binning *binning, int32_t arithmetic)
{
    const int64_t end = find_edge(binning, rounded(-0.9, arithmetic));
    const int64_t start = find_edge(binning, rounded(0.9, arithmetic));
    const bool in_bins = binning->fast && end > 0 && start > 0;
    binning->tail_end = in_bins ? end : 0;
    binning->tail_start = in_bins ? start : binning->count;
}

/* For guessing bins by arithmetic; 0 where it could overflow: edges of float may be infinite, and
 * widths may have no finite inverse. */
static double bins_per_unit(const qkvsim_bins *bins, const double *edges)
{
    const double per_unit = (double)bins->count / (bins->high - bins->low);
    return isfinite(per_unit) && isfinite(edges[0]) && isfinite(edges[bins->count]) ? per_unit : 0;
}

qkvsim_status qkv_binning_open(qkvsim_context *context, const qkvsim_bins *bins, int32_t arithmetic,
                               qkv_binning *binning)
{
    qkvsim_bins given = { .count = DEFAULT_BINS };
    qkvsim_status status = QKVSIM_OK;
    if (bins != NULL)
        status = qkv_read_struct(context, &qkv_struct_bins, bins, &given);
    if (status == QKVSIM_OK)
        status = check_range(context, &given);
    if (status != QKVSIM_OK)
        return status;
    double *edges = qkv_allocate(&context->allocator, (size_t)given.count + 1, sizeof *edges);
    if (edges == NULL)
        return qkv_no_memory(context, "the bins' edges");
    const bool equal = given.edges == NULL;
    status = equal ? write_equal_edges(context, &given, arithmetic, edges)
                   : copy_edges(context, &given, edges);
    if (status != QKVSIM_OK) {
        qkv_release(&context->allocator, edges);
        return status;
    }
    *binning = (qkv_binning){
        .count = given.count,
        .edges = edges,
        .per_unit = equal ? bins_per_unit(&given, edges) : 0,
        .fast = equal && given.low == -1 && given.high == 1 && given.count <= FAST_BINS_MAX,
    };
    find_tail(binning, arithmetic);
    return QKVSIM_OK;
}

void qkv_binning_close(const qkv_allocator *allocator, qkv_binning *binning)
{
    qkv_release(allocator, binning->edges);
    *binning = (qkv_binning){ 0 };
}
