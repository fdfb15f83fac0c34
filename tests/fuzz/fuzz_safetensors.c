/* Any bytes as a .safetensors file: it is refused, or all tensors lie inside the bytes. */
#include "failure.h"
#include "safetensors.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct failure failure = { 0 };
    struct safetensors table = { 0 };
    if (safetensors_parse(bytes, size, "fuzzed", &table, &failure))
        for (int64_t k = 0; k < table.count; k++) {
            const struct safetensors_tensor *tensor = &table.tensors[k];
            fuzz_read(table.data + tensor->begin, (size_t)(tensor->end - tensor->begin));
        }
    safetensors_free(&table);
    return 0;
}
