/*
 * qkvsim info: the library, OpenBLAS, kernels and threads, and what the given files hold.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "container.h"
#include "info_stored.h"
#include "input.h"
#include "json.h"
#include "mapped_file.h"
#include "npy.h"
#include "options_outputs.h"
#include "output.h"
#include "safetensors.h"
#include "shard_index.h"
#include "text.h"

bool command_make_context(const struct options *options, qkvsim_context **context,
                          struct failure *failure)
{
    char error[512] = "";
    qkvsim_context_options context_options = { .struct_size = sizeof context_options,
                                               .threads = options->threads,
                                               .error = error,
                                               .error_size = sizeof error };
    return qkvsim_context_create(&context_options, context) == QKVSIM_OK
           || fail(failure, "cannot make a context: %s", error);
}

static bool print_npy(FILE *stream, const struct mapped_file *file, const char *path,
                      struct failure *failure)
{
    struct npy_array array;
    if (!npy_parse(file->bytes, file->size, path, &array, failure))
        return false;
    const char *kind = array.kind == 'f'   ? "float"
                       : array.kind == 'V' ? "bfloat"
                       : array.kind == 'i' ? "int"
                       : array.kind == 'u' ? "uint"
                                           : "bool";
    char shape[TEXT_SHAPE_SIZE], bits[16] = "";
    if (array.kind != 'b')
        snprintf(bits, sizeof bits, "%d", 8 * array.itemsize);
    fprintf(stream, "  %s  %s%s  %s order%s\n",
            text_shape(array.shape, array.dimensions, NPY_DIMENSIONS_MAX, shape), kind, bits,
            array.fortran_order ? "Fortran" : "C", array.swapped ? ", other byte order" : "");
    return true;
}

static bool print_safetensors(FILE *stream, const struct mapped_file *file, const char *path,
                              struct failure *failure)
{
    struct safetensors table;
    if (!safetensors_parse(file->bytes, file->size, path, &table, failure))
        return false;
    for (int64_t i = 0; i < table.count; i++) {
        const struct safetensors_tensor *tensor = &table.tensors[i];
        char name[512], dtype[sizeof tensor->dtype], shape[TEXT_SHAPE_SIZE];
        text_make_safe(tensor->name, name, sizeof name);
        text_make_safe(tensor->dtype, dtype, sizeof dtype);
        fprintf(stream, "  %s  %s  %s\n", name, dtype,
                text_shape(tensor->shape, tensor->dimensions, SAFETENSORS_DIMENSIONS_MAX, shape));
    }
    safetensors_free(&table);
    return true;
}

static void print_name(FILE *stream, const char *path)
{
    char name[512];
    text_make_safe(path, name, sizeof name);
    fprintf(stream, "%s\n", name);
}

/* A file's name and content; a shard is never another index. */
static bool print_file(FILE *stream, const char *path, bool shard, struct failure *failure)
{
    struct mapped_file file;
    if (!mapped_file_open(&file, path, failure))
        return false;
    print_name(stream, path);
    bool done = shard || input_is_safetensors(path)
                    ? print_safetensors(stream, &file, path, failure)
                    : print_npy(stream, &file, path, failure);
    mapped_file_close(&file);
    return done;
}

static bool print_shards(FILE *stream, const char *path, struct failure *failure)
{
    char **paths;
    int count;
    if (!shard_index_read(path, &paths, &count, failure))
        return false;
    print_name(stream, path);
    fprintf(stream, "  tensors in %d files:\n", count);
    bool done = true;
    for (int i = 0; i < count; i++) {
        done = done && print_file(stream, paths[i], true, failure);
        free(paths[i]);
    }
    free(paths);
    return done;
}

/* The options of one input alone. */
static struct options options_of(const struct options *options, int number)
{
    struct options own = *options;
    own.inputs = &options->inputs[number];
    own.input_count = 1;
    return own;
}

static bool print_input(FILE *stream, const struct options *options, struct failure *failure)
{
    const char *path = options->inputs[0];
    return container_is(path)     ? info_print_stored(stream, options, failure)
           : shard_index_is(path) ? print_shards(stream, path, failure)
                                  : print_file(stream, path, false, failure);
}

static bool print_files(FILE *stream, const void *content, struct failure *failure)
{
    const struct options *options = content;
    bool all = true;
    for (int i = 0; i < options->input_count; i++) {
        struct failure own = { .exit_status = EXIT_DONE };
        const struct options one = options_of(options, i);
        if (print_input(stream, &one, &own))
            continue;
        fflush(stream);
        failure_report(&own);
        all = false;
    }
    return all || fail(failure, "%s", ""); /* each has been told where it stands */
}

static bool print_library(FILE *stream, const void *content, struct failure *failure)
{
    (void)failure;
    const qkvsim_context *context = content;
    fprintf(stream, "qkvsim    %s\nOpenBLAS  %s\nkernels   %s\nthreads   %" PRId32 "\n",
            qkvsim_version(), qkvsim_blas_description(), qkvsim_context_kernels(context),
            qkvsim_context_threads(context));
    return true;
}

static bool print_all(const struct options *options, struct failure *failure)
{
    qkvsim_context *context = NULL;
    bool done = command_make_context(options, &context, failure)
                && output_write("-", print_library, context, failure)
                && output_write("-", print_files, options, failure);
    qkvsim_context_free(context);
    return done;
}

/* ---- JSON ---- */

/* Grows when a key changes its meaning or goes; a key more is no new schema. */
enum { SCHEMA = 1 };

/* Says of a file that is no state or result that it is none, or why it cannot be read. */
static bool refuse(const char *path, struct failure *failure)
{
    struct mapped_file file;
    if (!mapped_file_open(&file, path, failure))
        return false;
    mapped_file_close(&file);
    return fail(failure, "info --json is of states and saved results, as files: %s is neither",
                path);
}

static bool add_file(json_t *files, const struct options *options, struct failure *failure)
{
    if (!container_is(options->inputs[0]))
        return refuse(options->inputs[0], failure);
    json_t *file = info_json_stored(options, failure);
    if (file == NULL)
        return false;
    json_begin();
    json_array_append_new(files, file);
    return json_whole(failure);
}

static bool add_files(json_t *files, const struct options *options, struct failure *failure)
{
    bool done = true;
    for (int i = 0; done && i < options->input_count; i++) {
        const struct options one = options_of(options, i);
        done = add_file(files, &one, failure);
    }
    return done;
}

static bool print_json(FILE *stream, const void *content, struct failure *failure)
{
    return json_print(stream, content, failure) && fputc('\n', stream) != EOF;
}

/* All files or none: what stands in a document is whole. */
static bool write_json(const struct options *options, struct failure *failure)
{
    json_begin();
    json_t *document = json_object(), *files = json_array();
    json_object_set_new(document, "qkvsim", json_string(qkvsim_version()));
    json_object_set_new(document, "schema", json_integer(SCHEMA));
    json_object_set_new(document, "command", json_string("info"));
    json_object_set(document, "files", files);
    const bool done = json_whole(failure) && add_files(files, options, failure)
                      && output_write(options->json, print_json, document, failure);
    json_decref(files);
    json_decref(document);
    return done;
}

bool command_info(const struct options *options, struct failure *failure)
{
    if (options->json == NULL)
        return print_all(options, failure);
    const bool prints = !options->quiet && !output_is_stdout(options->json);
    return check_outputs(options, failure) && output_check(options->json, failure)
           && write_json(options, failure) && (!prints || print_all(options, failure));
}
