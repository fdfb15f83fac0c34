/* Analyses of some pair groups each, put together. */
#include <math.h>
#include <string.h>

#include "analysis/pieces.h"
#include "analysis/rollups.h"

/* ---- whether they belong together ---- */

/* Which piece has each pair group; fails where two have one. */
static qkvsim_status find_owners(qkvsim_context *context, const qkvsim_analysis *const *pieces,
                                 int64_t count, int64_t *owner)
{
    const qkvsim_layout *layout = pieces[0]->layout;
    for (int32_t p = 0; p < qkv_pair_groups(layout->groups); p++) {
        owner[p] = -1;
        for (int64_t k = 0; k < count; k++) {
            if (pieces[k]->wanted[p] && owner[p] >= 0)
                return qkv_invalid(
                    context, "pair group %d (%s) was computed in pieces %lld and %lld", (int)p,
                    qkvsim_layout_row_name(layout, p), (long long)owner[p], (long long)k);
            if (pieces[k]->wanted[p])
                owner[p] = k;
        }
    }
    return QKVSIM_OK;
}

/* Features that several pieces read tell other values that the fingerprint does not sample. */
static qkvsim_status take_offset_ratios(qkvsim_context *context, const qkvsim_analysis *piece,
                                        int64_t k, qkvsim_analysis *made)
{
    for (int64_t j = 0; j < piece->layout->features; j++) {
        const double ratio = piece->offset_ratios[j], taken = made->offset_ratios[j];
        if (!isnan(ratio) && !isnan(taken) && ratio != taken)
            return qkv_invalid(
                context,
                "feature %lld has offset ratio %s in piece %lld, and %s in one before "
                "it: other values, or other kernels",
                (long long)j, qkv_number(ratio).text, (long long)k, qkv_number(taken).text);
        if (!isnan(ratio))
            made->offset_ratios[j] = ratio;
    }
    return QKVSIM_OK;
}

/* ---- putting together ---- */

static void take_row(const qkvsim_analysis *piece, int32_t row, qkvsim_analysis *made)
{
    const int64_t bins = made->binning.count;
    made->splits[row] = piece->splits[row];
    for (int32_t metric = 0; metric < QKV_METRICS; metric++)
        if (made->moments[metric] != NULL) {
            made->moments[metric][row] = piece->moments[metric][row];
            memcpy(made->histograms[metric] + row * bins, piece->histograms[metric] + row * bins,
                   (size_t)bins * sizeof *made->counts);
        }
}

/* Both lists increase; what is in both is taken once. `joint` is scratch for as many as there are
 * features. */
static void join_undefined(const qkvsim_analysis *piece, int32_t metric, int64_t *joint,
                           qkvsim_analysis *made)
{
    const int64_t *a = made->undefined[metric], *b = piece->undefined[metric];
    const int64_t a_count = made->undefined_count[metric], b_count = piece->undefined_count[metric];
    int64_t count = 0;
    for (int64_t i = 0, j = 0; i < a_count || j < b_count;) {
        const int64_t next = i < a_count && (j == b_count || a[i] <= b[j]) ? a[i] : b[j];
        i += i < a_count && a[i] == next;
        j += j < b_count && b[j] == next;
        joint[count++] = next;
    }
    if (count > 0)
        memcpy(made->undefined[metric], joint, (size_t)count * sizeof *joint);
    made->undefined_count[metric] = count;
}

static void take_groups(const qkvsim_analysis *piece, qkvsim_analysis *made)
{
    for (int32_t g = 0; g < made->layout->groups; g++)
        if (!isnan(piece->group_offset[g]))
            made->group_offset[g] = piece->group_offset[g];
}

static qkvsim_status take_piece(qkvsim_context *context, const qkvsim_analysis *piece, int64_t k,
                                int64_t *joint, qkvsim_analysis *made)
{
    const qkvsim_status status = take_offset_ratios(context, piece, k, made);
    if (status != QKVSIM_OK)
        return status;
    take_groups(piece, made);
    for (int32_t metric = 0; metric < QKV_METRICS; metric++)
        if (made->moments[metric] != NULL)
            join_undefined(piece, metric, joint, made);
    for (int32_t p = 0; p < qkv_pair_groups(made->layout->groups); p++)
        if (piece->wanted[p])
            take_row(piece, p, made);
    return QKVSIM_OK;
}

static qkvsim_status copy_making(qkvsim_context *context, const qkvsim_analysis *from,
                                 qkvsim_analysis *to)
{
    to->observations = from->observations;
    to->arithmetic = from->arithmetic;
    to->input_fingerprint = from->input_fingerprint;
    for (int64_t j = 0; j < to->layout->features; j++)
        to->offset_ratios[j] = NAN;
    for (int32_t g = 0; g < to->layout->groups; g++)
        to->group_offset[g] = NAN;
    if (from->dropped_count == 0)
        return QKVSIM_OK;
    to->dropped = qkv_allocate(&to->allocator, (size_t)from->dropped_count, sizeof *to->dropped);
    if (to->dropped == NULL)
        return qkv_no_memory(context, "the dropped observations");
    memcpy(to->dropped, from->dropped, (size_t)from->dropped_count * sizeof *to->dropped);
    to->dropped_count = from->dropped_count;
    return QKVSIM_OK;
}

static qkvsim_status open_merged(qkvsim_context *context, const qkvsim_analysis *first,
                                 const int64_t *owner, qkvsim_analysis **made)
{
    const qkvsim_layout *layout = first->layout;
    const size_t rows = (size_t)qkv_layout_rows(layout);
    bool *wanted = qkv_allocate(&context->allocator, rows, sizeof *wanted);
    if (wanted == NULL)
        return qkv_no_memory(context, "the wanted pair groups");
    for (int32_t p = 0; p < qkv_pair_groups(layout->groups); p++)
        wanted[p] = owner[p] >= 0;
    qkv_mark_rollups(layout, wanted);
    const qkv_analysis_shape shape = { layout, &first->binning, wanted, first->metrics };
    qkvsim_status status = qkv_analysis_open(context, &shape, made);
    if (status == QKVSIM_OK)
        status = copy_making(context, first, *made);
    qkv_release(&context->allocator, wanted);
    return status;
}

static qkvsim_status join(qkvsim_context *context, const qkvsim_analysis *const *pieces,
                          int64_t count, int64_t *scratch, qkvsim_analysis **made)
{
    qkvsim_status status = QKVSIM_OK;
    for (int64_t k = 1; k < count && status == QKVSIM_OK; k++)
        status = qkv_check_making(context, k, pieces[k], pieces[0]);
    if (status == QKVSIM_OK)
        status = find_owners(context, pieces, count, scratch);
    if (status == QKVSIM_OK)
        status = open_merged(context, pieces[0], scratch, made);
    for (int64_t k = 0; k < count && status == QKVSIM_OK; k++)
        status = take_piece(context, pieces[k], k, scratch, *made);
    if (status == QKVSIM_OK)
        qkv_merge_rollups(*made);
    return status;
}

qkvsim_status qkvsim_analysis_merge(qkvsim_context *context, const qkvsim_analysis *const *pieces,
                                    int64_t count, qkvsim_analysis **merged)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    qkvsim_status status = qkv_check_pieces(context, pieces, count, merged);
    if (status != QKVSIM_OK)
        return status;
    qkv_work_open(context);
    const qkvsim_layout *layout = pieces[0]->layout;
    const int64_t pair_groups = qkv_pair_groups(layout->groups);
    const int64_t longer = pair_groups > layout->features ? pair_groups : layout->features;
    int64_t *scratch = qkv_allocate(&context->allocator, (size_t)longer, sizeof *scratch);
    qkvsim_analysis *made = NULL;
    status = scratch != NULL ? join(context, pieces, count, scratch, &made)
                             : qkv_no_memory(context, "the order of the pieces");
    qkv_release(&context->allocator, scratch);
    if (status == QKVSIM_OK)
        *merged = made;
    else
        qkvsim_analysis_free(made);
    return status;
}
