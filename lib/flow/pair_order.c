/* Selecting and sorting pairs in place: the C library's qsort may take memory of its own. Both
 * split as quicksort does and fall back on a heap where that goes badly, as introsort does (Musser
 * 1997). */
#include "pair_order.h"

enum { SHORT_RANGE = 24 }; /* sorted by insertion */

static void swap(qkvsim_pair *a, qkvsim_pair *b)
{
    const qkvsim_pair kept = *a;
    *a = *b;
    *b = kept;
}

/* ---- heaps, the last of the order at the root ---- */

/* Puts a pair into the place `at`, or below it. */
static void sift_down(int32_t sign, qkvsim_pair *pairs, int64_t count, int64_t at, qkvsim_pair pair)
{
    for (int64_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && qkv_pair_precedes(sign, &pairs[child], &pairs[child + 1]))
            child++;
        if (!qkv_pair_precedes(sign, &pair, &pairs[child]))
            break;
        pairs[at] = pairs[child];
    }
    pairs[at] = pair;
}

static void heap_sort(int32_t sign, qkvsim_pair *pairs, int64_t count)
{
    for (int64_t at = count / 2 - 1; at >= 0; at--)
        sift_down(sign, pairs, count, at, pairs[at]);
    for (int64_t last = count - 1; last > 0; last--) {
        const qkvsim_pair pair = pairs[last];
        pairs[last] = pairs[0];
        sift_down(sign, pairs, last, 0, pair);
    }
}

/* ---- splitting ---- */

/* Puts the median of first, middle and last into the middle, and the others on their sides of
 * it. */
static void order_three(int32_t sign, qkvsim_pair *first, qkvsim_pair *middle, qkvsim_pair *last)
{
    if (qkv_pair_precedes(sign, middle, first))
        swap(first, middle);
    if (qkv_pair_precedes(sign, last, middle))
        swap(middle, last);
    if (qkv_pair_precedes(sign, middle, first))
        swap(first, middle);
}

/* Splits at least three pairs: those before the returned place precede all from it on. */
static int64_t partition(int32_t sign, qkvsim_pair *pairs, int64_t count)
{
    order_three(sign, &pairs[0], &pairs[count / 2], &pairs[count - 1]);
    const qkvsim_pair pivot = pairs[count / 2];
    int64_t left = 0, right = count - 1;
    for (;;) {
        while (qkv_pair_precedes(sign, &pairs[left], &pivot))
            left++;
        while (qkv_pair_precedes(sign, &pivot, &pairs[right]))
            right--;
        if (left >= right)
            return left;
        swap(&pairs[left++], &pairs[right--]);
    }
}

/* Splits that a range may take before it is left to a heap. */
static int splits_allowed(int64_t count)
{
    int splits = 0;
    for (int64_t rest = count; rest > 0; rest /= 2)
        splits += 2;
    return splits;
}

/* ---- sorting ---- */

static void insertion_sort(int32_t sign, qkvsim_pair *pairs, int64_t count)
{
    for (int64_t k = 1; k < count; k++) {
        const qkvsim_pair pair = pairs[k];
        int64_t at = k;
        for (; at > 0 && qkv_pair_precedes(sign, &pair, &pairs[at - 1]); at--)
            pairs[at] = pairs[at - 1];
        pairs[at] = pair;
    }
}

static void sort_range(int32_t sign, qkvsim_pair *pairs, int64_t count, int depth)
{
    for (; count > SHORT_RANGE && depth > 0; depth--) {
        const int64_t middle = partition(sign, pairs, count);
        sort_range(sign, pairs + middle, count - middle, depth - 1);
        count = middle;
    }
    if (count > SHORT_RANGE)
        heap_sort(sign, pairs, count);
    else
        insertion_sort(sign, pairs, count);
}

void qkv_pairs_sort(int32_t sign, qkvsim_pair *pairs, int64_t count)
{
    sort_range(sign, pairs, count, splits_allowed(count));
}

/* ---- selecting ---- */

void qkv_pairs_select(int32_t sign, qkvsim_pair *pairs, int64_t count, int64_t kept)
{
    int splits = splits_allowed(count);
    for (; count > SHORT_RANGE && kept > 0 && kept < count && splits > 0; splits--) {
        const int64_t middle = partition(sign, pairs, count);
        if (kept <= middle) {
            count = middle;
        } else {
            pairs += middle;
            count -= middle;
            kept -= middle;
        }
    }
    if (kept > 0 && kept < count)
        heap_sort(sign, pairs, count);
}

qkvsim_pair qkv_pairs_weakest(int32_t sign, const qkvsim_pair *pairs, int64_t count)
{
    qkvsim_pair weakest = pairs[0];
    for (int64_t k = 1; k < count; k++)
        if (qkv_pair_precedes(sign, &weakest, &pairs[k]))
            weakest = pairs[k];
    return weakest;
}
