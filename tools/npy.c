/*
 * The .npy format: magic, version, header length, a Python dictionary as text, then the elements.
 */
#include "npy.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "foreign_file.h"

/* The header's text with a position; every read is checked against the end. */
struct header_text {
    const char *at;
    const char *end;
    const char *name;
    struct failure *failure;
};

static bool bad_header(const struct header_text *text, const char *what)
{
    return fail(text->failure, "bad .npy header: %s: %s", text->name, what);
}

static void skip_spaces(struct header_text *text)
{
    while (text->at < text->end && strchr(" \t\r\n", *text->at) != NULL && *text->at != '\0')
        text->at++;
}

static bool accept(struct header_text *text, char expected)
{
    skip_spaces(text);
    if (text->at == text->end || *text->at != expected)
        return false;
    text->at++;
    return true;
}

/* A quoted string without escapes, copied; too long for `size` counts as malformed. */
static bool read_string(struct header_text *text, char *string, size_t size)
{
    skip_spaces(text);
    if (text->at == text->end || (*text->at != '\'' && *text->at != '"'))
        return false;
    char quote = *text->at++;
    size_t length = 0;
    while (text->at < text->end && *text->at != quote) {
        if (length + 1 >= size || *text->at == '\\')
            return false;
        string[length++] = *text->at++;
    }
    string[length] = '\0';
    return accept(text, quote);
}

static bool read_word(struct header_text *text, const char *word)
{
    skip_spaces(text);
    size_t length = strlen(word);
    if ((size_t)(text->end - text->at) < length || memcmp(text->at, word, length) != 0)
        return false;
    text->at += length;
    return true;
}

static bool read_dimension(struct header_text *text, int64_t *dimension)
{
    skip_spaces(text);
    if (text->at < text->end && *text->at == '-')
        return bad_header(text, "negative number in the shape");
    if (text->at == text->end || *text->at < '0' || *text->at > '9')
        return bad_header(text, "the shape is no tuple of numbers");
    int64_t value = 0;
    while (text->at < text->end && *text->at >= '0' && *text->at <= '9') {
        if (__builtin_mul_overflow(value, 10, &value)
            || __builtin_add_overflow(value, *text->at - '0', &value))
            return bad_header(text, "a number in the shape exceeds 2^63 - 1");
        text->at++;
    }
    if (text->at < text->end && *text->at == 'L') /* Python 2 wrote long integers so */
        text->at++;
    *dimension = value;
    return true;
}

static bool read_shape(struct header_text *text, struct npy_array *array)
{
    if (!accept(text, '('))
        return bad_header(text, "the shape is no tuple of numbers");
    bool comma = true;
    array->dimensions = 0;
    while (!accept(text, ')')) {
        if (!comma)
            return bad_header(text, "the shape is no tuple of numbers");
        if (array->dimensions == NPY_DIMENSIONS_MAX)
            return bad_header(text, "more than 32 dimensions");
        if (!read_dimension(text, &array->shape[array->dimensions]))
            return false;
        array->dimensions++;
        comma = accept(text, ',');
    }
    if (array->dimensions == 1 && !comma)
        return bad_header(text, "the shape is no tuple of numbers");
    return true;
}

bool npy_machine_is_little_endian(void)
{
    const uint16_t one = 1;
    uint8_t first;
    memcpy(&first, &one, 1);
    return first == 1;
}

/* What to do about a type that is not read. */
static const char *advice_on(const char *type)
{
    switch (type[0] != '\0' ? type[1] : '\0') {
    case 'c':
        return "complex numbers: save x.real, x.imag or abs(x)";
    case 'O':
        return "Python objects: save x.astype('float32')";
    case 'V':
        return "a type that numpy does not know: <V2 is read as bfloat16; save float8 as float16";
    case 'f':
        return "save x.astype('float64')";
    default:
        return "only float16, bfloat16, float32, float64, integers and booleans are read";
    }
}

static bool read_element_type(struct header_text *text, struct npy_array *array)
{
    char type[16];
    skip_spaces(text);
    if (text->at < text->end && *text->at == '[')
        return fail(
            text->failure,
            "structured dtype: %s (save one of its fields, x['name'], as an array of numbers)",
            text->name);
    if (!read_string(text, type, sizeof type))
        return bad_header(text, "descr is no short string");
    static const char *const known[] = { "f2", "f4", "f8", "i1", "i2", "i4", "i8",
                                         "u1", "u2", "u4", "u8", "b1", "V2" };
    /* ml_dtypes' bfloat16 has a byte order, two bytes of anything have none. */
    bool bytes = strcmp(type, "|V2") == 0;
    bool order_known = type[0] != '\0' && strchr("<>=|", type[0]) != NULL && !bytes;
    bool found = false;
    for (size_t i = 0; order_known && i < sizeof known / sizeof known[0]; i++)
        found = found || strcmp(type + 1, known[i]) == 0;
    if (!found)
        return fail(text->failure, "dtype '%s' is not supported: %s (%s)", type, text->name,
                    advice_on(type));
    array->kind = type[1];
    array->itemsize = type[2] - '0';
    if (type[0] == '|' && array->itemsize > 1)
        return fail(text->failure, "dtype '%s' has no byte order: %s", type, text->name);
    bool little = type[0] == '<';
    array->swapped =
        array->itemsize > 1 && type[0] != '=' && little != npy_machine_is_little_endian();
    return true;
}

static bool read_order(struct header_text *text, struct npy_array *array)
{
    array->fortran_order = read_word(text, "True");
    if (!array->fortran_order && !read_word(text, "False"))
        return bad_header(text, "fortran_order is neither True nor False");
    return true;
}

/* Each of the three keys exactly once, in any order, as numpy.lib.format demands. */
static bool read_dictionary(struct header_text *text, struct npy_array *array)
{
    static const char *const keys[] = { "descr", "fortran_order", "shape" };
    bool (*const read_value[])(struct header_text *,
                               struct npy_array *) = { read_element_type, read_order, read_shape };
    bool seen[3] = { false, false, false };
    if (!accept(text, '{'))
        return bad_header(text, "no dictionary");
    bool comma = true;
    while (!accept(text, '}')) {
        char key[16];
        if (!comma || !read_string(text, key, sizeof key) || !accept(text, ':'))
            return bad_header(text, "malformed dictionary");
        int which = 0;
        while (which < 3 && strcmp(key, keys[which]) != 0)
            which++;
        if (which == 3 || seen[which])
            return bad_header(text, which == 3 ? "unknown key" : "a key stands twice");
        seen[which] = true;
        if (!read_value[which](text, array))
            return false;
        comma = accept(text, ',');
    }
    skip_spaces(text);
    if (text->at != text->end)
        return bad_header(text, "something follows the dictionary");
    if (!seen[0] || !seen[1] || !seen[2])
        return bad_header(text, "descr, fortran_order or shape is missing");
    return true;
}

static bool not_npy(const uint8_t *bytes, size_t size, const char *name, struct failure *failure)
{
    const char *what = foreign_file(bytes, size, name);
    return fail(failure, "not an .npy file: %s: it %s%s", name, what != NULL ? "is " : "",
                what != NULL ? what : "does not begin with \\x93NUMPY");
}

/* Finds the header's text and leaves the data's position in array->data. */
static bool locate_header(const uint8_t *bytes, size_t size, const char *name,
                          struct header_text *text, struct npy_array *array,
                          struct failure *failure)
{
    static const uint8_t magic[] = { 0x93, 'N', 'U', 'M', 'P', 'Y' };
    if (size < sizeof magic || memcmp(bytes, magic, sizeof magic) != 0)
        return not_npy(bytes, size, name, failure);
    if (size < 10)
        return fail(failure, "truncated .npy file: %s: %zu bytes", name, size);
    int major = bytes[6], minor = bytes[7];
    if (major < 1 || major > 3 || minor != 0)
        return fail(failure, "unknown .npy version %d.%d: %s", major, minor, name);
    size_t start = major == 1 ? 10 : 12;
    if (size < start)
        return fail(failure, "truncated .npy file: %s: %zu bytes", name, size);
    size_t length = (size_t)bytes[8] | (size_t)bytes[9] << 8;
    if (major > 1)
        length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    if (length > size - start)
        return fail(failure, "truncated .npy file: %s: a header of %zu bytes, but %zu left", name,
                    length, size - start);
    const char *at = (const char *)bytes + start;
    *text = (struct header_text){ .at = at, .end = at + length, .name = name, .failure = failure };
    array->data = bytes + start + length;
    return true;
}

bool npy_parse(const uint8_t *bytes, size_t size, const char *name, struct npy_array *array,
               struct failure *failure)
{
    struct npy_array parsed = { 0 };
    struct header_text text;
    if (!locate_header(bytes, size, name, &text, &parsed, failure)
        || !read_dictionary(&text, &parsed))
        return false;
    int64_t total = parsed.itemsize;
    parsed.elements = 1;
    for (int i = 0; i < parsed.dimensions; i++)
        if (__builtin_mul_overflow(parsed.elements, parsed.shape[i], &parsed.elements)
            || __builtin_mul_overflow(total, parsed.shape[i], &total))
            return fail(failure, "the shape's size exceeds 2^63 - 1 bytes: %s", name);
    size_t left = size - (size_t)(parsed.data - bytes);
    if ((uint64_t)total > left)
        return fail(failure,
                    "truncated .npy file: %s: the header claims %" PRId64
                    " bytes of data, the file holds %zu",
                    name, total, left);
    *array = parsed;
    return true;
}

bool npy_write(FILE *stream, const void *content, struct failure *failure)
{
    (void)failure;
    const qkvsim_matrix *matrix = content;
    enum { PREAMBLE = 10, HEADER = 128 }; /* data aligned to 64 bytes, as numpy writes it */
    const char *type = matrix->dtype == QKVSIM_DTYPE_F32   ? "f4"
                       : matrix->dtype == QKVSIM_DTYPE_F64 ? "f8"
                                                           : "i4";
    size_t itemsize = matrix->dtype == QKVSIM_DTYPE_F64 ? 8 : 4;
    char header[HEADER + 1];
    int length = snprintf(header, sizeof header,
                          "\x93NUMPY\x01%c%c%c{'descr': '%c%s', 'fortran_order': False, "
                          "'shape': (%" PRId64 ", %" PRId64 "), }",
                          '\0', HEADER - PREAMBLE, '\0', npy_machine_is_little_endian() ? '<' : '>',
                          type, matrix->rows, matrix->columns);
    memset(header + length, ' ', (size_t)(HEADER - length));
    header[HEADER - 1] = '\n';
    size_t elements = (size_t)matrix->rows * (size_t)matrix->columns;
    return fwrite(header, 1, HEADER, stream) == HEADER
           && fwrite(matrix->data, itemsize, elements, stream) == elements;
}
