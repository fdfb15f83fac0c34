/* Shuffles in two steps: dealing by chunks, reading by buckets. */
#include "dealer.h"

#include <string.h>

#include "parallel.h"
#include "random.h"
#include "shuffle.h"

enum {
    BUCKET_VALUES = 6144, /* on average, at most: a bucket stays in the first-level cache */
    BUCKETS_MAX = 4096,   /* of a section */
    BUCKETS_A_READ = 8,   /* what is read at a time begins and ends in the middle of one */
    CHUNK_VALUES = 32768, /* at least: a chunk stays in the second-level cache */
    CHUNK_BUCKETS = 32,   /* a chunk's values for each bucket, on average at least */
    CACHE_LINE = 64,
    LABELS_TOGETHER = 512 /* labels drawn at a time, two from a word */
};

/* ---- the plan ---- */

static void plan_section(int64_t together, qkv_section *section)
{
    int64_t most = together / BUCKETS_A_READ;
    most = most < 1 ? 1 : most < BUCKET_VALUES ? most : BUCKET_VALUES;
    section->buckets = 1;
    while (section->buckets < BUCKETS_MAX && section->count / section->buckets > most)
        section->buckets *= 2;
    section->chunk_values = section->buckets * CHUNK_BUCKETS;
    if (section->chunk_values < CHUNK_VALUES)
        section->chunk_values = CHUNK_VALUES;
    section->chunks = (section->count + section->chunk_values - 1) / section->chunk_values;
}

/* Places sections one after the other; returns how many places the chunks need in all. */
static int64_t plan_sections(const int64_t *counts, int64_t together, qkv_dealer *dealer)
{
    int64_t places = 0;
    for (int64_t s = 0; s < dealer->section_count; s++) {
        qkv_section *section = &dealer->sections[s];
        section->start = dealer->count;
        section->count = counts[s];
        section->first_bucket = dealer->bucket_count;
        section->first_chunk = dealer->chunk_count;
        plan_section(together, section);
        dealer->count += section->count;
        dealer->bucket_count += section->buckets;
        dealer->chunk_count += section->chunks;
        places += section->chunks * (section->buckets + 1);
    }
    return places;
}

static void index_sections(qkv_dealer *dealer)
{
    uint32_t *places = dealer->place_memory;
    for (int64_t s = 0; s < dealer->section_count; s++) {
        const qkv_section *section = &dealer->sections[s];
        for (int64_t b = 0; b < section->buckets; b++)
            dealer->bucket_section[section->first_bucket + b] = (int32_t)s;
        for (int64_t c = 0; c < section->chunks; c++) {
            dealer->chunk_section[section->first_chunk + c] = (int32_t)s;
            dealer->places[section->first_chunk + c] = places;
            places += section->buckets + 1;
        }
    }
}

static int64_t largest_chunk(const qkv_dealer *dealer)
{
    int64_t largest = 0;
    for (int64_t s = 0; s < dealer->section_count; s++)
        if (dealer->sections[s].chunk_values > largest)
            largest = dealer->sections[s].chunk_values;
    return largest;
}

static bool open_hands(qkvsim_context *context, qkv_dealer *dealer)
{
    const size_t labels = (size_t)largest_chunk(dealer) + LABELS_TOGETHER;
    dealer->hands =
        qkv_allocate_zeroed(&context->allocator, (size_t)context->threads, sizeof *dealer->hands);
    if (dealer->hands == NULL)
        return false;
    dealer->hand_count = context->threads;
    for (int32_t h = 0; h < dealer->hand_count; h++) {
        dealer->hands[h].bucket = -1;
        dealer->hands[h].labels = qkv_allocate(&context->allocator, labels, sizeof(uint16_t));
        if (dealer->hands[h].labels == NULL)
            return false;
    }
    return true;
}

static bool open_tables(qkvsim_context *context, int64_t places, qkv_dealer *dealer)
{
    const qkv_allocator *allocator = &context->allocator;
    const size_t buckets = (size_t)dealer->bucket_count, chunks = (size_t)dealer->chunk_count;
    dealer->bucket_section = qkv_allocate(allocator, buckets, sizeof *dealer->bucket_section);
    dealer->bucket_start = qkv_allocate(allocator, buckets + 1, sizeof *dealer->bucket_start);
    dealer->chunk_section = qkv_allocate(allocator, chunks, sizeof *dealer->chunk_section);
    dealer->places = qkv_allocate(allocator, chunks, sizeof *dealer->places);
    dealer->place_memory = qkv_allocate(allocator, (size_t)places, sizeof *dealer->place_memory);
    dealer->dealt = qkv_allocate(allocator, (size_t)dealer->count, dealer->size);
    return dealer->bucket_section != NULL && dealer->bucket_start != NULL
           && dealer->chunk_section != NULL && dealer->places != NULL
           && dealer->place_memory != NULL && dealer->dealt != NULL;
}

qkvsim_status qkv_dealer_open(qkvsim_context *context, const int64_t *section_counts,
                              int64_t sections, int64_t together, size_t size, qkv_dealer *dealer)
{
    *dealer = (qkv_dealer){ .kernels = context->kernels, .size = size, .section_count = sections };
    dealer->sections =
        qkv_allocate(&context->allocator, (size_t)sections, sizeof *dealer->sections);
    if (dealer->sections != NULL) {
        const int64_t places = plan_sections(section_counts, together, dealer);
        if (open_tables(context, places, dealer) && open_hands(context, dealer)) {
            index_sections(dealer);
            return QKVSIM_OK;
        }
    }
    qkv_dealer_close(context, dealer);
    return qkv_no_memory(context, "the shuffled values");
}

void qkv_dealer_close(const qkvsim_context *context, qkv_dealer *dealer)
{
    const qkv_allocator *allocator = &context->allocator;
    for (int32_t h = 0; h < dealer->hand_count; h++) {
        qkv_release(allocator, dealer->hands[h].values);
        qkv_release(allocator, dealer->hands[h].labels);
    }
    qkv_release(allocator, dealer->hands);
    qkv_release(allocator, dealer->sections);
    qkv_release(allocator, dealer->bucket_section);
    qkv_release(allocator, dealer->bucket_start);
    qkv_release(allocator, dealer->chunk_section);
    qkv_release(allocator, dealer->places);
    qkv_release(allocator, dealer->place_memory);
    qkv_release(allocator, dealer->dealt);
    *dealer = (qkv_dealer){ 0 };
}

/* ---- dealing ---- */

typedef struct deal {
    qkv_dealer *dealer;
    const void *values;
    atomic_llong next;
} deal;

/* Labels k .. k + LABELS_TOGETHER - 1 of a chunk, each below a number of buckets that is a power of
 * two. */
static void draw_labels(const qkv_dealer *dealer, const qkv_stream *stream, int64_t k,
                        int64_t buckets, uint16_t *labels)
{
    enum { WORDS = LABELS_TOGETHER / 2, GROUPS = WORDS / QKV_GROUP_WORDS };
    const uint32_t mask = (uint32_t)buckets - 1;
    uint32_t words[WORDS];
    dealer->kernels->random_words(stream, (uint32_t)(k / LABELS_TOGETHER * GROUPS), GROUPS, words);
    for (int64_t w = 0; w < WORDS; w++) {
        labels[k + 2 * w] = (uint16_t)(words[w] & mask);
        labels[k + 2 * w + 1] = (uint16_t)(words[w] >> 16 & mask);
    }
}

/* Memory that will be written in no order, of which no processor could guess the next line. */
static void ask_for(const char *memory, size_t bytes)
{
    for (size_t line = 0; line < bytes; line += CACHE_LINE)
        __builtin_prefetch(memory + line, 1, 2);
}

/* next[b] becomes the place of bucket b's first value. */
static void place_labels(const uint16_t *labels, int64_t count, int64_t buckets, uint32_t *next)
{
    uint32_t place = 0;
    memset(next, 0, (size_t)buckets * sizeof *next);
    for (int64_t k = 0; k < count; k++)
        next[labels[k]]++;
    for (int64_t b = 0; b < buckets; b++) {
        const uint32_t values = next[b];
        next[b] = place;
        place += values;
    }
}

static void sort_32(const uint32_t *from, const uint16_t *labels, int64_t count, uint32_t *next,
                    uint32_t *to)
{
    for (int64_t k = 0; k < count; k++)
        to[next[labels[k]]++] = from[k];
}

static void sort_64(const uint64_t *from, const uint16_t *labels, int64_t count, uint32_t *next,
                    uint64_t *to)
{
    for (int64_t k = 0; k < count; k++)
        to[next[labels[k]]++] = from[k];
}

/* places[b + 1] counts as bucket b's next place, and so ends as where b + 1 begins. */
static void deal_chunk(const deal *work, uint16_t *labels, int64_t chunk)
{
    qkv_dealer *dealer = work->dealer;
    const qkv_section *section = &dealer->sections[dealer->chunk_section[chunk]];
    const int64_t offset = (chunk - section->first_chunk) * section->chunk_values;
    const int64_t rest = section->count - offset;
    const int64_t count = rest < section->chunk_values ? rest : section->chunk_values;
    const size_t start = (size_t)(section->start + offset) * dealer->size;
    const void *from = (const char *)work->values + start;
    char *to = (char *)dealer->dealt + start;
    const qkv_stream stream =
        qkv_stream_of(dealer->seed, dealer->index, QKV_RANDOM_BUCKETS, (uint32_t)chunk);
    uint32_t *places = dealer->places[chunk];
    for (int64_t k = 0; k < count; k += LABELS_TOGETHER) {
        draw_labels(dealer, &stream, k, section->buckets, labels);
        ask_for(to + (size_t)k * dealer->size, LABELS_TOGETHER * dealer->size);
    }
    places[0] = 0;
    place_labels(labels, count, section->buckets, places + 1);
    if (dealer->size == sizeof(uint32_t))
        sort_32(from, labels, count, places + 1, (uint32_t *)(void *)to);
    else
        sort_64(from, labels, count, places + 1, (uint64_t *)(void *)to);
}

static void deal_worker(void *state, int32_t worker)
{
    deal *work = state;
    for (int64_t c; (c = qkv_next_task(&work->next, work->dealer->chunk_count)) >= 0;)
        deal_chunk(work, work->dealer->hands[worker].labels, c);
}

/* ---- between the steps ---- */

/* Adds the chunks' shares of each bucket; returns the largest bucket's number of values. */
static int64_t start_buckets(qkv_dealer *dealer)
{
    int64_t *sizes = dealer->bucket_start, start = 0, largest = 0;
    memset(sizes, 0, (size_t)dealer->bucket_count * sizeof *sizes);
    for (int64_t c = 0; c < dealer->chunk_count; c++) {
        const qkv_section *section = &dealer->sections[dealer->chunk_section[c]];
        const uint32_t *places = dealer->places[c];
        for (int64_t b = 0; b < section->buckets; b++)
            sizes[section->first_bucket + b] += places[b + 1] - places[b];
    }
    for (int64_t b = 0; b < dealer->bucket_count; b++) {
        const int64_t size = sizes[b];
        largest = size > largest ? size : largest;
        dealer->bucket_start[b] = start;
        start += size;
    }
    dealer->bucket_start[dealer->bucket_count] = start;
    return largest;
}

/* Makes room for the largest bucket in every hand: seldom more than once, as buckets are about
 * equal. */
static qkvsim_status clear_hands(qkvsim_context *context, qkv_dealer *dealer, int64_t largest)
{
    const int64_t room = largest + largest / 8;
    for (int32_t h = 0; h < dealer->hand_count; h++)
        dealer->hands[h].bucket = -1;
    if (largest <= dealer->hand_values)
        return QKVSIM_OK;
    dealer->hand_values = 0;
    for (int32_t h = 0; h < dealer->hand_count; h++) {
        qkv_release(&context->allocator, dealer->hands[h].values);
        dealer->hands[h].values = qkv_allocate(&context->allocator, (size_t)room, dealer->size);
        if (dealer->hands[h].values == NULL)
            return qkv_no_memory(context, "the shuffled values");
    }
    dealer->hand_values = room;
    return QKVSIM_OK;
}

qkvsim_status qkv_dealer_deal(qkvsim_context *context, qkv_dealer *dealer, const void *values,
                              uint64_t seed, uint32_t index)
{
    deal work = { .dealer = dealer, .values = values };
    dealer->seed = seed;
    dealer->index = index;
    qkv_parallel(qkv_worker_count(context, dealer->chunk_count, 4.0 * (double)dealer->count),
                 deal_worker, &work);
    return clear_hands(context, dealer, start_buckets(dealer));
}

/* ---- reading ---- */

static void collect_bucket(const qkv_dealer *dealer, int64_t bucket, void *values)
{
    const qkv_section *section = &dealer->sections[dealer->bucket_section[bucket]];
    const int64_t b = bucket - section->first_bucket;
    char *to = values;
    for (int64_t c = 0; c < section->chunks; c++) {
        const uint32_t *places = dealer->places[section->first_chunk + c];
        const size_t start = (size_t)(section->start + c * section->chunk_values) + places[b];
        const size_t bytes = (places[b + 1] - places[b]) * dealer->size;
        memcpy(to, (const char *)dealer->dealt + start * dealer->size, bytes);
        to += bytes;
    }
}

static void take_bucket(const qkv_dealer *dealer, int64_t bucket, qkv_hand *hand)
{
    const qkv_stream stream =
        qkv_stream_of(dealer->seed, dealer->index, QKV_RANDOM_WITHIN_BUCKET, (uint32_t)bucket);
    collect_bucket(dealer, bucket, hand->values);
    qkv_shuffle(dealer->kernels, &stream, hand->values,
                dealer->bucket_start[bucket + 1] - dealer->bucket_start[bucket], dealer->size);
    hand->bucket = bucket;
}

/* The bucket that holds a value of the shuffled sections. */
static int64_t find_bucket(const qkv_dealer *dealer, int64_t value)
{
    int64_t first = 0, end = dealer->bucket_count;
    while (end - first > 1) {
        const int64_t middle = first + (end - first) / 2;
        if (dealer->bucket_start[middle] <= value)
            first = middle;
        else
            end = middle;
    }
    return first;
}

void qkv_dealer_read(const qkv_dealer *dealer, int32_t reader, int64_t start, int64_t count,
                     void *values)
{
    qkv_hand *hand = &dealer->hands[reader];
    char *to = values;
    while (count > 0) {
        const int64_t bucket = find_bucket(dealer, start);
        if (hand->bucket != bucket)
            take_bucket(dealer, bucket, hand);
        const int64_t rest = dealer->bucket_start[bucket + 1] - start;
        const int64_t taken = rest < count ? rest : count;
        const size_t offset = (size_t)(start - dealer->bucket_start[bucket]);
        memcpy(to, (const char *)hand->values + offset * dealer->size,
               (size_t)taken * dealer->size);
        to += (size_t)taken * dealer->size;
        start += taken;
        count -= taken;
    }
}
