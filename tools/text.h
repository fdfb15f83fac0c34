/*
 * Text that comes from files or the command line, made fit for terminals, JSON and figures.
 */
#ifndef TOOLS_TEXT_H
#define TOOLS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Copies text, with '?' for every control character and every byte that is no valid UTF-8, and
 * cut at a character's border to fit `size` bytes with the closing zero. */
void text_make_safe(const char *text, char *safe, size_t size);

/* True where text_make_safe would change nothing. */
bool text_is_safe(const char *text);

/* Columns that the first character of a text takes in a terminal, 2 for a wide one and 0 for one
 * that combines with another, and its bytes. A locale of UTF-8 must be set. */
int text_character_width(const char *text, size_t *bytes);

/* Columns that a text takes. */
int text_width(const char *text);

/* The whole of text as a decimal number from low to high; false for anything else. */
bool text_to_integer(const char *text, int64_t low, int64_t high, int64_t *value);

/* The whole of text as a decimal number from 0 to 2^64 - 1; false for anything else. */
bool text_to_unsigned(const char *text, uint64_t *value);

/* Writes at the end of a text in a buffer of `size` bytes, as far as there is room. */
__attribute__((format(printf, 3, 4))) void text_append(char *text, size_t size, const char *format,
                                                       ...);

/* Orders texts with their numbers by value: "layer2" before "layer10". Never 0 for unlike texts. */
int text_compare_natural(const char *left, const char *right);

/* A number for messages, in as few digits as tell it from every other: text_number(0.1).text. */
struct number_text {
    char text[32];
};
struct number_text text_number(double value);

/* A count with thousands separators: 165,600. Returns buffer. */
enum { TEXT_COUNT_SIZE = 32 };
const char *text_count(int64_t count, char buffer[TEXT_COUNT_SIZE]);

/* "40 x 12", of as many dimensions as fit, of which `kept` are known. Returns buffer. */
enum { TEXT_SHAPE_SIZE = 160 };
const char *text_shape(const int64_t *shape, int dimensions, int kept,
                       char buffer[TEXT_SHAPE_SIZE]);

/* Whether a text has a suffix, in letters of any case. */
bool text_ends_in(const char *text, const char *suffix);

/* The part of a path after its last slash. */
const char *text_file_name(const char *path);

#endif
