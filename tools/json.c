/*
 * JSON with this program's conventions.
 */
#include "json.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

json_t *json_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *json_text(const char *text)
{
    if (text == NULL)
        return json_null();
    size_t size = strlen(text) + 1;
    char *safe = malloc(size);
    if (safe == NULL) {
        json_no_memory();
        return json_null();
    }
    text_make_safe(text, safe, size);
    json_t *string = json_string(safe);
    free(safe);
    return string;
}

/* jansson's integers are signed. A larger one travels as a string that begins with a 0, which no
 * other string has: paths end there, and no text that is read has one. It leaves its quotes, and
 * the 0, on the way out. */
#define NUMBER_MARK_WRITTEN "\\u0000"

json_t *json_unsigned(uint64_t value)
{
    char digits[32];
    if (value <= INT64_MAX)
        return json_integer((json_int_t)value);
    const int length = snprintf(digits, sizeof digits, "%c%" PRIu64, '\0', value);
    return json_stringn(digits, (size_t)length);
}

json_t *json_integers(const int64_t *values, int64_t count)
{
    json_t *array = json_array();
    for (int64_t i = 0; values != NULL && i < count; i++)
        json_array_append_new(array, json_integer(values[i]));
    return array;
}

json_t *json_numbers(const double *values, int64_t count)
{
    if (values == NULL)
        return json_null();
    json_t *array = json_array();
    for (int64_t i = 0; i < count; i++)
        json_array_append_new(array, json_number(values[i]));
    return array;
}

json_t *json_groups(const qkvsim_layout *layout)
{
    json_t *array = json_array();
    for (int32_t i = 0; i < qkvsim_layout_groups(layout); i++) {
        json_t *object = json_object();
        json_object_set_new(object, "name", json_string(qkvsim_layout_group_name(layout, i)));
        json_object_set_new(object, "features",
                            json_integer(qkvsim_layout_group_features(layout, i)));
        json_array_append_new(array, object);
    }
    return array;
}

static bool out_of_memory, reading;
static jmp_buf end_of_reading;

static void *counted_malloc(size_t size)
{
    void *memory = malloc(size);
    out_of_memory = out_of_memory || memory == NULL;
    if (memory == NULL && reading)
        longjmp(end_of_reading, 1);
    return memory;
}

void json_begin(void)
{
    out_of_memory = false;
    json_set_alloc_funcs(counted_malloc, free);
}

void json_no_memory(void)
{
    out_of_memory = true;
}

bool json_whole(struct failure *failure)
{
    return !out_of_memory || fail_no_memory(failure);
}

/* Without memory jansson 2.14 reads on behind the end of a text that it could not keep. So it is
 * left there and then, with what it has. */
json_t *json_read(const char *text, size_t size, json_error_t *error)
{
    json_t *volatile value = NULL;
    json_begin();
    reading = true;
    if (setjmp(end_of_reading) == 0)
        value = json_loadb(text, size, JSON_REJECT_DUPLICATES, error);
    reading = false;
    return value;
}

char *json_format(const json_t *value, size_t flags, struct failure *failure)
{
    json_begin();
    char *text = json_dumps(value, flags);
    if (text != NULL && !out_of_memory)
        return text;
    free(text);
    fail_no_memory(failure);
    return NULL;
}

struct printer {
    FILE *stream;
    bool quote;  /* one is owed, for it may open a marked number */
    bool number; /* within a marked number */
};

/* Takes what jansson writes piece by piece: a quote, an escape and a run of text are one each. */
static int print_piece(const char *piece, size_t size, void *data)
{
    struct printer *printer = data;
    bool quote = size == 1 && piece[0] == '"';
    bool mark =
        size == strlen(NUMBER_MARK_WRITTEN) && memcmp(piece, NUMBER_MARK_WRITTEN, size) == 0;
    bool owed = printer->quote;
    printer->quote = false;
    if (printer->number && quote) {
        printer->number = false;
        return 0;
    }
    if (owed && mark) {
        printer->number = true;
        return 0;
    }
    if (owed && fputc('"', printer->stream) == EOF)
        return -1;
    if (quote) {
        printer->quote = true;
        return 0;
    }
    return fwrite(piece, 1, size, printer->stream) == size ? 0 : -1;
}

bool json_print(FILE *stream, const json_t *value, struct failure *failure)
{
    struct printer printer = { .stream = stream };
    json_begin();
    const bool printed =
        json_dump_callback(value, print_piece, &printer, JSON_INDENT(1) | JSON_REAL_PRECISION(17))
            == 0
        && (!printer.quote || fputc('"', stream) != EOF);
    return json_whole(failure) && printed;
}
