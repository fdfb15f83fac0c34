/* The flow of an analysis: prepare, tiles, tally, results. */
#include "session.h"

#include "base/structs.h"
#include "flow/fingerprint.h"
#include "flow/prepare.h"
#include "offset_split.h"
#include "rollups.h"

/* ---- options ---- */

static bool is_pair_group(const qkvsim_layout *layout, int32_t pair_group)
{
    return pair_group >= 0 && pair_group < qkv_pair_groups(layout->groups);
}

static qkvsim_status check_options(qkvsim_context *context, const qkvsim_layout *layout,
                                   const qkvsim_analysis_options *options)
{
    if ((options->metrics
         & ~(QKVSIM_METRIC_COSINE | QKVSIM_METRIC_PEARSON | QKVSIM_METRIC_SPEARMAN))
        != 0)
        return qkv_unknown(
            context, options->metrics, QKV_METRICS_SUM,
            "metrics is %d, expected 0 or a sum of QKVSIM_METRIC_COSINE (1), PEARSON (2) and "
            "SPEARMAN (16)",
            (int)options->metrics);
    if ((options->pair_groups == NULL) != (options->pair_group_count == 0)
        || options->pair_group_count < 0)
        return qkv_invalid(context, "pair_groups is %s but pair_group_count is %d",
                           options->pair_groups == NULL ? "NULL" : "given",
                           (int)options->pair_group_count);
    for (int32_t k = 0; k < options->pair_group_count; k++)
        if (!is_pair_group(layout, options->pair_groups[k]))
            return qkv_invalid(context, "pair_groups[%d] is %d, but there are pair groups 0 to %d",
                               (int)k, (int)options->pair_groups[k],
                               (int)qkv_pair_groups(layout->groups) - 1);
    return QKVSIM_OK;
}

qkvsim_status qkv_read_analysis_options(qkvsim_context *context,
                                        const qkvsim_analysis_options *given,
                                        qkvsim_analysis_options *options)
{
    return qkv_read_options(context, &qkv_struct_analysis_options, given, options);
}

/* A list that was checked is read again, and must not lead anywhere else by then. */
static void mark_wanted(const qkvsim_layout *layout, const qkvsim_analysis_options *options,
                        bool *wanted)
{
    for (int32_t p = 0; p < qkv_pair_groups(layout->groups); p++)
        wanted[p] = options->pair_groups == NULL;
    for (int32_t k = 0; k < options->pair_group_count; k++) {
        const int32_t pair_group = options->pair_groups[k];
        if (is_pair_group(layout, pair_group))
            wanted[pair_group] = true;
    }
    qkv_mark_rollups(layout, wanted);
}

/* ---- which features and tiles are needed ---- */

static bool group_is_wanted(const qkv_session *session, int32_t group)
{
    const int32_t groups = session->layout->groups;
    for (int32_t other = 0; other < groups; other++) {
        const int32_t a = group < other ? group : other, b = group < other ? other : group;
        if (session->wanted[qkv_pair_group(groups, a, b)])
            return true;
    }
    return false;
}

/* Where the next feature of a group goes: among those that are placed, and among all. */
typedef struct next_place {
    int64_t position, place;
    bool wanted;
} next_place;

/* Lists the columns of wanted groups, group by group (a counting sort), and where they would stand
 * among all; returns their number. */
static int64_t order_features(const qkv_session *session, next_place *next, int64_t *order,
                              int64_t *place)
{
    const qkvsim_layout *layout = session->layout;
    next_place end = { 0 };
    for (int32_t g = 0; g < layout->groups; g++) {
        next[g] = end;
        next[g].wanted = group_is_wanted(session, g);
        end.position += next[g].wanted ? layout->group_features[g] : 0;
        end.place += layout->group_features[g];
    }
    for (int64_t j = 0; j < layout->features; j++) {
        next_place *of = &next[layout->group_of[j]];
        if (!of->wanted)
            continue;
        order[of->position] = j;
        place[of->position++] = of->place++;
    }
    return end.position;
}

/* The positions of a panel's features of a group, counted within the panel. */
static int32_t first_of_group(const qkv_session *session, int64_t panel, int32_t group)
{
    const qkv_panels *panels = &session->panels;
    const int64_t *order = panels->order + panels->start[panel];
    int32_t first = 0;
    while (first < qkv_panel_width(panels, panel)
           && session->layout->group_of[order[first]] < group)
        first++;
    return first;
}

/* A tile is needed from the first to the last of its wanted rectangles. */
static bool tile_is_wanted(const void *state, int64_t panel_i, int64_t panel_j, qkv_needed *needed)
{
    const qkv_session *session = state;
    const qkv_panels *panels = &session->panels;
    const int32_t *group_of = session->layout->group_of;
    const int64_t *order = panels->order;
    const int64_t i = panels->start[panel_i], j = panels->start[panel_j];
    bool wanted = false;
    if (qkv_panel_width(panels, panel_i) == 0 || qkv_panel_width(panels, panel_j) == 0)
        return false;
    const int32_t last_i = group_of[order[i + qkv_panel_width(panels, panel_i) - 1]];
    const int32_t last_j = group_of[order[j + qkv_panel_width(panels, panel_j) - 1]];
    const int32_t groups = session->layout->groups;
    int32_t least[2] = { groups, groups }, most[2] = { -1, -1 };
    for (int32_t a = group_of[order[i]]; a <= last_i; a++)
        for (int32_t b = a > group_of[order[j]] ? a : group_of[order[j]]; b <= last_j; b++)
            if (session->wanted[qkv_pair_group(groups, a, b)]) {
                least[0] = a < least[0] ? a : least[0];
                least[1] = b < least[1] ? b : least[1];
                most[0] = a;
                most[1] = b > most[1] ? b : most[1];
                wanted = true;
            }
    if (wanted)
        *needed = (qkv_needed){ first_of_group(session, panel_i, least[0]),
                                first_of_group(session, panel_i, most[0] + 1),
                                first_of_group(session, panel_j, least[1]),
                                first_of_group(session, panel_j, most[1] + 1) };
    return wanted;
}

static qkvsim_status open_panels(qkvsim_context *context, const qkv_input *input,
                                 qkv_session *session)
{
    const qkvsim_layout *layout = session->layout;
    const qkv_allocator *allocator = &context->allocator;
    int64_t *order = qkv_allocate(allocator, (size_t)layout->features, 2 * sizeof *order);
    next_place *next = qkv_allocate(allocator, (size_t)layout->groups, sizeof *next);
    qkvsim_status status;
    if (order != NULL && next != NULL) {
        int64_t *place = order + layout->features;
        const int64_t placed = order_features(session, next, order, place);
        const qkv_placing placing = { order, placed, place, layout->features };
        status = qkv_panels_open(context, input, &placing, &session->panels);
    } else {
        status = qkv_no_memory(context, "the order of the features");
    }
    qkv_release(allocator, order);
    qkv_release(allocator, next);
    return status;
}

/* ---- a session ---- */

static qkvsim_status fill_session(qkvsim_context *context, const qkvsim_analysis_options *options,
                                  const qkv_input *input, const qkv_tile_source *source,
                                  qkv_session *session)
{
    const qkvsim_layout *layout = session->layout;
    qkvsim_status status = check_options(context, layout, options);
    if (status == QKVSIM_OK)
        status = qkv_binning_open(context, options->bins, input->arithmetic, &session->binning);
    if (status != QKVSIM_OK)
        return status;
    session->wanted =
        qkv_allocate(&context->allocator, (size_t)qkv_layout_rows(layout), sizeof *session->wanted);
    if (session->wanted == NULL)
        return qkv_no_memory(context, "the wanted pair groups");
    mark_wanted(layout, options, session->wanted);
    status = open_panels(context, input, session);
    if (status == QKVSIM_OK)
        status = qkv_gram_open(context, &session->panels, source,
                               options->pair_groups != NULL ? tile_is_wanted : NULL, session,
                               &session->gram);
    return status;
}

qkvsim_status qkv_session_open(qkvsim_context *context, const qkvsim_layout *layout,
                               const qkvsim_analysis_options *options, const qkv_input *input,
                               const qkv_tile_source *source, qkv_session *session)
{
    *session = (qkv_session){ .layout = layout };
    qkvsim_status status = qkv_check_layout(context, layout, input->features);
    if (status == QKVSIM_OK && (options->metrics & QKVSIM_METRIC_SPEARMAN) != 0)
        status = qkv_check_ranks(context, input);
    if (status != QKVSIM_OK)
        return status;
    session->metrics =
        options->metrics != 0 ? options->metrics : QKVSIM_METRIC_COSINE + QKVSIM_METRIC_PEARSON;
    status = fill_session(context, options, input, source, session);
    if (status != QKVSIM_OK)
        qkv_session_close(context, session);
    return status;
}

void qkv_session_close(const qkvsim_context *context, qkv_session *session)
{
    qkv_binning_close(&context->allocator, &session->binning);
    qkv_release(&context->allocator, session->wanted);
    qkv_panels_close(context, &session->panels);
    qkv_gram_close(context, &session->gram);
}

qkvsim_status qkv_session_results(qkvsim_context *context, const qkv_session *session,
                                  qkvsim_analysis **analysis)
{
    const qkv_analysis_shape shape = { session->layout, &session->binning, session->wanted,
                                       session->metrics };
    return qkv_analysis_open(context, &shape, analysis);
}

/* ---- one pass over the tiles ---- */

/* Lists the columns whose kind is at least `kind`: those that are undefined under a metric. */
static void list_undefined(const qkv_panels *panels, int kind, qkvsim_analysis *analysis,
                           int32_t metric)
{
    const bool any = panels->special && analysis->undefined[metric] != NULL;
    int64_t count = 0;
    for (int64_t j = 0; any && j < panels->features; j++)
        if (panels->statistics[j].kind >= kind) /* NORMAL where not placed */
            analysis->undefined[metric][count++] = j;
    analysis->undefined_count[metric] = count;
}

/* What one pass over the tiles comes to, before it is part of an analysis. */
typedef struct pass {
    qkv_pair_result *results; /* pair groups */
    qkv_offset_sums *sums;    /* groups */
} pass;

static void pass_close(const qkvsim_context *context, pass *made)
{
    qkv_release(&context->allocator, made->results);
    qkv_release(&context->allocator, made->sums);
}

static qkvsim_status pass_open(qkvsim_context *context, const qkvsim_layout *layout, pass *made)
{
    const size_t pair_groups = (size_t)qkv_pair_groups(layout->groups);
    made->results = qkv_allocate(&context->allocator, pair_groups, sizeof *made->results);
    made->sums = qkv_allocate(&context->allocator, (size_t)layout->groups, sizeof *made->sums);
    if (made->results != NULL && made->sums != NULL)
        return QKVSIM_OK;
    pass_close(context, made);
    return qkv_no_memory(context, "the sums of the groups");
}

static qkvsim_status tally_tiles(qkvsim_context *context, const qkv_session *session,
                                 int32_t metrics, int64_t *const histograms[2],
                                 qkv_pair_result *results)
{
    const qkv_tally_setting setting = { session->layout, session->wanted, &session->binning,
                                        metrics };
    qkv_tally_sink sink;
    qkvsim_status status =
        qkv_tally_sink_open(context, &session->gram, &setting, histograms, &sink);
    if (status != QKVSIM_OK)
        return status;
    status = qkv_gram_for_each_tile(context, &session->gram, &sink.sink);
    if (status == QKVSIM_OK)
        qkv_tally_sink_results(&sink, results);
    qkv_tally_sink_close(&sink);
    return status;
}

/* ---- the pass over the ranks ---- */

static qkvsim_status tally_ranks(qkvsim_context *context, const qkv_session *session,
                                 qkv_pair_result *results, qkvsim_analysis *analysis)
{
    const int32_t spearman = qkv_metric_index(QKVSIM_METRIC_SPEARMAN);
    int64_t *const histograms[2] = { NULL, analysis->histograms[spearman] };
    const qkvsim_status status =
        tally_tiles(context, session, QKVSIM_METRIC_PEARSON, histograms, results);
    for (int32_t p = 0; p < qkv_pair_groups(session->layout->groups) && status == QKVSIM_OK; p++)
        analysis->moments[spearman][p] = results[p].pearson;
    if (status == QKVSIM_OK)
        list_undefined(&session->panels, QKV_CONSTANT, analysis, spearman);
    return status;
}

/* Spearman is Pearson of the ranks: the same flow with another prepare. */
static qkvsim_status run_ranks(qkvsim_context *context, qkv_session *session,
                               const qkv_input *input, qkvsim_analysis *analysis)
{
    qkv_input ranked = *input;
    ranked.ranked = true;
    pass made;
    qkvsim_status status = pass_open(context, session->layout, &made);
    if (status != QKVSIM_OK)
        return status;
    status = qkv_prepare(context, &ranked, session->layout->group_of, &session->panels);
    if (status == QKVSIM_OK)
        status = tally_ranks(context, session, made.results, analysis);
    pass_close(context, &made);
    return status;
}

/* ---- the pass over the values ---- */

static void fill_moments(const qkv_session *session, const qkv_pair_result *results,
                         qkvsim_analysis *analysis)
{
    for (int32_t p = 0; p < qkv_pair_groups(session->layout->groups); p++) {
        if (analysis->moments[0] != NULL)
            analysis->moments[0][p] = results[p].cosine;
        if (analysis->moments[1] != NULL)
            analysis->moments[1][p] = results[p].pearson;
    }
}

static int32_t metrics_of_values(const qkv_session *session)
{
    return session->metrics & (QKVSIM_METRIC_COSINE | QKVSIM_METRIC_PEARSON);
}

/* Features are described in any case; tiles are needed only where a metric of the values is. */
qkvsim_status qkv_session_tally(qkvsim_context *context, const qkv_session *session,
                                qkvsim_analysis *analysis)
{
    pass made;
    qkvsim_status status = pass_open(context, session->layout, &made);
    if (status != QKVSIM_OK)
        return status;
    const int32_t metrics = metrics_of_values(session);
    int64_t *const histograms[2] = { analysis->histograms[0], analysis->histograms[1] };
    if (metrics != 0)
        status = tally_tiles(context, session, metrics, histograms, made.results);
    if (status == QKVSIM_OK) {
        analysis->observations = session->panels.observations;
        analysis->arithmetic = session->panels.arithmetic;
        list_undefined(&session->panels, QKV_UNDEFINED, analysis, 0);
        list_undefined(&session->panels, QKV_CONSTANT, analysis, 1);
        fill_moments(session, made.results, analysis);
        qkv_fill_offsets(&session->panels, made.results, made.sums, analysis);
        qkv_merge_rollups(analysis);
    }
    pass_close(context, &made);
    return status;
}

/* ---- a run ---- */

int64_t qkv_session_work(const qkv_session *session)
{
    const int64_t passes =
        (metrics_of_values(session) != 0) + ((session->metrics & QKVSIM_METRIC_SPEARMAN) != 0);
    return passes * session->gram.tile_count;
}

void qkv_session_begin(qkvsim_context *context, const qkv_session *session, int64_t runs)
{
    int64_t units;
    const bool fits = qkv_multiply(qkv_session_work(session), runs, &units);
    qkv_work_begin(context, fits ? units : INT64_MAX);
}

/* The ranks come first, so that the panels are left with the values and what is known of them. */
qkvsim_status qkv_session_run(qkvsim_context *context, qkv_session *session, const qkv_input *input,
                              qkvsim_analysis *analysis)
{
    qkvsim_status status = QKVSIM_OK;
    session->panels.observations = input->observations;
    if ((session->metrics & QKVSIM_METRIC_SPEARMAN) != 0)
        status = run_ranks(context, session, input, analysis);
    if (status == QKVSIM_OK)
        status = qkv_prepare(context, input, session->layout->group_of, &session->panels);
    return status == QKVSIM_OK ? qkv_session_tally(context, session, analysis) : status;
}

void qkv_hand_over_input(qkvsim_context *context, qkv_input *input, qkvsim_analysis *analysis)
{
    analysis->input_fingerprint = qkv_input_fingerprint(context, input);
    analysis->dropped = input->dropped;
    analysis->dropped_count = input->dropped_count;
    input->dropped = NULL;
}
