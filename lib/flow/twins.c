/* Room for the twins among columns. */
#include "twins.h"

bool qkv_twins_open(const qkv_allocator *allocator, int64_t placed, qkv_twins *twins)
{
    const size_t count = (size_t)placed;
    *twins = (qkv_twins){ .table_size = 2 };
    while (twins->table_size < 2 * placed)
        twins->table_size *= 2;
    /* One block, largest elements first: of few columns, allocations are what twins cost. */
    const size_t numbers = 3 * count + 1 + (size_t)twins->table_size;
    twins->hash = qkv_allocate(allocator, 1,
                               count * sizeof *twins->hash + numbers * sizeof *twins->table
                                   + count * sizeof *twins->turned);
    if (twins->hash == NULL)
        return false;
    twins->class_of = (int32_t *)(void *)(twins->hash + count);
    twins->first = twins->class_of + count;
    twins->members = twins->first + count + 1;
    twins->table = twins->members + count;
    twins->turned = (int8_t *)(twins->table + twins->table_size);
    return true;
}

void qkv_twins_close(const qkv_allocator *allocator, qkv_twins *twins)
{
    qkv_release(allocator, twins->hash);
    *twins = (qkv_twins){ 0 };
}
