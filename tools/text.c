/*
 * Text made fit for terminals, JSON and figures.
 */
#define _XOPEN_SOURCE 700 /* wcwidth */
#include "text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <wchar.h>

/* Bytes of the valid, printable UTF-8 character at text, whose code goes to *character; 0 if there
 * is none (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF). */
static size_t decode_character(const unsigned char *text, uint32_t *character)
{
    *character = text[0];
    if (text[0] < 0x80)
        return text[0] >= 0x20 && text[0] != 0x7F;
    size_t length = text[0] >= 0xF0 ? 4 : text[0] >= 0xE0 ? 3 : 2;
    uint32_t code = text[0] & (0xFFu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xC0) != 0x80)
            return 0;
        code = code << 6 | (text[i] & 0x3F);
    }
    static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
    bool c1_control = code < 0xA0;
    bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    if (text[0] < 0xC0 || text[0] >= 0xF8 || code < smallest[length] || code > 0x10FFFF
        || c1_control || surrogate)
        return 0;
    *character = code;
    return length;
}

static size_t character_length(const unsigned char *text)
{
    uint32_t character;
    return decode_character(text, &character);
}

void text_make_safe(const char *text, char *safe, size_t size)
{
    size_t used = 0;
    while (*text != '\0') {
        size_t length = character_length((const unsigned char *)text);
        size_t step = length > 0 ? length : 1;
        if (used + step >= size)
            break;
        if (length > 0)
            memcpy(safe + used, text, length);
        else
            safe[used] = '?';
        used += step;
        text += step;
    }
    safe[used] = '\0';
}

bool text_is_safe(const char *text)
{
    while (*text != '\0') {
        size_t length = character_length((const unsigned char *)text);
        if (length == 0)
            return false;
        text += length;
    }
    return true;
}

int text_character_width(const char *text, size_t *bytes)
{
    uint32_t character;
    size_t length = decode_character((const unsigned char *)text, &character);
    int width = length > 0 ? wcwidth((wchar_t)character) : 1;
    *bytes = length > 0 ? length : 1;
    return width < 0 ? 1 : width;
}

int text_width(const char *text)
{
    int width = 0;
    while (*text != '\0') {
        size_t bytes;
        width += text_character_width(text, &bytes);
        text += bytes;
    }
    return width;
}

bool text_to_integer(const char *text, int64_t low, int64_t high, int64_t *value)
{
    size_t sign = text[0] == '-';
    if (text[sign] == '\0' || text[sign + strspn(text + sign, "0123456789")] != '\0')
        return false;
    errno = 0;
    long long parsed = strtoll(text, NULL, 10);
    if (errno != 0 || parsed < low || parsed > high)
        return false;
    *value = parsed;
    return true;
}

bool text_to_unsigned(const char *text, uint64_t *value)
{
    if (text[0] == '\0' || text[strspn(text, "0123456789")] != '\0')
        return false;
    errno = 0;
    *value = strtoull(text, NULL, 10);
    return errno == 0;
}

void text_append(char *text, size_t size, const char *format, ...)
{
    size_t used = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + used, size - used, format, arguments);
    va_end(arguments);
}

/* Compares the numbers that both texts begin with, by value and without limit. */
static int compare_numbers(const char **left, const char **right)
{
    const char *a = *left + strspn(*left, "0"), *b = *right + strspn(*right, "0");
    size_t digits_a = strspn(a, "0123456789"), digits_b = strspn(b, "0123456789");
    *left = a + digits_a;
    *right = b + digits_b;
    if (digits_a != digits_b)
        return digits_a < digits_b ? -1 : 1;
    return memcmp(a, b, digits_a);
}

int text_compare_natural(const char *left, const char *right)
{
    const char *a = left, *b = right;
    while (*a != '\0' && *b != '\0') {
        bool digits = *a >= '0' && *a <= '9' && *b >= '0' && *b <= '9';
        int order =
            digits ? compare_numbers(&a, &b) : (int)(unsigned char)*a++ - (int)(unsigned char)*b++;
        if (order != 0)
            return order;
    }
    int order = (int)(unsigned char)*a - (int)(unsigned char)*b;
    return order != 0 ? order : strcmp(left, right);
}

struct number_text text_number(double value)
{
    struct number_text number;
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(number.text, sizeof number.text, "%.*g", digits, value);
        if (strtod(number.text, NULL) == value)
            break;
    }
    return number;
}

const char *text_count(int64_t count, char buffer[TEXT_COUNT_SIZE])
{
    char digits[TEXT_COUNT_SIZE];
    int length = snprintf(digits, sizeof digits, "%" PRId64, count);
    size_t used = 0;
    for (int i = 0; i < length; i++) {
        bool separate = i > 0 && (length - i) % 3 == 0 && digits[i - 1] != '-';
        if (separate)
            buffer[used++] = ',';
        buffer[used++] = digits[i];
    }
    buffer[used] = '\0';
    return buffer;
}

const char *text_shape(const int64_t *shape, int dimensions, int kept, char buffer[TEXT_SHAPE_SIZE])
{
    enum { NUMBERS = 6 }; /* of up to 19 digits */
    int shown = kept < NUMBERS ? kept : NUMBERS;
    snprintf(buffer, TEXT_SHAPE_SIZE, "%s", dimensions == 0 ? "a single number" : "");
    for (int i = 0; i < dimensions && i < shown; i++)
        text_append(buffer, TEXT_SHAPE_SIZE, "%s%" PRId64, i > 0 ? " x " : "", shape[i]);
    if (dimensions > shown)
        text_append(buffer, TEXT_SHAPE_SIZE, " x ... (%d dimensions)", dimensions);
    return buffer;
}

bool text_ends_in(const char *text, const char *suffix)
{
    size_t length = strlen(text), size = strlen(suffix);
    return length >= size && strcasecmp(text + length - size, suffix) == 0;
}

const char *text_file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}
