/* Any bytes as a state or a saved result: refused with a message, or analysed, searched, written as
 * a matrix and merged. The headers are mended first, so that what is behind them is reached. */
#include "commands.h"
#include "parse_options.h"

#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { HEADER = 32, VERSION_AT = 8, SIZE_AT = 16, ALIGNMENT = 8 };
enum { FILE_CHECKSUM_AT = 12, TABLE_AT = 24 }; /* of a file */
/* Of a packed result. */
enum { RESULT_VERSION = 2, KIND_AT = 12, CHECKSUM_AT = 24, RESERVED_AT = 28, KINDS = 6 };

static void put(uint8_t *bytes, uint64_t value, int count)
{
    for (int k = 0; k < count; k++)
        bytes[k] = (uint8_t)(value >> (8 * k));
}

static uint64_t take(const uint8_t *bytes, int count)
{
    uint64_t value = 0;
    for (int k = 0; k < count; k++)
        value |= (uint64_t)bytes[k] << (8 * k);
    return value;
}

/* Of all bytes but the four where it stands. */
static uint32_t crc_without(const uint8_t *bytes, size_t size, size_t at)
{
    uint32_t crc = UINT32_MAX;
    for (size_t k = 0; k < size; k++) {
        if (k >= at && k < at + 4)
            continue;
        crc ^= bytes[k];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320u : 0);
    }
    return ~crc;
}

/* A packed result, of as many bytes as it says, or of all; returns where the next begins. */
static size_t mend_result(uint8_t *bytes, size_t size)
{
    static const uint8_t magic[] = { 0x89, 'Q', 'K', 'V', 'S', 'I', 'M', '\n' };
    const uint64_t said = take(bytes + SIZE_AT, 8);
    const size_t own =
        said >= HEADER && said <= size && said % ALIGNMENT == 0 ? (size_t)said : size;
    memcpy(bytes, magic, sizeof magic);
    put(bytes + VERSION_AT, RESULT_VERSION, 4);
    put(bytes + KIND_AT, 1 + bytes[KIND_AT] % KINDS, 4);
    put(bytes + SIZE_AT, own, 8);
    put(bytes + RESERVED_AT, 0, 4);
    put(bytes + CHECKSUM_AT, crc_without(bytes, own, CHECKSUM_AT), 4);
    return own;
}

static void mend(uint8_t *bytes, size_t size)
{
    static const uint8_t magic[] = { 0x89, 'Q', 'K', 'V', 'R', 'U', 'N', '\n' };
    const size_t room = size - HEADER;
    const size_t table = (size_t)take(bytes + TABLE_AT, 8) % (room + 1) / ALIGNMENT * ALIGNMENT;
    memcpy(bytes, magic, sizeof magic);
    put(bytes + VERSION_AT, 1, 4);
    put(bytes + SIZE_AT, size, 8);
    put(bytes + TABLE_AT, table, 8);
    put(bytes + FILE_CHECKSUM_AT, crc_without(bytes, HEADER + table, FILE_CHECKSUM_AT), 4);
    for (size_t at = HEADER + table; size - at >= HEADER;)
        at += mend_result(bytes + at, size - at);
}

/* Runs a command on a file; where it fails it says why. */
static void run(bool (*command)(const struct options *options, struct failure *failure),
                const char *const *words, const char *path)
{
    char *given[16] = { NULL };
    struct options options;
    struct failure failure = { 0 };
    int count = 0;
    for (; words[count] != NULL; count++)
        given[count] = strdup(words[count]);
    given[count] = strdup(path);
    if (!options_parse(count + 1, given, &options, &failure))
        abort();
    if (!command(&options, &failure) && (failure.exit_status == 0 || failure.text[0] == '\0'))
        abort();
    options_free(&options);
    for (int k = 0; k <= count; k++)
        free(given[k]);
}

static void run_all(const char *path)
{
    static const char *const analyze[] = { "qkvsim",    "analyze", "--quiet",   "--json",
                                           "/dev/null", "--csv",   "/dev/null", NULL };
    static const char *const pairs[] = { "qkvsim", "pairs",  "--quiet",   "--top",
                                         "1",      "--json", "/dev/null", NULL };
    static const char *const matrix[] = { "qkvsim", "matrix", "--output", "/dev/null", NULL };
    static const char *const merge[] = {
        "qkvsim", "merge", "--quiet", "--output", "/dev/null", NULL
    };
    run(command_analyze, analyze, path);
    run(command_pairs, pairs, path);
    run(command_matrix, matrix, path);
    run(command_merge, merge, path);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char path[64];
    uint8_t *copy = malloc(size > 0 ? size : 1);
    const int file = memfd_create("fuzzed", 0);
    if (copy == NULL || file < 0)
        abort();
    memcpy(copy, bytes, size);
    if (size >= HEADER)
        mend(copy, size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    if (write(file, copy, size) != (ssize_t)size)
        abort();
    run_all(path);
    close(file);
    free(copy);
    return 0;
}
