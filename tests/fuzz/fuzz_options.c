/* Any bytes as the program's command line, its words parted by line ends: a usage failure with a
 * message, or options. */
#include "parse_options.h"

#include "fuzz.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 64 };

/* A word in memory of its own, so that a sanitizer sees a byte behind its end. */
static char *word_of(const uint8_t *bytes, size_t size)
{
    char *word = malloc(size + 1);
    if (word == NULL)
        abort();
    memcpy(word, bytes, size);
    word[size] = '\0';
    return word;
}

static int divide(const uint8_t *bytes, size_t size, char **words)
{
    int count = 0;
    words[count++] = word_of((const uint8_t *)"qkvsim", strlen("qkvsim"));
    for (size_t start = 0, end; start < size && count < WORDS_MAX; start = end + 1) {
        const uint8_t *newline = memchr(bytes + start, '\n', size - start);
        end = newline != NULL ? (size_t)(newline - bytes) : size;
        words[count++] = word_of(bytes + start, end - start);
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *words[WORDS_MAX + 1] = { NULL }, *given[WORDS_MAX + 1];
    struct options options;
    struct failure failure = { 0 };
    const int count = divide(bytes, size, words);
    memcpy(given, words, sizeof given); /* getopt changes their order */
    optind = 0;                         /* and remembers where in a word it was */
    getopt(1, given, "");
    if (options_parse(count, given, &options, &failure))
        options_free(&options);
    else if (failure.exit_status != EXIT_USAGE || failure.text[0] == '\0')
        abort();
    for (int k = 0; k < count; k++)
        free(words[k]);
    return 0;
}
