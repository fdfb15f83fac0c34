/*
 * --segments: a number for each observation.
 */
#include "segments.h"

#include <inttypes.h>
#include <stdlib.h>

#include "integers.h"

struct segments {
    int32_t *numbers;
    int64_t count;
    int64_t observations;
};

static bool add(void *user, int64_t value, const struct integer_place *place,
                struct failure *failure)
{
    struct segments *segments = user;
    if (value < INT32_MIN || value > INT32_MAX)
        return fail(failure, "segment is no 32-bit number: %s: %s %" PRId64 ": %" PRId64,
                    place->path, place->unit, place->number, value);
    if (segments->count < segments->observations)
        segments->numbers[segments->count] = (int32_t)value;
    segments->count++;
    return true;
}

bool segments_read(int32_t **segments, const char *path, int64_t observations,
                   struct failure *failure)
{
    struct segments read = { .observations = observations };
    read.numbers = calloc((size_t)observations, sizeof *read.numbers);
    if (read.numbers == NULL)
        return fail_no_memory(failure);
    bool done = integers_for_each(path, "segments", observations, add, &read, failure);
    if (done && read.count != observations)
        done = fail(failure,
                    "segments are one number for each observation: %s: %" PRId64 ", not %" PRId64,
                    path, read.count, observations);
    if (done)
        *segments = read.numbers;
    else
        free(read.numbers);
    return done;
}
