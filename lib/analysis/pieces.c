/* What is said of pieces that do not belong together names the piece, and both numbers. */
#include "pieces.h"

#include <stdlib.h>
#include <string.h>

qkvsim_status qkv_check_pieces(qkvsim_context *context, const void *pieces, int64_t count,
                               const void *merged)
{
    if (pieces == NULL || merged == NULL)
        return qkv_invalid(context, "%s is NULL", pieces == NULL ? "pieces" : "merged");
    if (count < 1)
        return qkv_invalid(context, "%lld pieces: at least 1 is needed", (long long)count);
    for (int64_t k = 0; k < count; k++)
        if (((const void *const *)pieces)[k] == NULL)
            return qkv_invalid(context, "piece %lld is NULL", (long long)k);
    return QKVSIM_OK;
}

qkvsim_status qkv_check_traits(qkvsim_context *context, int64_t piece, const qkv_trait *traits,
                               const qkv_trait *of_first, int32_t count)
{
    for (int32_t k = 0; k < count; k++)
        if (traits[k].value != of_first[k].value)
            return qkv_invalid(context, "piece %lld has %s %llu, and piece 0 has %llu",
                               (long long)piece, traits[k].name,
                               (unsigned long long)traits[k].value,
                               (unsigned long long)of_first[k].value);
    return QKVSIM_OK;
}

/* ---- analyses ---- */

static qkvsim_status check_layouts(qkvsim_context *context, int64_t piece, const qkvsim_layout *a,
                                   const qkvsim_layout *b)
{
    const qkv_trait of_a[] = { { "a layout with groups", (uint64_t)a->groups },
                               { "a layout with roll-ups", (uint64_t)a->rollup_count } };
    const qkv_trait of_b[] = { { "", (uint64_t)b->groups }, { "", (uint64_t)b->rollup_count } };
    const qkvsim_status status = qkv_check_traits(context, piece, of_a, of_b, 2);
    if (status != QKVSIM_OK)
        return status;
    for (int64_t j = 0; j < a->features; j++)
        if (a->group_of[j] != b->group_of[j])
            return qkv_invalid(context,
                               "the layout of piece %lld has feature %lld in group %d, and that of "
                               "piece 0 in group %d",
                               (long long)piece, (long long)j, (int)a->group_of[j],
                               (int)b->group_of[j]);
    for (int32_t row = 0; row < qkv_layout_rows(a); row++)
        if (strcmp(qkvsim_layout_row_name(a, row), qkvsim_layout_row_name(b, row)) != 0)
            return qkv_invalid(context, "row %d of piece %lld is %s, and of piece 0 %s", (int)row,
                               (long long)piece, qkvsim_layout_row_name(a, row),
                               qkvsim_layout_row_name(b, row));
    for (int32_t r = 0; r < a->rollup_count; r++)
        if (a->rollups[r].count != b->rollups[r].count
            || memcmp(a->rollups[r].pair_groups, b->rollups[r].pair_groups,
                      (size_t)a->rollups[r].count * sizeof(int32_t))
                   != 0)
            return qkv_invalid(context,
                               "roll-up %s of piece %lld is of other pair groups than piece 0's",
                               a->rollups[r].name, (long long)piece);
    return QKVSIM_OK;
}

static qkvsim_status check_edges(qkvsim_context *context, int64_t piece, const qkv_binning *a,
                                 const qkv_binning *b)
{
    for (int64_t k = 0; k <= a->count; k++)
        if (a->edges[k] != b->edges[k])
            return qkv_invalid(context,
                               "edge %lld of the bins is %s in piece %lld, and %s in piece 0",
                               (long long)k, qkv_number(a->edges[k]).text, (long long)piece,
                               qkv_number(b->edges[k]).text);
    return QKVSIM_OK;
}

static qkvsim_status check_dropped(qkvsim_context *context, int64_t piece, const qkvsim_analysis *a,
                                   const qkvsim_analysis *b)
{
    for (int64_t k = 0; k < a->dropped_count; k++)
        if (a->dropped[k] != b->dropped[k])
            return qkv_invalid(context, "piece %lld dropped observation %lld, and piece 0 %lld",
                               (long long)piece, (long long)a->dropped[k],
                               (long long)b->dropped[k]);
    return QKVSIM_OK;
}

enum { TRAITS = 7 };

static void describe(const qkvsim_analysis *of, qkv_trait traits[TRAITS])
{
    const qkv_trait described[TRAITS] = {
        { "features", (uint64_t)of->layout->features },
        { "observations", (uint64_t)of->observations },
        { "dropped observations", (uint64_t)of->dropped_count },
        { "metrics", (uint64_t)of->metrics },
        { "arithmetic", (uint64_t)of->arithmetic },
        { "bins", (uint64_t)of->binning.count },
        { "an input with fingerprint", of->input_fingerprint },
    };
    memcpy(traits, described, sizeof described);
}

qkvsim_status qkv_check_making(qkvsim_context *context, int64_t piece,
                               const qkvsim_analysis *analysis, const qkvsim_analysis *of_first)
{
    qkv_trait a[TRAITS], b[TRAITS];
    describe(analysis, a);
    describe(of_first, b);
    qkvsim_status status = qkv_check_traits(context, piece, a, b, TRAITS);
    if (status == QKVSIM_OK)
        status = check_layouts(context, piece, analysis->layout, of_first->layout);
    if (status == QKVSIM_OK)
        status = check_edges(context, piece, &analysis->binning, &of_first->binning);
    if (status == QKVSIM_OK)
        status = check_dropped(context, piece, analysis, of_first);
    return status;
}

static qkvsim_status check_wanted(qkvsim_context *context, int64_t piece, const qkvsim_analysis *a,
                                  const qkvsim_analysis *b)
{
    for (int32_t row = 0; row < qkv_layout_rows(a->layout); row++)
        if (a->wanted[row] != b->wanted[row])
            return qkv_invalid(context, "pair group %d (%s) was computed in piece %lld alone",
                               (int)row, qkvsim_layout_row_name(a->layout, row),
                               (long long)(a->wanted[row] ? piece : 0));
    return QKVSIM_OK;
}

qkvsim_status qkv_check_same_analysis(qkvsim_context *context, int64_t piece,
                                      const qkvsim_analysis *analysis,
                                      const qkvsim_analysis *of_first)
{
    qkvsim_status status = qkv_check_making(context, piece, analysis, of_first);
    if (status == QKVSIM_OK)
        status = check_wanted(context, piece, analysis, of_first);
    bool same = true;
    if (status == QKVSIM_OK)
        status = qkv_analysis_is_same(context, analysis, of_first, &same);
    return status == QKVSIM_OK && !same
               ? qkv_invalid(context,
                             "what was observed in piece %lld and in piece 0 differs in its bits: "
                             "other values or covariates, or other kernels or another OpenBLAS",
                             (long long)piece)
               : status;
}

/* ---- repetitions ---- */

qkvsim_status qkv_check_whole(qkvsim_context *context, int64_t piece, int64_t exceedances,
                              const char *what)
{
    return exceedances == 0 ? QKVSIM_OK
                            : qkv_invalid(context,
                                          "piece %lld was to stop early (exceedances %lld): no "
                                          "more %s belong to it",
                                          (long long)piece, (long long)exceedances, what);
}

qkvsim_status qkv_check_enumerated(qkvsim_context *context, int64_t piece, const qkv_whole *whole,
                                   const qkv_whole *of_first, const char *what)
{
    if (whole->enumerated == of_first->enumerated)
        return QKVSIM_OK;
    return qkv_invalid(context,
                       "there are %s different %s, which piece %lld, of %lld in all, %s each once, "
                       "and piece 0, of "
                       "%lld, %s: give each of them the total of the whole",
                       qkv_number(whole->all_different - 1).text, what, (long long)piece,
                       (long long)whole->total, whole->enumerated ? "takes" : "does not take",
                       (long long)of_first->total, of_first->enumerated ? "does" : "does not");
}

static int compare_ranges(const void *left, const void *right)
{
    const qkv_range *a = left, *b = right;
    if ((a->count == 0) != (b->count == 0))
        return a->count == 0 ? -1 : 1;
    return (a->first > b->first) - (a->first < b->first);
}

static long long last_of(const qkv_range *range)
{
    return (long long)(range->first + range->count - 1);
}

qkvsim_status qkv_order_ranges(qkvsim_context *context, const char *what, qkv_range *ranges,
                               int64_t count)
{
    qsort(ranges, (size_t)count, sizeof *ranges, compare_ranges);
    for (int64_t k = 1; k < count; k++) {
        const qkv_range *a = &ranges[k - 1], *b = &ranges[k];
        const int64_t end = a->first + a->count;
        if (a->count == 0 || b->first == end)
            continue;
        if (b->first < end)
            return qkv_invalid(context,
                               "pieces %lld and %lld overlap: they have %s %lld to %lld and %lld "
                               "to %lld",
                               (long long)a->piece, (long long)b->piece, what, (long long)a->first,
                               last_of(a), (long long)b->first, last_of(b));
        return qkv_invalid(context,
                           "no piece has %s %lld to %lld: piece %lld ends before them, and piece "
                           "%lld begins behind",
                           what, (long long)end, (long long)(b->first - 1), (long long)a->piece,
                           (long long)b->piece);
    }
    return QKVSIM_OK;
}

int64_t qkv_ranges_first(const qkv_range *ranges, int64_t count)
{
    int64_t k = 0;
    while (k + 1 < count && ranges[k].count == 0)
        k++;
    return ranges[k].first;
}
