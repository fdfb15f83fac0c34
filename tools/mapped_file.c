/*
 * A file's bytes in memory, read in place.
 */
#include "mapped_file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "output.h"
#include "text.h"

/* Mappings in use, for the handler. They are made and undone while no other thread reads them. */
struct mapping {
    void *bytes;
    size_t size;
    struct mapping *next;
    char message[]; /* for one who may call nothing that formats */
};

static struct mapping *mappings;

/* A page of a mapped file that is no longer in the file: nothing can be read, and no call
 * returns. */
static void say_cut_short(int number, siginfo_t *information, void *context)
{
    (void)context;
    uintptr_t address = (uintptr_t)information->si_addr;
    for (const struct mapping *mapping = mappings; mapping != NULL; mapping = mapping->next) {
        uintptr_t begin = (uintptr_t)mapping->bytes;
        if (address < begin || address - begin >= mapping->size)
            continue;
        output_discard();
        ssize_t written = write(STDERR_FILENO, mapping->message, strlen(mapping->message));
        (void)written; /* there is no one left to tell */
        _exit(EXIT_FAILED);
    }
    signal(number, SIG_DFL); /* the fault comes again, and ends the program as it would have */
}

static void catch_cut_short(void)
{
    struct sigaction action = { .sa_sigaction = say_cut_short, .sa_flags = SA_SIGINFO };
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, NULL);
}

/* Takes over a mapping of memory. */
static bool remember(struct mapped_file *file, void *bytes, size_t size, const char *path,
                     struct failure *failure)
{
    static const char fresh_line[] = "\r\033[K",
                      says[] = "qkvsim: the file was cut short while it was read: ";
    const size_t length = strlen(path);
    struct mapping *mapping =
        malloc(sizeof *mapping + sizeof fresh_line + sizeof says + length + 1);
    if (mapping == NULL) {
        munmap(bytes, size);
        return fail_no_memory(failure);
    }
    *mapping = (struct mapping){ .bytes = bytes, .size = size, .next = mappings };
    char *end = stpcpy(mapping->message, isatty(STDERR_FILENO) ? fresh_line : "");
    end = stpcpy(end, says);
    text_make_safe(path, end, length + 1);
    strcat(end, "\n");
    if (mappings == NULL)
        catch_cut_short();
    mappings = mapping;
    file->mapping = mapping;
    return true;
}

static void forget(struct mapping *mapping)
{
    struct mapping **place = &mappings;
    while (*place != mapping)
        place = &(*place)->next;
    *place = mapping->next;
    munmap(mapping->bytes, mapping->size);
    free(mapping);
}

static bool read_pipe(struct mapped_file *file, int descriptor, const char *path,
                      struct failure *failure)
{
    size_t capacity = 0;
    for (;;) {
        if (file->size == capacity) {
            capacity = capacity == 0 ? 65536 : capacity * 2;
            void *grown = realloc(file->copy, capacity);
            if (grown == NULL)
                return fail_no_memory(failure);
            file->copy = grown;
            file->bytes = grown;
        }
        ssize_t count = read(descriptor, (char *)file->copy + file->size, capacity - file->size);
        if (count < 0)
            return fail(failure, "cannot read: %s: %s", path, strerror(errno));
        if (count == 0)
            return true;
        file->size += (size_t)count;
    }
}

/* The first page alone is asked for, which is where files say what they hold: whoever touched it
 * would have megabytes around it read, also of a file of which little is wanted. */
static void expect_beginning(void *mapping, size_t size)
{
    enum { BEGINNING = 4096 };
    (void)posix_madvise(mapping, size < BEGINNING ? size : BEGINNING, POSIX_MADV_WILLNEED);
}

static bool map_regular(struct mapped_file *file, int descriptor, off_t size, const char *path,
                        struct failure *failure)
{
    if (size == 0)
        return true;
    if ((uintmax_t)size > SIZE_MAX)
        return fail(failure, "file does not fit the address space: %s, %jd bytes", path,
                    (intmax_t)size);
    void *mapping = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (mapping == MAP_FAILED)
        return fail(failure, "cannot map: %s: %s", path, strerror(errno));
    if (!remember(file, mapping, (size_t)size, path, failure))
        return false;
    expect_beginning(mapping, (size_t)size);
    file->bytes = mapping;
    file->size = (size_t)size;
    return true;
}

bool mapped_file_open(struct mapped_file *file, const char *path, struct failure *failure)
{
    *file = (struct mapped_file){ 0 };
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return fail(failure, "cannot open: %s: %s%s", path, strerror(errno),
                    strcmp(path, "-") == 0 ? " (standard input is /dev/stdin)" : "");
    struct stat status;
    bool done;
    if (fstat(descriptor, &status) != 0)
        done = fail(failure, "cannot read: %s: %s", path, strerror(errno));
    else if (S_ISREG(status.st_mode))
        done = map_regular(file, descriptor, status.st_size, path, failure);
    else if (S_ISFIFO(status.st_mode))
        done = read_pipe(file, descriptor, path, failure);
    else if (S_ISDIR(status.st_mode))
        done = fail(failure, "a folder and not a file: %s (of shards, accumulate takes it)", path);
    else
        done = fail(failure, "neither a file nor a pipe: %s", path);
    close(descriptor);
    if (!done)
        mapped_file_close(file);
    return done;
}

/* What is opened otherwise may wait for it. */
void mapped_file_expect(const char *path)
{
    enum { MOST = 1 << 29 };
    struct stat status;
    if (stat(path, &status) != 0 || !S_ISREG(status.st_mode))
        return;
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return;
    (void)posix_fadvise(descriptor, 0, MOST, POSIX_FADV_WILLNEED);
    close(descriptor);
}

void mapped_file_take(struct mapped_file *file, void *bytes, size_t size)
{
    *file = (struct mapped_file){ .bytes = bytes, .size = size, .copy = bytes };
}

void mapped_file_close(struct mapped_file *file)
{
    if (file->mapping != NULL)
        forget(file->mapping);
    free(file->copy);
    *file = (struct mapped_file){ 0 };
}
