/*
 * --targets: row numbers from a list, a text file or an .npy file become a mask of observations.
 */
#include "targets.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mapped_file.h"
#include "npy.h"
#include "text.h"

/* Marks one row; `unit` and `number` say where in the file or list it stands. */
static bool mark(struct targets *targets, int64_t row, const char *place, const char *unit,
                 int64_t number, struct failure *failure)
{
    if (row < 0 || row >= targets->observations)
        return fail(failure,
                    "target row out of range: %s: %s %" PRId64 ": row %" PRId64 " of %" PRId64
                    " (rows count from 0)",
                    place, unit, number, row, targets->observations);
    if (targets->mask[row])
        return fail(failure, "target row stands twice: %s: %s %" PRId64 ": row %" PRId64, place,
                    unit, number, row);
    targets->mask[row] = 1;
    targets->count++;
    return true;
}

/* One item of a list: "17" or "40-59". */
static bool mark_item(struct targets *targets, char *item, int64_t number, struct failure *failure)
{
    int64_t first, last;
    char *dash = strchr(item, '-');
    if (dash != NULL)
        *dash = '\0';
    const char *end = dash != NULL ? dash + 1 : item;
    if (!text_to_integer(item, 0, INT64_MAX, &first) || !text_to_integer(end, 0, INT64_MAX, &last)
        || last < first)
        return fail_usage(failure, "--targets wants a list like 3,17,40-59: item %" PRId64, number);
    for (int64_t row = first; row <= last; row++)
        if (!mark(targets, row, "--targets", "item", number, failure))
            return false;
    return true;
}

static bool read_list(struct targets *targets, const char *rows, struct failure *failure)
{
    char *list = strdup(rows);
    if (list == NULL)
        return fail_no_memory(failure);
    bool done = true;
    int64_t number = 0;
    for (char *item = list, *rest; done && item != NULL; item = rest) {
        rest = strchr(item, ',');
        if (rest != NULL)
            *rest++ = '\0';
        done = mark_item(targets, item, ++number, failure);
    }
    free(list);
    return done;
}

/* One line, without its end; blank lines are skipped. */
static bool mark_line(struct targets *targets, const char *line, size_t length, const char *path,
                      int64_t number, struct failure *failure)
{
    while (length > 0 && isspace((unsigned char)line[length - 1]))
        length--;
    while (length > 0 && isspace((unsigned char)*line)) {
        line++;
        length--;
    }
    if (length == 0)
        return true;
    char digits[24];
    int64_t row;
    if (length < sizeof digits) {
        memcpy(digits, line, length);
        digits[length] = '\0';
    }
    if (length >= sizeof digits || !text_to_integer(digits, INT64_MIN, INT64_MAX, &row))
        return fail(failure, "no row number: %s: line %" PRId64, path, number);
    return mark(targets, row, path, "line", number, failure);
}

static bool read_text(struct targets *targets, const struct mapped_file *file, const char *path,
                      struct failure *failure)
{
    const char *at = (const char *)file->bytes;
    size_t left = file->size;
    for (int64_t number = 1; left > 0; number++) {
        const char *newline = memchr(at, '\n', left);
        size_t length = newline != NULL ? (size_t)(newline - at) : left;
        if (!mark_line(targets, at, length, path, number, failure))
            return false;
        size_t step = newline != NULL ? length + 1 : length;
        at += step;
        left -= step;
    }
    return true;
}

/* Element i as a number; unsigned ones beyond int64 are out of any range and given as its
 * largest. */
static int64_t element(const struct npy_array *array, int64_t i)
{
    const uint8_t *bytes = array->data + i * array->itemsize;
    uint64_t value = 0;
    uint8_t little[8] = { 0 };
    bool little_endian = npy_machine_is_little_endian() != array->swapped;
    for (int k = 0; k < array->itemsize; k++)
        little[k] = bytes[little_endian ? k : array->itemsize - 1 - k];
    for (int k = array->itemsize - 1; k >= 0; k--)
        value = value << 8 | little[k];
    if (array->kind != 'i')
        return value > INT64_MAX ? INT64_MAX : (int64_t)value;
    uint64_t sign = UINT64_C(1) << (8 * array->itemsize - 1);
    return (int64_t)((value ^ sign) - sign);
}

static bool read_npy(struct targets *targets, const struct mapped_file *file, const char *path,
                     struct failure *failure)
{
    struct npy_array array;
    if (!npy_parse(file->bytes, file->size, path, &array, failure))
        return false;
    if (array.dimensions != 1)
        return fail(failure, "targets are not 1-dimensional: %s: %d dimensions", path,
                    array.dimensions);
    if (array.kind == 'f')
        return fail(failure, "targets are neither integers nor booleans: %s: 'f%d'", path,
                    array.itemsize);
    bool boolean = array.kind == 'b';
    if (boolean && array.elements != targets->observations)
        return fail(failure,
                    "targets are as many booleans as there are observations: %s: %" PRId64
                    ", not %" PRId64,
                    path, array.elements, targets->observations);
    for (int64_t i = 0; i < array.elements; i++) {
        int64_t value = element(&array, i);
        if (boolean && value == 0)
            continue;
        if (!mark(targets, boolean ? i : value, path, "element", i, failure))
            return false;
    }
    return true;
}

static bool read_file(struct targets *targets, const char *path, struct failure *failure)
{
    struct mapped_file file;
    if (!mapped_file_open(&file, path, failure))
        return false;
    const char *dot = strrchr(path, '.');
    bool npy = dot != NULL && strcasecmp(dot, ".npy") == 0;
    bool done =
        npy ? read_npy(targets, &file, path, failure) : read_text(targets, &file, path, failure);
    mapped_file_close(&file);
    return done;
}

bool targets_read(struct targets *targets, const char *rows, int64_t observations,
                  struct failure *failure)
{
    *targets = (struct targets){ .observations = observations };
    targets->mask = calloc((size_t)observations + 1, 1);
    if (targets->mask == NULL)
        return fail_no_memory(failure);
    bool list = rows[strspn(rows, "0123456789,-")] == '\0';
    bool done = list ? read_list(targets, rows, failure) : read_file(targets, rows, failure);
    if (done && targets->count == 0)
        done = fail(failure, "no target observation: %s", rows);
    if (!done)
        targets_free(targets);
    return done;
}

void targets_free(struct targets *targets)
{
    free(targets->mask);
    *targets = (struct targets){ 0 };
}
