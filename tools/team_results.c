/*
 * Results of whole layers, from several processes.
 */
#include "team_results.h"

#include "find_warnings.h"
#include "team_pieces.h"

enum { HANDLES = 3 * REPORT_CONDITIONS_MAX + 3 };

static void list_handles(const struct results *results, struct handle handles[HANDLES])
{
    int count = 0;
    for (int c = 0; c < REPORT_CONDITIONS_MAX; c++) {
        handles[count++] =
            (struct handle){ .kind = QKVSIM_KIND_ANALYSIS, .result = results->analyses[c] };
        handles[count++] =
            (struct handle){ .kind = QKVSIM_KIND_BASELINE, .result = results->baselines[c] };
        handles[count++] =
            (struct handle){ .kind = QKVSIM_KIND_INTERVALS, .result = results->intervals[c] };
    }
    handles[count++] =
        (struct handle){ .kind = QKVSIM_KIND_COMPARISON, .result = results->comparison };
    handles[count++] =
        (struct handle){ .kind = QKVSIM_KIND_COMPARISON, .result = results->matched };
    handles[count++] =
        (struct handle){ .kind = QKVSIM_KIND_INTERVALS, .result = results->selection_contrast };
}

static void set_handles(struct results *results, const struct handle handles[HANDLES])
{
    int count = 0;
    for (int c = 0; c < REPORT_CONDITIONS_MAX; c++) {
        results->analyses[c] = handles[count++].result;
        results->baselines[c] = handles[count++].result;
        results->intervals[c] = handles[count++].result;
    }
    results->comparison = handles[count++].result;
    results->matched = handles[count++].result;
    results->selection_contrast = handles[count++].result;
}

/* Each as a message of its own, without bytes where there is none. */
bool team_give_results(const struct results *results, const struct study *study)
{
    struct handle handles[HANDLES];
    bool done = true;
    list_handles(results, handles);
    for (int i = 0; done && i < HANDLES; i++)
        done = team_give(study->options->team, study->context, &handles[i], study->failure);
    return done;
}

bool team_take_results(struct results *results, struct study *study, int rank)
{
    struct handle handles[HANDLES] = { { 0 } };
    bool done = true;
    for (int i = 0; done && i < HANDLES; i++)
        done = team_take(study->options->team, study->context, rank, &handles[i], study->failure);
    *results = (struct results){ 0 };
    set_handles(results, handles);
    if (!done)
        return false;
    results_describe(results, study);
    return find_warnings(&results->warnings, &results->report, study)
           || fail_no_memory(study->failure);
}
