/*
 * The frame of the program's JSON; its keys are fixed by docs/program.md.
 */
#include "json_document.h"

/* Grows when a key changes its meaning or goes; a key more is no new schema. */
enum { SCHEMA = 1 };

/* 0 is null: not asked for, or left to the library. */
static json_t *json_count(int64_t count)
{
    return count > 0 ? json_integer(count) : json_null();
}

static json_t *json_tensors(const struct options *options)
{
    json_t *array = json_array();
    for (int i = 0; i < options->tensor_count; i++) {
        const struct tensor_request *tensor = &options->tensors[i];
        char text[4096];
        snprintf(text, sizeof text, "%s%s%s", tensor->group != NULL ? tensor->group : "",
                 tensor->group != NULL ? "=" : "", tensor->name);
        json_array_append_new(array, json_text(text));
    }
    return array;
}

/* The options of analyze and of pairs. */
static void add_shared(json_t *object, const struct options *options)
{
    json_object_set_new(object, "groups", json_text(options->groups));
    json_object_set_new(object, "heads", json_text(options->heads));
    json_object_set_new(object, "interleaved", json_boolean(options->interleaved));
    json_object_set_new(object, "tensor", json_tensors(options));
    json_object_set_new(object, "parts", json_boolean(options->parts));
    json_object_set_new(object, "fold", json_boolean(options->fold));
    json_object_set_new(object, "targets", json_text(options->targets));
    json_object_set_new(object, "pair_groups", json_text(options->pair_groups));
    json_object_set_new(object, "on_nonfinite",
                        json_text(options_nonfinite_name(options->nonfinite)));
    json_object_set_new(object, "precision", json_text(options_precision_name(options->precision)));
}

static json_t *json_metrics(int32_t metrics)
{
    json_t *array = json_array();
    for (int32_t metric = 1; metric <= metrics; metric *= 2)
        if ((metrics & metric) != 0)
            json_array_append_new(array, json_text(options_metric_name(metric)));
    return array;
}

static void add_analysis(json_t *object, const struct options *options)
{
    char statistic[64];
    snprintf(statistic, sizeof statistic, "%s.%s", options_metric_name(options->statistic_metric),
             options_statistic_name(options->statistic));
    json_object_set_new(object, "metrics", json_metrics(options->metrics));
    json_object_set_new(object, "statistic", json_text(statistic));
    json_object_set_new(object, "bins", json_integer(options->bins));
    json_object_set_new(object, "permutations", json_integer(options->permutations));
    json_object_set_new(object, "first", json_integer(options->first));
    json_object_set_new(object, "total", json_count(options->total));
    json_object_set_new(object, "scheme", json_text(options_scheme_name(options->scheme)));
    json_object_set_new(object, "exchange", json_text(options_exchange_name(options->exchange)));
    json_object_set_new(object, "seed", json_unsigned(options->seed));
    json_object_set_new(object, "segments", json_text(options->segments));
    json_object_set_new(object, "covariates", json_text(options->covariates));
    json_object_set_new(object, "compare", json_count(options->compare));
    json_object_set_new(object, "relabel", json_text(options_relabel_name(options->relabel)));
    json_object_set_new(object, "centred", json_boolean(options->centred));
    json_object_set_new(object, "exceedances", json_count(options->exceedances));
}

static void add_intervals(json_t *object, const struct options *options)
{
    json_t *contrasts = json_array();
    for (int i = 0; i < options->contrast_count; i++)
        json_array_append_new(contrasts, json_text(options->contrasts[i]));
    json_object_set_new(object, "interval", json_text(options_interval_name(options->interval)));
    json_object_set_new(object, "blocks", json_count(options->blocks));
    json_object_set_new(object, "resamples", json_count(options->resamples));
    json_object_set_new(object, "block", json_count(options->block_length));
    json_object_set_new(object, "level", json_real(options->level));
    json_object_set_new(object, "contrast", contrasts);
}

static void add_pairs(json_t *object, const struct options *options)
{
    json_object_set_new(object, "metric", json_text(options_metric_name(options->metric)));
    json_object_set_new(object, "condition", json_text(options_condition_name(options->condition)));
    json_object_set_new(object, "sign", json_text(options_sign_name(options->sign)));
    json_object_set_new(object, "threshold",
                        options->has_threshold ? json_real(options->threshold) : json_null());
    json_object_set_new(object, "top", json_count(options->top));
    json_object_set_new(object, "per_pair_group", json_boolean(options->per_pair_group));
    json_object_set_new(object, "limit", json_count(options->limit));
}

static json_t *json_options(const struct options *options)
{
    json_t *object = json_object();
    add_shared(object, options);
    if (options->command == COMMAND_PAIRS) {
        add_pairs(object, options);
    } else {
        add_analysis(object, options);
        add_intervals(object, options);
    }
    return object;
}

bool json_document_next(FILE *stream, const struct options *options, int number,
                        struct failure *failure)
{
    if (number > 0)
        return fputs(",\n", stream) != EOF;
    json_begin();
    json_t *used = json_options(options);
    bool done = json_whole(failure);
    if (done) {
        fprintf(stream,
                "{\n\"qkvsim\": \"%s\",\n\"schema\": %d,\n\"command\": \"%s\",\n\"options\": ",
                qkvsim_version(), SCHEMA, options->command == COMMAND_PAIRS ? "pairs" : "analyze");
        done = json_print(stream, used, failure) && fputs(",\n\"layers\": [\n", stream) != EOF;
    }
    json_decref(used);
    return done;
}

void json_document_end(FILE *stream)
{
    fputs("\n]\n}\n", stream);
}

json_t *json_input(int64_t observations, const struct part_source *sources,
                   const struct input *input)
{
    json_t *object = json_object(), *parts = json_array();
    for (int32_t i = 0; i < input->part_count; i++) {
        json_t *part = json_object();
        json_object_set_new(part, "file", json_text(sources[i].path));
        json_object_set_new(part, "tensor", json_text(sources[i].tensor));
        json_object_set_new(part, "dtype", json_string(input->part_types[i]->name));
        json_object_set_new(part, "features", json_integer(input->parts[i].features));
        json_array_append_new(parts, part);
    }
    json_object_set_new(object, "observations", json_integer(observations));
    json_object_set_new(object, "features", json_integer(input->features));
    json_object_set_new(object, "parts", parts);
    if (input->shards > 0)
        json_object_set_new(object, "shards", json_integer(input->shards));
    return object;
}
