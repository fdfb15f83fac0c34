/*
 * Files of results: a header of 32 bytes, a table in JSON, packed results one behind the other.
 */
#include "container.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "json.h"
#include "text.h"

enum {
    HEADER = 32,
    MAGIC = 8,
    VERSION = 1,
    VERSION_AT = 8,
    CHECKSUM_AT = 12,
    SIZE_AT = 16,
    TABLE_AT = 24,
    ALIGNMENT = 8,
    TABLE_MAX = 1 << 30
};
static const char magic[MAGIC + 1] = "\x89QKVRUN\n";

static void put(uint8_t *bytes, uint64_t value, int size)
{
    for (int i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t take(const uint8_t *bytes, int size)
{
    uint64_t value = 0;
    for (int i = 0; i < size; i++)
        value |= (uint64_t)bytes[i] << 8 * i;
    return value;
}

/* CRC-32 as zlib and PNG have it, of bytes that go on from `crc`; 0 at first. */
static uint32_t checksum(uint32_t crc, const uint8_t *bytes, size_t size)
{
    uint32_t table[256];
    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i;
        for (int bit = 0; bit < 8; bit++)
            table[i] = (table[i] & 1) != 0 ? table[i] >> 1 ^ 0xedb88320u : table[i] >> 1;
    }
    crc = ~crc;
    for (size_t i = 0; i < size; i++)
        crc = crc >> 8 ^ table[(crc ^ bytes[i]) & 255];
    return ~crc;
}

/* Of header and table, but for the four bytes it stands in. */
static uint32_t checksum_of(const uint8_t header[HEADER], const uint8_t *table, size_t size)
{
    uint32_t crc = checksum(0, header, CHECKSUM_AT);
    crc = checksum(crc, header + SIZE_AT, HEADER - SIZE_AT);
    return checksum(crc, table, size);
}

/* ---- reading ---- */

bool container_is(const char *path)
{
    char bytes[MAGIC];
    struct stat status;
    const bool regular = stat(path, &status) == 0 && S_ISREG(status.st_mode);
    FILE *file = regular ? fopen(path, "rb") : NULL; /* what a pipe has can be read once */
    if (file != NULL) /* nothing behind these: the system would prepare for more, and read it */
        (void)posix_fadvise(fileno(file), 0, 0, POSIX_FADV_RANDOM);
    const bool is =
        file != NULL && fread(bytes, 1, MAGIC, file) == MAGIC && memcmp(bytes, magic, MAGIC) == 0;
    if (file != NULL)
        fclose(file);
    return is;
}

static bool check_header(const struct container *container, struct failure *failure)
{
    const struct mapped_file *file = &container->file;
    const char *path = container->path;
    if (file->size < HEADER || memcmp(file->bytes, magic, MAGIC) != 0)
        return fail(failure, "no state or result of qkvsim: %s: %zu bytes", path, file->size);
    const uint64_t version = take(file->bytes + VERSION_AT, 4);
    if (version != VERSION)
        return fail(failure,
                    "another qkvsim wrote it: %s: version %" PRIu64
                    " of the format, this program reads %d",
                    path, version, VERSION);
    const uint64_t size = take(file->bytes + SIZE_AT, 8), table = take(file->bytes + TABLE_AT, 8);
    if (size > file->size)
        return fail(failure, "the file is cut short: %s: %zu of %" PRIu64 " bytes", path,
                    file->size, size);
    if (size < file->size)
        return fail(failure, "bytes behind the end: %s: %zu in place of %" PRIu64, path, file->size,
                    size);
    if (table > TABLE_MAX || table > size - HEADER || table % ALIGNMENT != 0
        || take(file->bytes + CHECKSUM_AT, 4)
               != checksum_of(file->bytes, file->bytes + HEADER, (size_t)table))
        return fail(failure, "the file is damaged: %s: its checksum is wrong", path);
    return true;
}

static bool read_table(struct container *container, const char *content, struct failure *failure)
{
    json_error_t error;
    const size_t size = (size_t)take(container->file.bytes + TABLE_AT, 8);
    container->table = json_read((const char *)container->file.bytes + HEADER, size, &error);
    if (!json_whole(failure))
        return false;
    if (!json_is_object(container->table))
        return fail(failure, "bad JSON in a table: %s: line %d: %s", container->path, error.line,
                    error.text);
    const char *found = container_content(container);
    if (strcmp(found, "state") != 0 && strcmp(found, "result") != 0)
        return container_fail(container, "content", failure);
    return content == NULL || strcmp(found, content) == 0
           || fail(failure, "a %s is wanted and this is a %s: %s", content, found, container->path);
}

/* Every packed result says how long it is. */
static bool find_results(struct container *container, qkvsim_context *context,
                         struct failure *failure)
{
    const int64_t size = (int64_t)container->file.size;
    int64_t at = HEADER + (int64_t)take(container->file.bytes + TABLE_AT, 8), capacity = 0;
    for (;;) {
        if (container->count == capacity) {
            capacity = 2 * capacity + 16;
            void *grown =
                realloc(container->begins, ((size_t)capacity + 1) * sizeof *container->begins);
            if (grown == NULL)
                return fail_no_memory(failure);
            container->begins = grown;
        }
        container->begins[container->count] = at;
        if (at == size)
            return true;
        qkvsim_kind kind;
        int64_t packed;
        const qkvsim_status status =
            qkvsim_packed_kind(context, container->file.bytes + at, size - at, &kind, &packed);
        if (status != QKVSIM_OK)
            return fail_library(failure, context, status, container->path);
        if (packed < QKVSIM_PACKED_HEADER || packed > size - at)
            return fail(failure, "a packed result goes beyond the end: %s: byte %" PRId64,
                        container->path, at);
        at += packed;
        container->count++;
    }
}

static bool read_all(struct container *container, qkvsim_context *context, const char *content,
                     struct failure *failure)
{
    return check_header(container, failure) && read_table(container, content, failure)
           && find_results(container, context, failure);
}

bool container_open(struct container *container, qkvsim_context *context, const char *path,
                    const char *content, struct failure *failure)
{
    *container = (struct container){ .path = path };
    const bool done = mapped_file_open(&container->file, path, failure)
                      && read_all(container, context, content, failure);
    if (!done)
        container_close(container);
    return done;
}

bool container_take(struct container *container, qkvsim_context *context, void *bytes, int64_t size,
                    const char *path, const char *content, struct failure *failure)
{
    *container = (struct container){ .path = path };
    mapped_file_take(&container->file, bytes, (size_t)size);
    const bool done = read_all(container, context, content, failure);
    if (!done)
        container_close(container);
    return done;
}

bool container_holds(const char *path, const char *content)
{
    struct container container = { .path = path };
    struct failure unheard;
    const bool holds = container_is(path) && mapped_file_open(&container.file, path, &unheard)
                       && check_header(&container, &unheard)
                       && read_table(&container, content, &unheard);
    container_close(&container);
    return holds;
}

int container_version(const struct container *container)
{
    return (int)take(container->file.bytes + VERSION_AT, 4);
}

const char *container_content(const struct container *container)
{
    const char *content = json_string_value(json_object_get(container->table, "content"));
    return content != NULL ? content : "";
}

const void *container_result(const struct container *container, int64_t number, int64_t *size)
{
    *size = container->begins[number + 1] - container->begins[number];
    return container->file.bytes + container->begins[number];
}

bool container_fail(const struct container *container, const char *what, struct failure *failure)
{
    return fail(failure, "the table of a file of results is wrong: %s: %s", container->path, what);
}

void container_close(struct container *container)
{
    json_decref(container->table);
    free(container->begins);
    mapped_file_close(&container->file);
    *container = (struct container){ 0 };
}

/* ---- writing ---- */

bool container_write_table(FILE *stream, const json_t *table, int64_t size, struct failure *failure)
{
    uint8_t header[HEADER];
    char *text = NULL;
    size_t length = 0;
    FILE *memory = open_memstream(&text, &length);
    bool done = memory != NULL && json_print(memory, table, failure);
    for (long at = done ? ftell(memory) : 0; done && at % ALIGNMENT != 0; at++)
        done = fputc('\n', memory) != EOF;
    done = memory != NULL && fclose(memory) == 0 && done;
    if (done) {
        memcpy(header, magic, MAGIC);
        put(header + VERSION_AT, VERSION, 4);
        put(header + SIZE_AT, HEADER + length + (uint64_t)size, 8);
        put(header + TABLE_AT, length, 8);
        put(header + CHECKSUM_AT, checksum_of(header, (const uint8_t *)text, length), 4);
        done = fwrite(header, 1, HEADER, stream) == HEADER
               && fwrite(text, 1, length, stream) == length;
    }
    free(text);
    return done;
}
