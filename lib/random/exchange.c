/* Arrangements of units: drawn at random, or counted one by one where they are few. */
#include "exchange.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int64_t length_of(const qkv_exchange *exchange, uint32_t unit)
{
    return exchange->units.start[unit + 1] - exchange->units.start[unit];
}

/* ---- counts ---- */

/* With one member after another, the multinomial coefficient of those so far: whole numbers all
 * along, and exact while they are below 2^53. */
static double count_class(const qkv_exchange *exchange, int64_t class)
{
    double count = 1;
    const int64_t first = exchange->class_start[class], end = exchange->class_start[class + 1];
    for (int64_t k = first; k < end && count < INFINITY; k++)
        count = count * (double)(k - first + 1) / exchange->ordinals[exchange->members[k]];
    return count;
}

static void count_all(qkv_exchange *exchange)
{
    exchange->count = 1;
    for (int64_t c = 0; c < exchange->classes; c++) {
        exchange->class_counts[c] = count_class(exchange, c);
        exchange->count *= exchange->class_counts[c];
    }
}

uint64_t qkv_take_digit(uint64_t *number, double base)
{
    const uint64_t whole = *number;
    if (base > (double)UINT64_MAX / 2 || (uint64_t)base > whole) {
        *number = 0;
        return whole;
    }
    *number = whole / (uint64_t)base;
    return whole % (uint64_t)base;
}

/* ---- units and classes ---- */

typedef struct measured {
    int64_t length;
    uint32_t unit;
} measured;

static int compare_measured(const void *a, const void *b)
{
    const measured *x = a, *y = b;
    if (x->length != y->length)
        return x->length < y->length ? -1 : 1;
    return (x->unit > y->unit) - (x->unit < y->unit);
}

static qkvsim_status classify(qkvsim_context *context, qkv_exchange *exchange)
{
    const int64_t count = exchange->units.count;
    measured *sorted = qkv_allocate(&context->allocator, (size_t)count, sizeof *sorted);
    if (sorted == NULL)
        return qkv_no_memory(context, "the segments that may change places");
    for (int64_t u = 0; u < count; u++)
        sorted[u] = (measured){ length_of(exchange, (uint32_t)u), (uint32_t)u };
    qsort(sorted, (size_t)count, sizeof *sorted, compare_measured);
    for (int64_t k = 0; k < count; k++) {
        exchange->members[k] = sorted[k].unit;
        exchange->kinds[k] = (uint32_t)k;
        exchange->ordinals[k] = 1;
        if (k == 0 || sorted[k].length != sorted[k - 1].length)
            exchange->class_start[exchange->classes++] = k;
    }
    exchange->class_start[exchange->classes] = count;
    qkv_release(&context->allocator, sorted);
    count_all(exchange);
    return QKVSIM_OK;
}

/* Every observation a segment. */
static qkvsim_status open_observations(qkvsim_context *context, int64_t n, qkv_segments *units)
{
    units->start = qkv_allocate(&context->allocator, (size_t)n + 1, sizeof *units->start);
    if (units->start == NULL)
        return qkv_no_memory(context, "the observations that may change places");
    units->count = n;
    for (int64_t k = 0; k <= n; k++)
        units->start[k] = k;
    return QKVSIM_OK;
}

static qkvsim_status open_classes(qkvsim_context *context, qkv_exchange *made)
{
    const qkv_allocator *allocator = &context->allocator;
    const size_t count = (size_t)made->units.count;
    made->members = qkv_allocate(allocator, count, sizeof *made->members);
    made->kinds = qkv_allocate(allocator, count, sizeof *made->kinds);
    made->ordinals = qkv_allocate(allocator, count, sizeof *made->ordinals);
    made->class_start = qkv_allocate(allocator, count + 1, sizeof *made->class_start);
    made->class_counts = qkv_allocate(allocator, count, sizeof *made->class_counts);
    if (made->members == NULL || made->kinds == NULL || made->ordinals == NULL
        || made->class_start == NULL || made->class_counts == NULL)
        return qkv_no_memory(context, "the segments that may change places");
    return classify(context, made);
}

qkvsim_status qkv_exchange_open(qkvsim_context *context, const int32_t *labels,
                                const qkv_input *input, int32_t exchange, qkv_exchange *made)
{
    *made = (qkv_exchange){ 0 };
    if (exchange == QKVSIM_EXCHANGE_SEGMENTS && labels == NULL)
        return qkv_invalid(context,
                           "exchange is QKVSIM_EXCHANGE_SEGMENTS (2) but segments is NULL");
    qkvsim_status status = exchange == QKVSIM_EXCHANGE_SEGMENTS
                               ? qkv_segments_open(context, labels, input, &made->units)
                               : open_observations(context, input->observations, &made->units);
    if (status == QKVSIM_OK)
        status = open_classes(context, made);
    if (status != QKVSIM_OK)
        qkv_exchange_close(context, made);
    return status;
}

void qkv_exchange_close(const qkvsim_context *context, qkv_exchange *exchange)
{
    const qkv_allocator *allocator = &context->allocator;
    qkv_segments_close(context, &exchange->units);
    qkv_release(allocator, exchange->class_start);
    qkv_release(allocator, exchange->members);
    qkv_release(allocator, exchange->kinds);
    qkv_release(allocator, exchange->ordinals);
    qkv_release(allocator, exchange->class_counts);
    *exchange = (qkv_exchange){ 0 };
}

qkvsim_status qkv_exchange_check(qkvsim_context *context, const qkv_exchange *exchange,
                                 const char *what)
{
    const int64_t segments = exchange->units.count;
    const qkv_segments *units = &exchange->units;
    if (exchange->count > 1)
        return QKVSIM_OK;
    return qkv_invalid(context,
                       "%lld segment%s of %lld observations, no two of which have the same length "
                       "and differ: that leaves 1 %s, the input itself",
                       (long long)segments, segments == 1 ? "" : "s",
                       (long long)units->start[segments], what);
}

/* ---- units with labels ---- */

/* Whether every unit has one label throughout. */
static bool units_are_uniform(const qkv_segments *units, const uint8_t *labels)
{
    for (int64_t u = 0; u < units->count; u++)
        for (int64_t k = units->start[u] + 1; k < units->start[u + 1]; k++)
            if (labels[k] != labels[k - 1])
                return false;
    return true;
}

static void merge_classes(qkv_exchange *exchange)
{
    exchange->classes = 1;
    exchange->class_start[1] = exchange->units.count;
    for (int64_t u = 0; u < exchange->units.count; u++)
        exchange->members[u] = (uint32_t)u;
}

/* The first member that looks like the k-th; `length` labels of each are enough to tell. */
static uint32_t find_kind(const qkv_exchange *exchange, const uint8_t *labels, int64_t first,
                          int64_t k, size_t length)
{
    const uint32_t unit = exchange->members[k];
    const uint8_t *own = labels + exchange->units.start[unit];
    for (int64_t other = first; other < k; other++) {
        const uint32_t kind = exchange->members[other];
        if (exchange->kinds[kind] == kind
            && memcmp(labels + exchange->units.start[kind], own, length) == 0)
            return kind;
    }
    return unit;
}

/* The same of units of one label each, of which there may be as many as observations. */
static uint32_t find_label(const qkv_exchange *exchange, const uint8_t *labels, uint32_t unit,
                           int64_t first_of[UINT8_MAX + 1])
{
    int64_t *first = &first_of[labels[exchange->units.start[unit]]];
    if (*first < 0)
        *first = unit;
    return (uint32_t)*first;
}

/* Puts down the k-th member's kind; the first of a kind counts them meanwhile. */
static void set_kind(qkv_exchange *exchange, int64_t k, uint32_t kind)
{
    const uint32_t unit = exchange->members[k];
    exchange->kinds[unit] = kind;
    exchange->ordinals[unit] = unit == kind ? 1 : ++exchange->ordinals[kind];
}

void qkv_exchange_by_labels(qkv_exchange *exchange, const uint8_t *labels)
{
    int64_t first_of[UINT8_MAX + 1];
    const bool uniform = units_are_uniform(&exchange->units, labels);
    for (int label = 0; label <= UINT8_MAX; label++)
        first_of[label] = -1;
    if (uniform)
        merge_classes(exchange);
    for (int64_t c = 0; c < exchange->classes; c++) {
        const int64_t first = exchange->class_start[c];
        for (int64_t k = first; k < exchange->class_start[c + 1]; k++) {
            const uint32_t unit = exchange->members[k];
            const size_t length = (size_t)length_of(exchange, unit);
            set_kind(exchange, k,
                     uniform ? find_label(exchange, labels, unit, first_of)
                             : find_kind(exchange, labels, first, k, length));
        }
    }
    for (int64_t u = 0; u < exchange->units.count; u++)
        if (exchange->kinds[u] == u)
            exchange->ordinals[u] = 1;
    count_all(exchange);
}

/* ---- arrangements ---- */

/* Fisher and Yates. */
void qkv_exchange_draw(const qkv_exchange *exchange, qkv_random stream, uint32_t *from)
{
    for (int64_t c = 0; c < exchange->classes; c++) {
        const int64_t first = exchange->class_start[c];
        const uint32_t *members = exchange->members + first;
        const int64_t count = exchange->class_start[c + 1] - first;
        for (int64_t k = 0; k < count; k++)
            from[members[k]] = members[k];
        for (int64_t last = count - 1; last > 0; last--) {
            const uint32_t other = qkv_random_below(&stream, (uint32_t)last + 1);
            const uint32_t unit = from[members[last]];
            from[members[last]] = from[members[other]];
            from[members[other]] = unit;
        }
    }
}

/*
 * The kind for a place, where `left` says how many of each kind are left and *arrangements in how
 * many ways they can be. The numbers begin with those that keep the place's own kind: so 0 keeps
 * all.
 */
static uint32_t choose_kind(const qkv_exchange *exchange, int64_t first, int64_t k, int64_t end,
                            const uint32_t *left, uint64_t *number, uint64_t *arrangements)
{
    const uint32_t own = exchange->kinds[exchange->members[k]];
    const uint64_t total = (uint64_t)(end - k), all = *arrangements;
    uint32_t kind = own;
    *arrangements = all * left[own] / total;
    for (int64_t other = first; *number >= *arrangements && other < end; other++) {
        const uint32_t candidate = exchange->members[other];
        if (exchange->kinds[candidate] != candidate || candidate == own || left[candidate] == 0)
            continue;
        *number -= *arrangements;
        *arrangements = all * left[candidate] / total;
        kind = candidate;
    }
    return kind;
}

void qkv_exchange_numbered(const qkv_exchange *exchange, uint64_t number, uint32_t *left,
                           uint32_t *from)
{
    memset(left, 0, (size_t)exchange->units.count * sizeof *left);
    for (int64_t u = 0; u < exchange->units.count; u++)
        left[exchange->kinds[u]]++;
    for (int64_t c = 0; c < exchange->classes; c++) {
        uint64_t digit = qkv_take_digit(&number, exchange->class_counts[c]);
        uint64_t arrangements = (uint64_t)exchange->class_counts[c];
        const int64_t first = exchange->class_start[c], end = exchange->class_start[c + 1];
        for (int64_t k = first; k < end; k++) {
            const uint32_t kind = choose_kind(exchange, first, k, end, left, &digit, &arrangements);
            left[kind]--;
            from[exchange->members[k]] = kind;
        }
    }
}
