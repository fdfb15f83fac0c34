/* Any bytes as an .npy file: it is refused, or all elements that it claims lie inside the bytes. */
#include "failure.h"
#include "npy.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct failure failure = { 0 };
    struct npy_array array;
    if (npy_parse(bytes, size, "fuzzed", &array, &failure))
        fuzz_read(array.data, (size_t)array.elements * (size_t)array.itemsize);
    return 0;
}
