/* Shuffles in two steps: dealing by chunks, reading by buckets. */
#include "dealer.h"

#include <string.h>

#include "base/parallel.h"
#include "random.h"
#include "shuffle.h"

enum {
    FEW_BUCKETS = 256,           /* a section has as many unless they become too small */
    SMALL_BUCKET = 1024,         /* values of a bucket, on average at most, while there are few */
    LARGE_BUCKET = 6144,         /* and beyond: it stays in the first-level cache */
    BUCKETS_MAX = 1024,          /* of a section */
    BUCKETS_A_READ = 8,          /* what is read at a time begins and ends in the middle of one */
    PILE_SHARE = 256,            /* values of a chunk in each pile, on average at most */
    PILE_ROOM = 2 * PILE_SHARE,  /* more than that a pile may as good as never get */
    PILE_STRIDE = PILE_ROOM + 16 /* piles a power of two apart would share a set of the cache */
};

/* Labels are numbers of piles. */
enum {
    LABEL_BITS = 10, /* of a number below BUCKETS_MAX */
    LABELS_A_WORD = 3,
    BATCH_WORDS = 512, /* drawn at a time */
    BATCH_VALUES = BATCH_WORDS * LABELS_A_WORD
};

/* ---- the plan ---- */

static int64_t most_values(int64_t buckets, int64_t together)
{
    const int64_t most = buckets < FEW_BUCKETS ? SMALL_BUCKET : LARGE_BUCKET;
    const int64_t of_a_read = together / BUCKETS_A_READ;
    return of_a_read < 1 ? 1 : qkv_smaller(of_a_read, most);
}

static void plan_section(int64_t together, qkv_section *section)
{
    section->buckets = 1;
    while (section->buckets < BUCKETS_MAX
           && section->count / section->buckets > most_values(section->buckets, together))
        section->buckets *= 2;
    section->chunk_values = section->buckets * PILE_SHARE;
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

static size_t most_piles(const qkv_dealer *dealer)
{
    int64_t most = 0;
    for (int64_t s = 0; s < dealer->section_count; s++)
        if (dealer->sections[s].buckets > most)
            most = dealer->sections[s].buckets;
    return (size_t)most;
}

static bool open_hands(qkvsim_context *context, qkv_dealer *dealer)
{
    const qkv_allocator *allocator = &context->allocator;
    const size_t most = most_piles(dealer);
    dealer->hands = qkv_allocate_zeroed(allocator, (size_t)context->threads, sizeof *dealer->hands);
    if (dealer->hands == NULL)
        return false;
    dealer->hand_count = context->threads;
    for (int32_t h = 0; h < dealer->hand_count; h++) {
        qkv_piles *piles = &dealer->hands[h].piles;
        dealer->hands[h].bucket = -1;
        piles->sizes = qkv_allocate(allocator, most, sizeof *piles->sizes);
        piles->values = qkv_allocate(allocator, most * PILE_STRIDE, dealer->size);
        if (piles->sizes == NULL || piles->values == NULL)
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
        qkv_release(allocator, dealer->hands[h].piles.sizes);
        qkv_release(allocator, dealer->hands[h].piles.values);
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
    qkvsim_context *context;
    qkv_dealer *dealer;
    const void *values;
    atomic_llong next;
} deal;

/* What is dealt at a time: a chunk of a section. */
typedef struct portion {
    const void *from;
    void *to;
    int64_t count, buckets;
    qkv_stream stream;
} portion;

/* Where a pile's next value goes; a full pile begins anew, which join_piles finds by its size. */
static inline uint32_t next_place(const qkv_piles *piles, uint32_t bits)
{
    const uint32_t pile = bits & piles->mask;
    return pile * PILE_STRIDE + piles->sizes[pile]++ % PILE_ROOM;
}

#define TEMPLATE "random/dealer_template.h"
#include "kernels/both_reals.h"

/* Deals a chunk by the words of its stream from group `first` on; returns the group behind them. */
static uint32_t deal_to_piles(const qkv_dealer *dealer, const portion *chunk, uint32_t first,
                              qkv_piles *piles)
{
    uint32_t words[BATCH_WORDS];
    piles->mask = (uint32_t)chunk->buckets - 1;
    memset(piles->sizes, 0, (size_t)chunk->buckets * sizeof *piles->sizes);
    for (int64_t k = 0; k < chunk->count; k += BATCH_VALUES) {
        const int64_t rest = chunk->count - k, batch = qkv_smaller(rest, BATCH_VALUES);
        const int64_t groups = (batch - 1) / (LABELS_A_WORD * QKV_GROUP_WORDS) + 1;
        const int64_t ahead = rest > 2 * BATCH_VALUES ? BATCH_VALUES : 0;
        dealer->kernels->random_words(&chunk->stream, first, groups, words);
        first += (uint32_t)groups;
        if (dealer->size == sizeof(uint32_t))
            deal_f32((const uint32_t *)chunk->from + k, batch, ahead, words, *piles);
        else
            deal_f64((const uint64_t *)chunk->from + k, batch, ahead, words, *piles);
    }
    return first;
}

/* Puts one pile behind the other, and notes where each begins and the last ends. False where one
 * has overflowed: a chunk is then dealt anew. A pile of 256 values on average has more than 512
 * once in 10^44 times (Poisson), so that no test could see what this leaves out. */
static bool join_piles(const qkv_piles *piles, const portion *chunk, size_t size, uint32_t *places)
{
    const char *pile = piles->values;
    places[0] = 0;
    for (int64_t b = 0; b < chunk->buckets; b++, pile += PILE_STRIDE * size) {
        if (piles->sizes[b] > PILE_ROOM)
            return false;
        memcpy((char *)chunk->to + places[b] * size, pile, piles->sizes[b] * size);
        places[b + 1] = places[b] + piles->sizes[b];
    }
    return true;
}

static void deal_chunk(const deal *work, qkv_piles *piles, int64_t c)
{
    const qkv_dealer *dealer = work->dealer;
    const qkv_section *section = &dealer->sections[dealer->chunk_section[c]];
    const int64_t offset = (c - section->first_chunk) * section->chunk_values;
    const int64_t rest = section->count - offset;
    const size_t start = (size_t)(section->start + offset) * dealer->size;
    const portion chunk = {
        .from = (const char *)work->values + start,
        .to = (char *)dealer->dealt + start,
        .count = qkv_smaller(rest, section->chunk_values),
        .buckets = section->buckets,
        .stream = qkv_stream_of(dealer->seed, dealer->index, QKV_RANDOM_BUCKETS, (uint32_t)c),
    };
    uint32_t group = 0;
    do
        group = deal_to_piles(dealer, &chunk, group, piles);
    while (!join_piles(piles, &chunk, dealer->size, dealer->places[c]));
}

static void deal_worker(void *state, int32_t worker)
{
    deal *work = state;
    for (int64_t c; !qkv_work_pulse(work->context, worker)
                    && (c = qkv_next_task(&work->next, work->dealer->chunk_count)) >= 0;)
        deal_chunk(work, &work->dealer->hands[worker].piles, c);
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
        largest = qkv_larger(size, largest);
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
    deal work = { .context = context, .dealer = dealer, .values = values };
    dealer->seed = seed;
    dealer->index = index;
    qkv_parallel(context,
                 qkv_worker_count(context, dealer->chunk_count, 4.0 * (double)dealer->count),
                 deal_worker, &work);
    if (qkv_work_is_cancelled(context))
        return qkv_cancelled(context);
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

qkv_dealt qkv_dealer_see(const qkv_dealer *dealer, int32_t reader, int64_t start)
{
    qkv_hand *hand = &dealer->hands[reader];
    const int64_t bucket = find_bucket(dealer, start);
    if (hand->bucket != bucket)
        take_bucket(dealer, bucket, hand);
    const size_t offset = (size_t)(start - dealer->bucket_start[bucket]);
    return (qkv_dealt){ (const char *)hand->values + offset * dealer->size,
                        dealer->bucket_start[bucket + 1] - start };
}

void qkv_dealer_read(const qkv_dealer *dealer, int32_t reader, int64_t start, int64_t count,
                     void *values)
{
    char *to = values;
    while (count > 0) {
        const qkv_dealt dealt = qkv_dealer_see(dealer, reader, start);
        const int64_t taken = qkv_smaller(dealt.count, count);
        memcpy(to, dealt.values, (size_t)taken * dealer->size);
        to += (size_t)taken * dealer->size;
        start += taken;
        count -= taken;
    }
}
