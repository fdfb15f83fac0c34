/*
 * What --save writes.
 */
#include "saver.h"

#include "json.h"
#include "json_document.h"
#include "output.h"

bool saver_open(struct saver *saver, qkvsim_context *context, struct failure *failure)
{
    *saver = (struct saver){ .context = context };
    json_begin();
    saver->table = json_object();
    json_object_set_new(saver->table, "qkvsim", json_string(qkvsim_version()));
    json_object_set_new(saver->table, "content", json_string("result"));
    return json_whole(failure) && spool_open(&saver->spool, failure);
}

void saver_close(struct saver *saver)
{
    spool_close(&saver->spool);
    json_decref(saver->table);
    *saver = (struct saver){ 0 };
}

bool saver_add(struct saver *saver, const struct handle *handle, struct failure *failure)
{
    failure->exit_status = EXIT_DONE;
    if (!handle_write(saver->spool.stream, saver->context, handle, failure)
        && failure->exit_status != EXIT_DONE)
        return false;
    saver->count++;
    saver->size += handle_size(handle);
    return true; /* a stream that failed is told when the file is written */
}

/* ---- a run ---- */

static json_t *json_words(char *const *words, int count)
{
    json_t *array = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(array, json_string(words[i]));
    return array;
}

json_t *saver_list_pair_groups(const int32_t *numbers, int32_t count)
{
    json_t *array = json_array();
    for (int32_t i = 0; i < count; i++)
        json_array_append_new(array, json_integer(numbers[i]));
    return array;
}

/* What pieces differ in. */
static json_t *made_of(const struct options *options, const struct rows *rows, int32_t all)
{
    json_t *made = json_object();
    json_object_set_new(made, "permutations", json_integer(options->permutations));
    json_object_set_new(made, "compare", json_integer(options->compare));
    json_object_set_new(made, "resamples", json_integer(options->resamples));
    json_object_set_new(made, "first", json_integer(options->first));
    json_object_set_new(made, "total", json_integer(options->total));
    json_object_set_new(made, "pair_groups",
                        rows->pair_groups == all
                            ? json_null()
                            : saver_list_pair_groups(rows->numbers, rows->pair_groups));
    return made;
}

bool saver_begin_run(struct saver *saver, const struct study *study, struct failure *failure)
{
    const struct options *options = study->options;
    json_begin();
    json_t *words = json_words(options->words, options->word_count);
    json_t *inputs = json_words(options->inputs, options->input_count);
    const bool safe = (int)json_array_size(words) == options->word_count
                      && (int)json_array_size(inputs) == options->input_count;
    json_object_set_new(saver->table, "arguments", words);
    json_object_set_new(saver->table, "inputs", inputs);
    json_object_set_new(saver->table, "made",
                        made_of(options, &study->rows, qkvsim_layout_pair_groups(study->layout)));
    json_object_set_new(saver->table, "layout", json_integer(0));
    json_object_set_new(saver->table, "several", json_boolean(study->layers.several));
    json_object_set_new(saver->table, "layers", json_array());
    const struct handle handle = { .kind = QKVSIM_KIND_LAYOUT, .result = (void *)study->layout };
    return json_whole(failure) && (safe || fail(failure, "--save wants names and options in UTF-8"))
           && saver_add(saver, &handle, failure);
}

/* Adds a result, if there is one, and says its number. */
static bool add_named(struct saver *saver, json_t *object, const char *name, qkvsim_kind kind,
                      const void *result, struct failure *failure)
{
    const struct handle handle = { .kind = kind, .result = (void *)result };
    json_begin();
    json_object_set_new(object, name, result != NULL ? json_integer(saver->count) : json_null());
    return json_whole(failure) && (result == NULL || saver_add(saver, &handle, failure));
}

/* A baseline has the analysis in it. */
static bool add_condition(struct saver *saver, json_t *list, const struct condition *condition,
                          struct failure *failure)
{
    json_begin();
    json_t *object = json_object();
    json_object_set_new(object, "name", json_string(condition->name));
    json_array_append(list, object);
    const bool done =
        json_whole(failure)
        && add_named(saver, object, "analysis", QKVSIM_KIND_ANALYSIS,
                     condition->baseline == NULL ? condition->analysis : NULL, failure)
        && add_named(saver, object, "baseline", QKVSIM_KIND_BASELINE, condition->baseline, failure)
        && add_named(saver, object, "intervals", QKVSIM_KIND_INTERVALS, condition->intervals,
                     failure);
    json_decref(object);
    return done;
}

/* Those that the data are needed for; the others are found again. */
static json_t *warnings_of(const struct warnings *warnings)
{
    json_t *array = json_array();
    for (int i = warnings->of_data; i < warnings->count; i++) {
        json_t *object = json_object();
        json_object_set_new(object, "code", json_string(warnings->items[i].code));
        json_object_set_new(object, "text", json_string(warnings->items[i].text));
        json_object_set_new(object, "in_table", json_boolean(warnings->items[i].in_table));
        json_array_append_new(array, object);
    }
    return array;
}

bool saver_add_layer(struct saver *saver, const struct report *report, struct failure *failure)
{
    json_begin();
    json_t *layer = json_object(), *conditions = json_array();
    json_object_set_new(layer, "name", json_string(report->layer));
    json_object_set_new(layer, "input",
                        json_input(report->observations, report->sources, report->input));
    json_object_set_new(layer, "conditions", conditions);
    json_object_set_new(layer, "warnings", warnings_of(report->warnings));
    json_array_append(json_object_get(saver->table, "layers"), layer);
    bool done = json_whole(failure);
    for (int i = 0; done && i < report->condition_count; i++)
        done = add_condition(saver, conditions, &report->conditions[i], failure);
    done = done
           && add_named(saver, layer, "comparison", QKVSIM_KIND_COMPARISON, report->comparison,
                        failure)
           && add_named(saver, layer, "selection_contrast", QKVSIM_KIND_INTERVALS,
                        report->selection_contrast, failure);
    json_decref(layer);
    return done;
}

/* ---- writing ---- */

static bool write_all(FILE *stream, const void *content, struct failure *failure)
{
    const struct saver *saver = content;
    return container_write_table(stream, saver->table, saver->size, failure)
           && spool_copy(stream, &saver->spool, failure);
}

bool saver_write(struct saver *saver, const char *path, struct failure *failure)
{
    return spool_flush(&saver->spool, failure) && output_write(path, write_all, saver, failure);
}
