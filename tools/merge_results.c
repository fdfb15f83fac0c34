/*
 * Results in pieces, put together result by result: pieces are made by one command line, and so
 * have the same results in the same order.
 */
#include "merge_results.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "handles.h"
#include "json.h"
#include "progress.h"
#include "saved.h"
#include "saver.h"

struct pieces {
    struct container *files;
    int64_t count;
    const char *const *paths;
    bool of_pair_groups; /* each has some, and none is of permutations, relabellings or resamples */
    json_t *pair_groups; /* that they have together; null: all */
    qkvsim_context *context;
    struct failure *failure;
};

static bool open_pieces(struct pieces *pieces, const struct shards *files)
{
    pieces->paths = (const char *const *)files->paths;
    pieces->files = calloc((size_t)files->count, sizeof *pieces->files);
    bool done = pieces->files != NULL || fail_no_memory(pieces->failure);
    for (; done && pieces->count < files->count; pieces->count++)
        done = container_open(&pieces->files[pieces->count], pieces->context,
                              files->paths[pieces->count], "result", pieces->failure)
               && saved_check_table(&pieces->files[pieces->count], pieces->failure);
    return done;
}

/* The last first: mappings are found from the latest on. */
static void close_pieces(struct pieces *pieces)
{
    for (int64_t k = pieces->count; k > 0; k--)
        container_close(&pieces->files[k - 1]);
    free(pieces->files);
    json_decref(pieces->pair_groups);
}

static json_t *pair_groups_of(const struct container *piece)
{
    return json_object_get(json_object_get(piece->table, "made"), "pair_groups");
}

/* ---- belonging together ---- */

static const char *word_at(const json_t *words, size_t i)
{
    const char *word = json_string_value(json_array_get(words, i));
    return word != NULL ? word : "nothing";
}

static bool check_arguments(const struct container *first, const struct container *piece,
                            struct failure *failure)
{
    const json_t *a = json_object_get(first->table, "arguments");
    const json_t *b = json_object_get(piece->table, "arguments");
    for (size_t i = 0; i < json_array_size(a) || i < json_array_size(b); i++)
        if (strcmp(word_at(a, i), word_at(b, i)) != 0)
            return fail(failure, "pieces were made with other options: %s in %s, %s in %s",
                        word_at(a, i), first->path, word_at(b, i), piece->path);
    return true;
}

/* Files may have other names on other machines: what they hold is compared where results are
 * merged. */
static bool check_layers(const struct container *first, const struct container *piece,
                         struct failure *failure)
{
    const json_t *a = json_object_get(first->table, "layers");
    const json_t *b = json_object_get(piece->table, "layers");
    if (json_array_size(a) != json_array_size(b) || first->count != piece->count)
        return fail(failure,
                    "pieces differ in layers or results: %s has %zu and %" PRId64
                    ", %s has %zu and %" PRId64,
                    piece->path, json_array_size(b), piece->count, first->path, json_array_size(a),
                    first->count);
    for (size_t i = 0; i < json_array_size(a); i++) {
        const json_t *left = json_array_get(a, i), *right = json_array_get(b, i);
        if (!json_equal(json_object_get(left, "conditions"), json_object_get(right, "conditions")))
            return fail(failure, "pieces differ in conditions: %s and %s", piece->path,
                        first->path);
    }
    return true;
}

/* ---- pair groups ---- */

/* Whether all that follows the layout are analyses, whose pieces are of pair groups. */
static bool has_analyses_alone(const struct container *piece, qkvsim_context *context)
{
    for (int64_t i = 1; i < piece->count; i++) {
        int64_t size;
        const void *bytes = container_result(piece, i, &size);
        qkvsim_kind kind = 0;
        if (qkvsim_packed_kind(context, bytes, size, &kind, NULL) != QKVSIM_OK
            || kind != QKVSIM_KIND_ANALYSIS)
            return false;
    }
    return true;
}

/* Notes whose a pair group is. */
static bool claim(const struct pieces *pieces, const qkvsim_layout *layout, json_int_t pair_group,
                  int64_t k, int64_t *owner)
{
    if (pair_group >= qkvsim_layout_pair_groups(layout))
        return container_fail(&pieces->files[k], "made", pieces->failure);
    if (owner[pair_group] >= 0)
        return fail(pieces->failure, "pieces overlap: pair group %s is in %s and in %s",
                    qkvsim_layout_row_name(layout, (int32_t)pair_group),
                    pieces->paths[owner[pair_group]], pieces->paths[k]);
    owner[pair_group] = k;
    return true;
}

static bool claim_all(const struct pieces *pieces, const qkvsim_layout *layout, int64_t *owner)
{
    bool done = true;
    const int32_t all = qkvsim_layout_pair_groups(layout);
    for (int64_t k = 0; done && k < pieces->count; k++) {
        const json_t *list = pair_groups_of(&pieces->files[k]);
        for (int32_t i = 0; done && !json_is_array(list) && i < all; i++)
            done = claim(pieces, layout, i, k, owner);
        for (size_t i = 0; done && i < json_array_size(list); i++)
            done = claim(pieces, layout, json_integer_value(json_array_get(list, i)), k, owner);
    }
    return done;
}

/* What the pieces have together; each pair group is in one of them. */
static bool join_pair_groups(struct pieces *pieces, const qkvsim_layout *layout)
{
    const int32_t all = qkvsim_layout_pair_groups(layout);
    int64_t *owner = malloc((size_t)all * sizeof *owner);
    int32_t *numbers = malloc((size_t)all * sizeof *numbers), count = 0;
    bool done = (owner != NULL && numbers != NULL) || fail_no_memory(pieces->failure);
    for (int32_t p = 0; done && p < all; p++)
        owner[p] = -1;
    done = done && claim_all(pieces, layout, owner);
    for (int32_t p = 0; done && p < all; p++)
        if (owner[p] >= 0)
            numbers[count++] = p;
    if (done) {
        json_begin();
        pieces->pair_groups = count == all ? json_null() : saver_list_pair_groups(numbers, count);
        done = json_whole(pieces->failure);
    }
    free(numbers);
    free(owner);
    return done;
}

static bool find_pair_groups(struct pieces *pieces)
{
    const struct container *first = &pieces->files[0];
    struct handle layout;
    pieces->of_pair_groups = has_analyses_alone(first, pieces->context);
    if (pieces->of_pair_groups) {
        const bool done =
            handle_read(&layout, pieces->context, first, 0, QKVSIM_KIND_LAYOUT, pieces->failure)
            && join_pair_groups(pieces, layout.result);
        handle_free(&layout);
        return done;
    }
    pieces->pair_groups = json_incref(pair_groups_of(first));
    for (int64_t k = 1; k < pieces->count; k++) {
        const json_t *own = pair_groups_of(first), *other = pair_groups_of(&pieces->files[k]);
        if (json_is_array(own) != json_is_array(other)
            || (json_is_array(own) && !json_equal(own, other)))
            return fail(pieces->failure,
                        "pieces were made with other options: --pair-groups of %s and of %s",
                        pieces->paths[0], pieces->paths[k]);
    }
    return true;
}

static bool belong(struct pieces *pieces)
{
    for (int64_t k = 1; k < pieces->count; k++)
        if (!check_arguments(&pieces->files[0], &pieces->files[k], pieces->failure)
            || !check_layers(&pieces->files[0], &pieces->files[k], pieces->failure))
            return false;
    return find_pair_groups(pieces);
}

/* ---- what they come to ---- */

static int64_t made(const struct container *piece, const char *name)
{
    return json_integer_value(json_object_get(json_object_get(piece->table, "made"), name));
}

static bool add_made(const struct pieces *pieces, json_t *table)
{
    static const char *const names[] = { "permutations", "compare", "resamples" };
    json_t *all = json_object();
    bool fits = true;
    for (int i = 0; i < 3; i++) {
        int64_t sum = 0;
        for (int64_t k = 0; k < pieces->count; k++)
            sum += made(&pieces->files[k], names[i]);
        fits = fits && sum <= UINT32_MAX;
        json_object_set_new(all, names[i], json_integer(sum));
    }
    int64_t first = made(&pieces->files[0], "first"), total = made(&pieces->files[0], "total");
    for (int64_t k = 1; k < pieces->count; k++) {
        const int64_t own = made(&pieces->files[k], "first");
        const int64_t of = made(&pieces->files[k], "total");
        first = own < first ? own : first;
        total = of > total ? of : total;
    }
    json_object_set_new(all, "first", json_integer(first));
    json_object_set_new(all, "total", json_integer(total));
    json_object_set(all, "pair_groups",
                    pieces->pair_groups != NULL ? pieces->pair_groups : json_null());
    json_object_set_new(table, "made", all);
    return fits || fail(pieces->failure, "more than 2^32 - 1 permutations or resamples in all");
}

/* The table is the first piece's, but for what the pieces make together. */
static bool begin(const struct pieces *pieces, struct saver *saver)
{
    json_begin();
    json_object_update_missing(saver->table, pieces->files[0].table);
    return add_made(pieces, saver->table) && json_whole(pieces->failure);
}

/* The library counts pieces from 0: names of those it speaks of are better. */
static bool name_pieces(const char *const *paths, int64_t count, struct failure *failure)
{
    const struct failure raw = *failure;
    char names[sizeof raw.text] = "";
    size_t length = 0;
    for (int64_t k = 0; k < count; k++) {
        char forms[2][32];
        snprintf(forms[0], sizeof forms[0], "piece %" PRId64 " ", k);
        snprintf(forms[1], sizeof forms[1], "and %" PRId64 " overlap", k);
        char many[32];
        snprintf(many, sizeof many, "pieces %" PRId64 " and", k);
        if ((strstr(raw.text, forms[0]) == NULL && strstr(raw.text, forms[1]) == NULL
             && strstr(raw.text, many) == NULL)
            || length >= sizeof names / 2)
            continue;
        length +=
            (size_t)snprintf(names + length, sizeof names - length, "%spiece %" PRId64 " is %s",
                             length > 0 ? ", " : "", k, paths[k]);
    }
    return length == 0 || fail(failure, "%s (%s)", raw.text, names);
}

/* Analyses are put together one by one: of many that are wide, the memory is that of three. */
static bool join_result(const struct pieces *pieces, int64_t number, struct saver *saver)
{
    struct handle sum;
    bool done = handle_read(&sum, pieces->context, &pieces->files[0], number, QKVSIM_KIND_ANALYSIS,
                            pieces->failure);
    for (int64_t k = 1; done && k < pieces->count; k++) {
        struct handle next, joined = { 0 };
        done = handle_read(&next, pieces->context, &pieces->files[k], number, QKVSIM_KIND_ANALYSIS,
                           pieces->failure);
        if (done && !handle_join(&joined, pieces->context, &sum, &next, pieces->failure)) {
            const char *const of[] = { k == 1 ? pieces->paths[0] : "what stands before it",
                                       pieces->paths[k] };
            name_pieces(of, 2, pieces->failure);
            done = false;
        }
        handle_free(&next);
        handle_free(&sum);
        sum = joined;
    }
    done = done && saver_add(saver, &sum, pieces->failure);
    handle_free(&sum);
    return done;
}

static bool merge_result(const struct pieces *pieces, int64_t number, struct saver *saver)
{
    struct handle merged = { 0 };
    struct handle *of = calloc((size_t)pieces->count, sizeof *of);
    bool done = of != NULL || fail_no_memory(pieces->failure);
    for (int64_t k = 0; done && k < pieces->count; k++)
        done = handle_read(&of[k], pieces->context, &pieces->files[k], number, 0, pieces->failure);
    if (done && !handle_merge(&merged, pieces->context, of, pieces->count, pieces->failure)) {
        name_pieces(pieces->paths, pieces->count, pieces->failure);
        done = false;
    }
    done = done && saver_add(saver, merged.result != NULL ? &merged : &of[0], pieces->failure);
    for (int64_t k = 0; of != NULL && k < pieces->count; k++)
        handle_free(&of[k]);
    handle_free(&merged);
    free(of);
    return done;
}

/* As bytes, of which a layout has one form: unpacking those of many pieces would take as long as
 * all else that is done of small ones. */
static bool have_one_layout(const struct pieces *pieces)
{
    int64_t size;
    const void *bytes = container_result(&pieces->files[0], 0, &size);
    bool same = true;
    for (int64_t k = 1; same && k < pieces->count; k++) {
        int64_t other_size;
        const void *other = container_result(&pieces->files[k], 0, &other_size);
        same = other_size == size && memcmp(other, bytes, (size_t)size) == 0;
    }
    return same;
}

static bool copy_layout(const struct pieces *pieces, struct saver *saver)
{
    struct handle layout;
    const bool done = handle_read(&layout, pieces->context, &pieces->files[0], 0,
                                  QKVSIM_KIND_LAYOUT, pieces->failure)
                      && saver_add(saver, &layout, pieces->failure);
    handle_free(&layout);
    return done;
}

static bool merge_number(const struct pieces *pieces, int64_t number, struct saver *saver)
{
    if (number == 0 && have_one_layout(pieces))
        return copy_layout(pieces, saver);
    return number > 0 && pieces->of_pair_groups ? join_result(pieces, number, saver)
                                                : merge_result(pieces, number, saver);
}

static bool merge_all(const struct pieces *pieces, const struct options *options,
                      struct saver *saver)
{
    struct progress progress;
    const int64_t count = pieces->files[0].count;
    bool done = true;
    progress_begin_several(&progress, pieces->context, options);
    for (int64_t i = 0; done && i < count; i++) {
        progress_next(&progress, "merge", 1.0 / (double)count);
        done = merge_number(pieces, i, saver)
               && (!progress_interrupted() || fail(pieces->failure, "interrupted"));
    }
    progress_end(&progress, pieces->context, done);
    return done;
}

bool merge_results(const struct options *options, qkvsim_context *context,
                   const struct shards *files, struct failure *failure)
{
    struct pieces pieces = { .context = context, .failure = failure };
    struct saver saver = { 0 };
    const bool done = open_pieces(&pieces, files) && belong(&pieces)
                      && saver_open(&saver, context, failure) && begin(&pieces, &saver)
                      && merge_all(&pieces, options, &saver)
                      && saver_write(&saver, options->output, failure);
    saver_close(&saver);
    close_pieces(&pieces);
    return done;
}
