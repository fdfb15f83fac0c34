/*
 * qkvsim mask: the mask as .npy, or a table of its pair groups, codes and counts.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "commands.h"
#include "groups.h"
#include "npy.h"
#include "output.h"
#include "table.h"
#include "text.h"

struct summary {
    const qkvsim_layout *layout;
    const int32_t *codes; /* NULL where products are ambiguous */
    const char *why;      /* then the library's reason */
};

static bool write_summary(FILE *stream, const void *content, struct failure *failure)
{
    static const struct table_column columns[] = { { "pairs of", true, 3 },
                                                   { "code", false, 2 },
                                                   { "pairs", false, 1 } };
    const struct summary *summary = content;
    struct table table = { .columns = columns, .column_count = 3 };
    for (int32_t i = 0; i < qkvsim_layout_pair_groups(summary->layout); i++) {
        char count[TEXT_COUNT_SIZE];
        char(*row)[TABLE_CELL_SIZE] = table_add_row(&table);
        if (row == NULL) {
            table_free(&table);
            return fail_no_memory(failure);
        }
        snprintf(row[0], TABLE_CELL_SIZE, "%s", qkvsim_layout_row_name(summary->layout, i));
        if (summary->codes != NULL)
            snprintf(row[1], TABLE_CELL_SIZE, "%" PRId32, summary->codes[i]);
        else
            snprintf(row[1], TABLE_CELL_SIZE, "-");
        snprintf(row[2], TABLE_CELL_SIZE, "%s",
                 text_count(qkvsim_layout_pairs(summary->layout, i), count));
    }
    int width = table_terminal_width();
    table_print(&table, stream, width);
    table_free(&table);
    if (summary->codes == NULL)
        fprintf(stream, "no mask can be made: %s\n", summary->why);
    return true;
}

static bool print_summary(qkvsim_context *context, const qkvsim_layout *layout, bool quiet,
                          struct failure *failure)
{
    const int32_t pair_groups = qkvsim_layout_pair_groups(layout);
    int32_t *codes = calloc((size_t)pair_groups, sizeof *codes);
    if (codes == NULL)
        return fail_no_memory(failure);
    qkvsim_status status = qkvsim_layout_mask_codes(context, layout, NULL, codes, pair_groups);
    bool ambiguous = status == QKVSIM_ERROR_AMBIGUOUS || status == QKVSIM_ERROR_TOO_LARGE;
    struct summary summary = { layout, ambiguous ? NULL : codes, qkvsim_context_error(context) };
    bool done = status == QKVSIM_OK || ambiguous || fail_library(failure, context, status, NULL);
    if (done && !quiet)
        done = output_write("-", write_summary, &summary, failure);
    free(codes);
    return done;
}

static bool save_mask(qkvsim_context *context, const qkvsim_layout *layout, const char *path,
                      struct failure *failure)
{
    int64_t features = qkvsim_layout_features(layout);
    size_t elements, bytes;
    if (__builtin_mul_overflow((size_t)features, (size_t)features, &elements)
        || __builtin_mul_overflow(elements, sizeof(int32_t), &bytes))
        return fail(failure, "mask does not fit the address space: %" PRId64 " features", features);
    qkvsim_matrix mask = { .struct_size = sizeof mask,
                           .data = malloc(bytes),
                           .rows = features,
                           .columns = features,
                           .leading_dimension = features,
                           .dtype = QKVSIM_DTYPE_I32 };
    if (mask.data == NULL)
        return fail(failure, "out of memory: a mask of %zu bytes", bytes);
    qkvsim_status status = qkvsim_layout_mask(context, layout, NULL, &mask);
    bool done = status == QKVSIM_OK ? output_write(path, npy_write, &mask, failure)
                                    : fail_library(failure, context, status, NULL);
    free(mask.data);
    return done;
}

bool command_mask(const struct options *options, struct failure *failure)
{
    qkvsim_context *context = NULL;
    qkvsim_layout *layout = NULL;
    bool done = output_check(options->output, failure)
                && command_make_context(options, &context, failure)
                && groups_make_layout(context, options, NULL, &layout, failure);
    if (done)
        done = options->output != NULL ? save_mask(context, layout, options->output, failure)
                                       : print_summary(context, layout, options->quiet, failure);
    qkvsim_layout_free(layout);
    qkvsim_context_free(context);
    return done;
}
