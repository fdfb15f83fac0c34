/* Analyses as bytes: of the rows, groups and features that they are of, and no others. */
#include <math.h>
#include <string.h>

#include "analysis.h"

enum { SPLIT_NUMBERS = 8, MOMENT_NUMBERS = 6 };

/* ---- what an analysis is of ---- */

static int64_t count_computed(const qkvsim_analysis *analysis)
{
    int64_t count = 0;
    for (int32_t row = 0; row < qkv_layout_rows(analysis->layout); row++)
        count += analysis->wanted[row];
    return count;
}

/* The groups that have a pair group among the computed ones: no others' features were looked at. */
typedef struct part {
    bool has[QKV_GROUPS_MAX];
    int64_t groups, features;
} part;

static void find_part(const qkvsim_analysis *analysis, part *of)
{
    const qkvsim_layout *layout = analysis->layout;
    *of = (part){ .groups = 0 };
    for (int32_t a = 0, p = 0; a < layout->groups; a++)
        for (int32_t b = a; b < layout->groups; b++, p++)
            if (analysis->wanted[p])
                of->has[a] = of->has[b] = true;
    for (int32_t g = 0; g < layout->groups; g++)
        if (of->has[g]) {
            of->groups++;
            of->features += layout->group_features[g];
        }
}

/* ---- to bytes ---- */

static void pack_offsets(qkv_packer *packer, const qkvsim_analysis *analysis)
{
    const qkvsim_layout *layout = analysis->layout;
    part of;
    find_part(analysis, &of);
    qkv_pack_begin(packer, "OFFR", QKV_PACKED_F64, of.features);
    for (int64_t j = 0; j < layout->features; j++)
        if (of.has[layout->group_of[j]])
            qkv_pack_f64(packer, analysis->offset_ratios[j]);
    qkv_pack_begin(packer, "OFFG", QKV_PACKED_F64, of.groups);
    for (int32_t g = 0; g < layout->groups; g++)
        if (of.has[g])
            qkv_pack_f64(packer, analysis->group_offset[g]);
}

static void pack_splits(qkv_packer *packer, const qkvsim_analysis *analysis)
{
    qkv_pack_begin(packer, "SPLT", QKV_PACKED_F64, count_computed(analysis) * SPLIT_NUMBERS);
    for (int32_t row = 0; row < qkv_layout_rows(analysis->layout); row++) {
        const qkv_split *split = &analysis->splits[row];
        if (!analysis->wanted[row])
            continue;
        qkv_pack_f64(packer, split->offset_sum);
        qkv_pack_f64(packer, split->offset_energy);
        qkv_pack_f64(packer, split->variance_sum);
        qkv_pack_f64(packer, split->variance_energy);
        qkv_pack_f64(packer, split->cross);
        qkv_pack_f64(packer, split->spread_energy);
        qkv_pack_f64(packer, split->offset_energy_corrected);
        qkv_pack_f64(packer, split->offset_squares);
    }
}

static void pack_moments(qkv_packer *packer, const qkvsim_analysis *analysis, int32_t metric)
{
    const int32_t rows = qkv_layout_rows(analysis->layout);
    const int64_t computed = count_computed(analysis);
    qkv_pack_begin(packer, "MOMC", QKV_PACKED_I64, 2 * computed);
    for (int32_t row = 0; row < rows; row++) {
        const qkv_moments *moments = &analysis->moments[metric][row];
        if (!analysis->wanted[row])
            continue;
        qkv_pack_i64(packer, moments->count);
        qkv_pack_i64(packer, moments->tail);
    }
    qkv_pack_begin(packer, "MOMS", QKV_PACKED_F64, computed * MOMENT_NUMBERS);
    for (int32_t row = 0; row < rows; row++) {
        const qkv_moments *moments = &analysis->moments[metric][row];
        if (!analysis->wanted[row])
            continue;
        qkv_pack_f64(packer, moments->mean);
        qkv_pack_f64(packer, moments->m2);
        qkv_pack_f64(packer, moments->m3);
        qkv_pack_f64(packer, moments->m4);
        qkv_pack_f64(packer, moments->minimum);
        qkv_pack_f64(packer, moments->maximum);
    }
}

static void pack_metric(qkv_packer *packer, const qkvsim_analysis *analysis, int32_t metric)
{
    const int64_t bins = analysis->binning.count;
    qkv_pack_begin(packer, "HIST", QKV_PACKED_I64, count_computed(analysis) * bins);
    for (int32_t row = 0; row < qkv_layout_rows(analysis->layout); row++)
        for (int64_t bin = 0; analysis->wanted[row] && bin < bins; bin++)
            qkv_pack_i64(packer, analysis->histograms[metric][row * bins + bin]);
    pack_moments(packer, analysis, metric);
    qkv_pack_i64s(packer, "UNDF", analysis->undefined[metric], analysis->undefined_count[metric]);
}

void qkv_pack_analysis(qkv_packer *packer, const void *object)
{
    const qkvsim_analysis *analysis = object;
    const qkvsim_layout *layout = analysis->layout;
    const int64_t made[] = { analysis->observations, analysis->metrics, analysis->arithmetic,
                             analysis->binning.count, (int64_t)analysis->input_fingerprint };
    qkv_pack_layout(packer, layout);
    qkv_pack_i64s(packer, "ANLY", made, 5);
    qkv_pack_f64s(packer, "EDGE", analysis->binning.edges, analysis->binning.count + 1);
    qkv_pack_bytes(packer, "WANT", analysis->wanted, qkv_layout_rows(layout));
    qkv_pack_i64s(packer, "DROP", analysis->dropped, analysis->dropped_count);
    pack_offsets(packer, analysis);
    if (analysis->moments[0] != NULL)
        pack_splits(packer, analysis);
    for (int32_t metric = 0; metric < QKV_METRICS; metric++)
        if (analysis->moments[metric] != NULL)
            pack_metric(packer, analysis, metric);
}

/* ---- from bytes: how it was made ---- */

/* How an analysis was made: what its handle is opened with. */
typedef struct making {
    qkv_binning binning;
    bool *wanted; /* rows */
    int32_t metrics;
    qkvsim_layout *layout;
    unsigned char *wanted_bytes;
    int64_t observations, arithmetic, fingerprint;
    int64_t *dropped;
    int64_t dropped_count;
} making;

static void close_making(const qkvsim_context *context, making *made)
{
    const qkv_allocator *allocator = &context->allocator;
    qkvsim_layout_free(made->layout);
    qkv_release(allocator, made->binning.edges);
    qkv_release(allocator, made->wanted);
    qkv_release(allocator, made->wanted_bytes);
    qkv_release(allocator, made->dropped);
}

static qkvsim_status take_numbers(qkv_unpacker *unpacker, making *made)
{
    int64_t numbers[5];
    const qkvsim_status status = qkv_unpack_i64s(unpacker, "ANLY", numbers, 5);
    if (status != QKVSIM_OK)
        return status;
    const int64_t every = QKVSIM_METRIC_COSINE | QKVSIM_METRIC_PEARSON | QKVSIM_METRIC_SPEARMAN;
    const int64_t metrics = numbers[1], arithmetic = numbers[2], bins = numbers[3];
    made->observations = numbers[0];
    made->arithmetic = arithmetic;
    made->fingerprint = numbers[4];
    if (made->observations < 1 || metrics < 1 || (metrics & ~every) != 0
        || (arithmetic != QKVSIM_DTYPE_F32 && arithmetic != QKVSIM_DTYPE_F64) || bins < 1
        || bins > QKVSIM_BINS_MAX)
        return qkv_unpack_fail(unpacker, "ANLY",
                               "%lld observations, metrics %lld, arithmetic %lld, %lld bins",
                               (long long)made->observations, (long long)metrics,
                               (long long)arithmetic, (long long)bins);
    made->metrics = (int32_t)metrics;
    made->binning.count = bins;
    return QKVSIM_OK;
}

static qkvsim_status take_edges(qkv_unpacker *unpacker, making *made)
{
    int64_t count = made->binning.count + 1;
    qkvsim_status status;
    made->binning.edges = qkv_unpack_new(unpacker, "EDGE", QKV_PACKED_F64, &count, &status);
    if (status != QKVSIM_OK)
        return status;
    const double *edges = made->binning.edges;
    for (int64_t k = 1; k < count; k++)
        if (!(edges[k] > edges[k - 1]))
            return qkv_unpack_fail(unpacker, "EDGE", "edge %lld is %s, after %s", (long long)k,
                                   qkv_number(edges[k]).text, qkv_number(edges[k - 1]).text);
    return QKVSIM_OK;
}

/* A roll-up is computed where all its pair groups are. */
static bool rollup_is_wanted(const qkv_rollup *rollup, const unsigned char *wanted)
{
    bool whole = true;
    for (int32_t k = 0; k < rollup->count; k++)
        whole = whole && wanted[rollup->pair_groups[k]] != 0;
    return whole;
}

static qkvsim_status take_wanted(qkv_unpacker *unpacker, making *made)
{
    const qkvsim_layout *layout = made->layout;
    const int32_t pair_groups = qkv_pair_groups(layout->groups);
    int64_t rows = qkv_layout_rows(layout);
    qkvsim_status status;
    made->wanted_bytes = qkv_unpack_new(unpacker, "WANT", QKV_PACKED_BYTES, &rows, &status);
    if (status != QKVSIM_OK)
        return status;
    bool *wanted = qkv_allocate(&unpacker->context->allocator, (size_t)rows, sizeof *wanted);
    made->wanted = wanted;
    if (wanted == NULL)
        return qkv_no_memory(unpacker->context, "the unpacked result");
    for (int32_t row = 0; row < rows; row++) {
        wanted[row] = made->wanted_bytes[row] == 1;
        if (made->wanted_bytes[row] > 1
            || (row >= pair_groups
                && wanted[row]
                       != rollup_is_wanted(&layout->rollups[row - pair_groups],
                                           made->wanted_bytes)))
            return qkv_unpack_fail(unpacker, "WANT", "row %d has %d", (int)row,
                                   (int)made->wanted_bytes[row]);
    }
    return QKVSIM_OK;
}

static qkvsim_status take_making(qkv_unpacker *unpacker, making *made)
{
    qkvsim_status status = qkv_unpack_layout(unpacker, &made->layout);
    if (status == QKVSIM_OK)
        status = take_numbers(unpacker, made);
    if (status == QKVSIM_OK)
        status = take_edges(unpacker, made);
    if (status == QKVSIM_OK)
        status = take_wanted(unpacker, made);
    made->dropped_count = -1;
    if (status == QKVSIM_OK)
        made->dropped =
            qkv_unpack_new(unpacker, "DROP", QKV_PACKED_I64, &made->dropped_count, &status);
    if (status == QKVSIM_OK)
        status =
            qkv_unpack_check_list(unpacker, "DROP", made->dropped, made->dropped_count, INT64_MAX);
    return status;
}

/* ---- from bytes: results ---- */

/* Of features and groups that it is not of, nothing is known. */
static qkvsim_status take_offsets(qkv_unpacker *unpacker, qkvsim_analysis *analysis)
{
    const qkvsim_layout *layout = analysis->layout;
    part of;
    int64_t count;
    find_part(analysis, &of);
    qkvsim_status status = qkv_unpack_begin(unpacker, "OFFR", QKV_PACKED_F64, of.features, &count);
    for (int64_t j = 0; j < layout->features && status == QKVSIM_OK; j++)
        analysis->offset_ratios[j] =
            of.has[layout->group_of[j]] ? qkv_unpack_f64(unpacker) : (double)NAN;
    if (status == QKVSIM_OK)
        status = qkv_unpack_begin(unpacker, "OFFG", QKV_PACKED_F64, of.groups, &count);
    for (int32_t g = 0; g < layout->groups && status == QKVSIM_OK; g++)
        analysis->group_offset[g] = of.has[g] ? qkv_unpack_f64(unpacker) : (double)NAN;
    return status;
}

static qkvsim_status take_splits(qkv_unpacker *unpacker, qkvsim_analysis *analysis)
{
    int64_t count;
    const qkvsim_status status = qkv_unpack_begin(unpacker, "SPLT", QKV_PACKED_F64,
                                                  count_computed(analysis) * SPLIT_NUMBERS, &count);
    for (int32_t row = 0; row < qkv_layout_rows(analysis->layout) && status == QKVSIM_OK; row++) {
        qkv_split *split = &analysis->splits[row];
        if (!analysis->wanted[row])
            continue;
        split->offset_sum = qkv_unpack_f64(unpacker);
        split->offset_energy = qkv_unpack_f64(unpacker);
        split->variance_sum = qkv_unpack_f64(unpacker);
        split->variance_energy = qkv_unpack_f64(unpacker);
        split->cross = qkv_unpack_f64(unpacker);
        split->spread_energy = qkv_unpack_f64(unpacker);
        split->offset_energy_corrected = qkv_unpack_f64(unpacker);
        split->offset_squares = qkv_unpack_f64(unpacker);
    }
    return status;
}

static qkvsim_status take_histograms(qkv_unpacker *unpacker, qkvsim_analysis *analysis,
                                     int32_t metric)
{
    const int64_t bins = analysis->binning.count;
    int64_t count;
    const qkvsim_status status =
        qkv_unpack_begin(unpacker, "HIST", QKV_PACKED_I64, count_computed(analysis) * bins, &count);
    for (int32_t row = 0; row < qkv_layout_rows(analysis->layout) && status == QKVSIM_OK; row++)
        for (int64_t bin = 0; analysis->wanted[row] && bin < bins; bin++)
            analysis->histograms[metric][row * bins + bin] = qkv_unpack_i64(unpacker);
    return status;
}

static qkvsim_status take_moments(qkv_unpacker *unpacker, qkvsim_analysis *analysis, int32_t metric)
{
    const int32_t rows = qkv_layout_rows(analysis->layout);
    const int64_t computed = count_computed(analysis);
    int64_t count;
    qkvsim_status status = qkv_unpack_begin(unpacker, "MOMC", QKV_PACKED_I64, 2 * computed, &count);
    for (int32_t row = 0; row < rows && status == QKVSIM_OK; row++) {
        qkv_moments *moments = &analysis->moments[metric][row];
        if (!analysis->wanted[row])
            continue;
        moments->count = qkv_unpack_i64(unpacker);
        moments->tail = qkv_unpack_i64(unpacker);
    }
    if (status == QKVSIM_OK)
        status =
            qkv_unpack_begin(unpacker, "MOMS", QKV_PACKED_F64, computed * MOMENT_NUMBERS, &count);
    for (int32_t row = 0; row < rows && status == QKVSIM_OK; row++) {
        qkv_moments *moments = &analysis->moments[metric][row];
        if (!analysis->wanted[row])
            continue;
        moments->mean = qkv_unpack_f64(unpacker);
        moments->m2 = qkv_unpack_f64(unpacker);
        moments->m3 = qkv_unpack_f64(unpacker);
        moments->m4 = qkv_unpack_f64(unpacker);
        moments->minimum = qkv_unpack_f64(unpacker);
        moments->maximum = qkv_unpack_f64(unpacker);
    }
    return status;
}

/* A row's counts are of no more values than it has. */
static bool counts_are_sound(const qkvsim_analysis *analysis, int32_t metric, int32_t row)
{
    const int64_t bins = analysis->binning.count;
    const int64_t *counts = analysis->histograms[metric] + row * bins;
    const qkv_moments *moments = &analysis->moments[metric][row];
    const int64_t pairs = qkvsim_layout_pairs(analysis->layout, row);
    if (moments->count < 0 || moments->count > pairs || moments->tail < 0
        || moments->tail > moments->count)
        return false;
    int64_t rest = moments->count;
    for (int64_t bin = 0; bin < bins; bin++) {
        if (counts[bin] < 0 || counts[bin] > rest)
            return false;
        rest -= counts[bin];
    }
    return true;
}

static qkvsim_status take_undefined(qkv_unpacker *unpacker, qkvsim_analysis *analysis,
                                    int32_t metric)
{
    const int64_t features = analysis->layout->features;
    int64_t count = 0;
    const qkvsim_status status = qkv_unpack_begin(unpacker, "UNDF", QKV_PACKED_I64, -1, &count);
    if (status != QKVSIM_OK)
        return status;
    if (count > features)
        return qkv_unpack_fail(unpacker, "UNDF", "%lld of %lld features", (long long)count,
                               (long long)features);
    for (int64_t k = 0; k < count; k++)
        analysis->undefined[metric][k] = qkv_unpack_i64(unpacker);
    analysis->undefined_count[metric] = count;
    return qkv_unpack_check_list(unpacker, "UNDF", analysis->undefined[metric], count, features);
}

static qkvsim_status take_metric(qkv_unpacker *unpacker, qkvsim_analysis *analysis, int32_t metric)
{
    const int32_t rows = qkv_layout_rows(analysis->layout);
    qkvsim_status status = take_histograms(unpacker, analysis, metric);
    if (status == QKVSIM_OK)
        status = take_moments(unpacker, analysis, metric);
    for (int32_t row = 0; row < rows && status == QKVSIM_OK; row++)
        if (analysis->wanted[row] && !counts_are_sound(analysis, metric, row))
            status =
                qkv_unpack_fail(unpacker, "HIST", "the counts of row %d (%s) contradict its size",
                                (int)row, qkvsim_layout_row_name(analysis->layout, row));
    return status == QKVSIM_OK ? take_undefined(unpacker, analysis, metric) : status;
}

static qkvsim_status take_results(qkv_unpacker *unpacker, qkvsim_analysis *analysis)
{
    qkvsim_status status = take_offsets(unpacker, analysis);
    if (status == QKVSIM_OK && analysis->moments[0] != NULL)
        status = take_splits(unpacker, analysis);
    for (int32_t metric = 0; metric < QKV_METRICS && status == QKVSIM_OK; metric++)
        if (analysis->moments[metric] != NULL)
            status = take_metric(unpacker, analysis, metric);
    return status;
}

/* Counts take the most of an analysis: those of all computed rows are here, before room is made for
 * them. */
static qkvsim_status check_room(const qkv_unpacker *unpacker, const making *made)
{
    const int64_t bins = made->binning.count, bytes = unpacker->size - unpacker->at;
    int64_t rows = 0;
    for (int32_t row = 0; row < qkv_layout_rows(made->layout); row++)
        rows += made->wanted[row];
    return rows * bins <= bytes / (int64_t)sizeof(int64_t)
               ? QKVSIM_OK
               : qkv_unpack_fail(unpacker, "HIST", "%lld rows of %lld bins in %lld bytes",
                                 (long long)rows, (long long)bins, (long long)bytes);
}

static qkvsim_status open_analysis(qkvsim_context *context, const making *how,
                                   qkvsim_analysis **analysis)
{
    const qkv_analysis_shape shape = { how->layout, &how->binning, how->wanted, how->metrics };
    return qkv_analysis_open(context, &shape, analysis);
}

qkvsim_status qkv_unpack_analysis(qkv_unpacker *unpacker, qkvsim_analysis **analysis)
{
    making how = { .layout = NULL };
    qkvsim_analysis *made = NULL;
    qkvsim_status status = take_making(unpacker, &how);
    if (status == QKVSIM_OK)
        status = check_room(unpacker, &how);
    if (status == QKVSIM_OK)
        status = open_analysis(unpacker->context, &how, &made);
    if (status == QKVSIM_OK) {
        made->observations = how.observations;
        made->arithmetic = (int32_t)how.arithmetic;
        made->input_fingerprint = (uint64_t)how.fingerprint;
        made->dropped = how.dropped;
        made->dropped_count = how.dropped_count;
        how.dropped = NULL;
        status = take_results(unpacker, made);
    }
    close_making(unpacker->context, &how);
    if (status == QKVSIM_OK)
        *analysis = made;
    else
        qkvsim_analysis_free(made);
    return status;
}

qkvsim_status qkv_unpack_check_sides(const qkv_unpacker *unpacker, const char *tag,
                                     const qkvsim_analysis *one, const qkvsim_analysis *other)
{
    return one->metrics == other->metrics
                   && qkv_layout_rows(one->layout) == qkv_layout_rows(other->layout)
                   && one->layout->groups == other->layout->groups
               ? QKVSIM_OK
               : qkv_unpack_fail(unpacker, tag, "its two selections have other rows or metrics");
}

static qkvsim_status unpack(qkv_unpacker *unpacker, void **result)
{
    qkvsim_analysis *made = NULL;
    const qkvsim_status status = qkv_unpack_analysis(unpacker, &made);
    *result = made;
    return status;
}

static void release(void *result)
{
    qkvsim_analysis_free(result);
}

static const qkv_format format = { QKVSIM_KIND_ANALYSIS, qkv_pack_analysis, unpack, release };

/* ---- the public calls ---- */

int64_t qkvsim_analysis_packed_size(const qkvsim_analysis *analysis)
{
    return qkv_packed_size(&format, analysis);
}

qkvsim_status qkvsim_analysis_pack(qkvsim_context *context, const qkvsim_analysis *analysis,
                                   void *buffer, int64_t size)
{
    return qkv_pack(context, &format, analysis, buffer, size);
}

qkvsim_status qkvsim_analysis_unpack(qkvsim_context *context, const void *buffer, int64_t size,
                                     qkvsim_analysis **analysis)
{
    void *made = NULL;
    const qkvsim_status status = qkv_unpack(context, &format, buffer, size, analysis, &made);
    if (status == QKVSIM_OK)
        *analysis = made;
    return status;
}

/* ---- copies ---- */

/* The sections alone, without a header. */
static qkvsim_status pack_sections(qkvsim_context *context, const qkvsim_analysis *analysis,
                                   qkv_packer *packer)
{
    qkv_packer measured = { .size = 0 };
    qkv_pack_analysis(&measured, analysis);
    *packer = (qkv_packer){ .bytes = qkv_allocate(&context->allocator, (size_t)measured.size, 1) };
    if (packer->bytes == NULL)
        return qkv_no_memory(context, "a copy of an analysis");
    qkv_pack_analysis(packer, analysis);
    return QKVSIM_OK;
}

qkvsim_status qkv_analysis_copy(qkvsim_context *context, const qkvsim_analysis *analysis,
                                qkvsim_analysis **copy)
{
    qkv_packer packer;
    qkvsim_status status = pack_sections(context, analysis, &packer);
    if (status != QKVSIM_OK)
        return status;
    qkv_unpacker unpacker = { context, packer.bytes, packer.size, 0 };
    status = qkv_unpack_analysis(&unpacker, copy);
    qkv_release(&context->allocator, packer.bytes);
    return status;
}

qkvsim_status qkv_analysis_is_same(qkvsim_context *context, const qkvsim_analysis *one,
                                   const qkvsim_analysis *other, bool *same)
{
    qkv_packer a = { 0 }, b = { 0 };
    qkvsim_status status = pack_sections(context, one, &a);
    if (status == QKVSIM_OK)
        status = pack_sections(context, other, &b);
    if (status == QKVSIM_OK)
        *same = a.size == b.size && memcmp(a.bytes, b.bytes, (size_t)a.size) == 0;
    qkv_release(&context->allocator, a.bytes);
    qkv_release(&context->allocator, b.bytes);
    return status;
}
