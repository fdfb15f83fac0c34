/* Whoever computes an interval first writes it down; who comes while that is done has its own,
 * which is the same to the bit. */
#include "interval_once.h"

enum { NEVER_ASKED = 0, BEING_WRITTEN = 1, WRITTEN = 2 };

qkv_interval_once *qkv_intervals_once_open(const qkv_allocator *allocator, int64_t count)
{
    qkv_interval_once *all = qkv_allocate(allocator, (size_t)count, sizeof *all);
    for (int64_t k = 0; k < count && all != NULL; k++)
        atomic_init(&all[k].state, NEVER_ASKED);
    return all;
}

bool qkv_interval_recall(qkv_interval_once *once, qkv_interval *made)
{
    if (once == NULL || atomic_load_explicit(&once->state, memory_order_acquire) != WRITTEN)
        return false;
    *made = once->made;
    return true;
}

void qkv_interval_keep(qkv_interval_once *once, const qkv_interval *made)
{
    int expected = NEVER_ASKED;
    if (once == NULL || !atomic_compare_exchange_strong(&once->state, &expected, BEING_WRITTEN))
        return;
    once->made = *made;
    atomic_store_explicit(&once->state, WRITTEN, memory_order_release);
}
