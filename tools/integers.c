/*
 * Whole numbers out of a file, one after the other.
 */
#include "integers.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "npy.h"
#include "text.h"

/* A file's numbers on their way to the visitor. */
struct walk {
    struct integer_place place;
    const char *what;
    int64_t booleans;
    integer_visitor *visit;
    void *user;
    struct failure *failure;
};

/* One line, without its end; blank lines are skipped. */
static bool visit_line(struct walk *walk, const char *line, size_t length)
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
    int64_t value;
    if (length < sizeof digits) {
        memcpy(digits, line, length);
        digits[length] = '\0';
    }
    if (length >= sizeof digits || !text_to_integer(digits, INT64_MIN, INT64_MAX, &value))
        return fail(walk->failure, "no whole number: %s: line %" PRId64, walk->place.path,
                    walk->place.number);
    return walk->visit(walk->user, value, &walk->place, walk->failure);
}

static bool walk_text(struct walk *walk, const struct mapped_file *file)
{
    const char *at = (const char *)file->bytes;
    size_t left = file->size;
    walk->place.unit = "line";
    for (walk->place.number = 1; left > 0; walk->place.number++) {
        const char *newline = memchr(at, '\n', left);
        size_t length = newline != NULL ? (size_t)(newline - at) : left;
        if (!visit_line(walk, at, length))
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

static bool walk_npy(struct walk *walk, const struct mapped_file *file)
{
    struct npy_array array;
    const char *path = walk->place.path;
    if (!npy_parse(file->bytes, file->size, path, &array, walk->failure))
        return false;
    if (array.dimensions != 1)
        return fail(walk->failure, "%s are not 1-dimensional: %s: %d dimensions", walk->what, path,
                    array.dimensions);
    if (array.kind == 'f' || array.kind == 'V')
        return fail(walk->failure, "%s are neither integers nor booleans: %s: '%c%d'", walk->what,
                    path, array.kind, array.itemsize);
    walk->place.unit = "element";
    walk->place.boolean = array.kind == 'b';
    if (walk->place.boolean && array.elements != walk->booleans)
        return fail(walk->failure,
                    "%s are as many booleans as there are observations: %s: %" PRId64
                    ", not %" PRId64,
                    walk->what, path, array.elements, walk->booleans);
    for (walk->place.number = 0; walk->place.number < array.elements; walk->place.number++)
        if (!walk->visit(walk->user, element(&array, walk->place.number), &walk->place,
                         walk->failure))
            return false;
    return true;
}

bool integers_of(const struct mapped_file *file, const char *path, const char *what,
                 int64_t booleans, integer_visitor *visit, void *user, struct failure *failure)
{
    struct walk walk = { .place = { .path = path },
                         .what = what,
                         .booleans = booleans,
                         .visit = visit,
                         .user = user,
                         .failure = failure };
    return text_ends_in(path, ".npy") ? walk_npy(&walk, file) : walk_text(&walk, file);
}

bool integers_for_each(const char *path, const char *what, int64_t booleans, integer_visitor *visit,
                       void *user, struct failure *failure)
{
    struct mapped_file file;
    if (!mapped_file_open(&file, path, failure))
        return false;
    bool done = integers_of(&file, path, what, booleans, visit, user, failure);
    mapped_file_close(&file);
    return done;
}
