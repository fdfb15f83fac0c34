/* Any bytes as a file of whole numbers, as a text and as an .npy: refused, or numbers one by
 * one. */
#include "integers.h"

#include "fuzz.h"

static bool take(void *user, int64_t value, const struct integer_place *place,
                 struct failure *failure)
{
    uint64_t *sum = user;
    (void)failure;
    *sum += (uint64_t)value ^ (uint64_t)place->number;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const struct mapped_file file = { .bytes = bytes, .size = size };
    struct failure failure = { 0 };
    uint64_t sum = 0;
    integers_of(&file, "fuzzed.txt", "targets", 3, take, &sum, &failure);
    integers_of(&file, "fuzzed.npy", "targets", 3, take, &sum, &failure);
    return 0;
}
