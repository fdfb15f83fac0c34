/*
 * Exact, parallel shuffles. Scheme `all` deals each value to a random bucket, then shuffles each
 * bucket in cache: that is a uniform permutation, since every order of the values within and
 * between buckets is equally likely. Scheme `feature` shuffles each column. Which thread works on
 * which part does not show.
 */
#include "permuter.h"

#include <string.h>

#include "parallel.h"
#include "prepare.h"
#include "random.h"

enum {
    BUCKET_WORDS = 8192, /* on average, at most: a bucket stays in cache */
    BUCKETS_MAX = 65536, /* labels have 16 bits */
    CHUNK_WORDS = 65536,
    CHUNKS_MAX = 64,
    LABELS = 8, /* labels in one block of random numbers */
    COLUMNS_TOGETHER = 16
};

/* ---- scheme all ---- */

typedef struct shuffle_all {
    const void *from;
    void *to;
    int64_t count;
    int64_t chunk; /* words of a chunk, a multiple of LABELS */
    int64_t chunks, buckets;
    int64_t *next;         /* chunks x buckets: counts, then where the next word goes */
    int64_t *bucket_start; /* buckets + 1 */
    uint64_t seed;
    uint32_t index;
    bool wide;
    atomic_llong task;
} shuffle_all;

/* Buckets of the words k .. k + LABELS - 1; k is a multiple of LABELS. */
static void draw_labels(const shuffle_all *work, int64_t k, uint16_t *labels)
{
    const int64_t block = k / LABELS;
    const qkv_random stream =
        qkv_random_stream(work->seed, work->index, QKV_RANDOM_BUCKETS, (uint32_t)(block >> 32));
    const philox4x32_ctr_t numbers = qkv_random_block(&stream, (uint32_t)block);
    const uint32_t mask = (uint32_t)work->buckets - 1;
    for (int l = 0; l < LABELS / 2; l++) {
        labels[2 * l] = (uint16_t)(numbers.v[l] & mask);
        labels[2 * l + 1] = (uint16_t)(numbers.v[l] >> 16 & mask);
    }
}

typedef struct shuffle_features {
    const void *from;
    void *to;
    int64_t rows, columns;
    char *scratch;
    size_t scratch_size; /* of one worker */
    uint64_t seed;
    uint32_t index;
    bool wide;
    atomic_llong task;
} shuffle_features;

#define WORD uint32_t
#define WORD_NAME(name) name##_32
#include "shuffle_template.h"

#define WORD uint64_t
#define WORD_NAME(name) name##_64
#include "shuffle_template.h"

static void count_labels(const shuffle_all *work, int64_t start, int64_t end, int64_t *counts)
{
    memset(counts, 0, (size_t)work->buckets * sizeof *counts);
    for (int64_t k = start; k < end; k += LABELS) {
        uint16_t labels[LABELS];
        const int64_t count = end - k < LABELS ? end - k : LABELS;
        draw_labels(work, k, labels);
        for (int64_t l = 0; l < count; l++)
            counts[labels[l]]++;
    }
}

static int64_t chunk_end(const shuffle_all *work, int64_t chunk)
{
    const int64_t end = (chunk + 1) * work->chunk;
    return end < work->count ? end : work->count;
}

static void count_worker(void *state, int32_t worker)
{
    (void)worker;
    shuffle_all *work = state;
    for (int64_t c; (c = qkv_next_task(&work->task, work->chunks)) >= 0;)
        count_labels(work, c * work->chunk, chunk_end(work, c), work->next + c * work->buckets);
}

static void deal_worker(void *state, int32_t worker)
{
    (void)worker;
    shuffle_all *work = state;
    for (int64_t c; (c = qkv_next_task(&work->task, work->chunks)) >= 0;)
        (work->wide ? deal_64 : deal_32)(work, c * work->chunk, chunk_end(work, c),
                                         work->next + c * work->buckets);
}

static void bucket_worker(void *state, int32_t worker)
{
    (void)worker;
    shuffle_all *work = state;
    for (int64_t b; (b = qkv_next_task(&work->task, work->buckets)) >= 0;) {
        const int64_t start = work->bucket_start[b], count = work->bucket_start[b + 1] - start;
        qkv_random stream =
            qkv_random_stream(work->seed, work->index, QKV_RANDOM_WITHIN_BUCKET, (uint32_t)b);
        if (work->wide)
            shuffle_64((uint64_t *)work->to + start, count, &stream);
        else
            shuffle_32((uint32_t *)work->to + start, count, &stream);
    }
}

/* Turns counts into the places where each chunk's words of each bucket go. */
static void place_buckets(shuffle_all *work)
{
    int64_t place = 0;
    for (int64_t b = 0; b < work->buckets; b++) {
        work->bucket_start[b] = place;
        for (int64_t c = 0; c < work->chunks; c++) {
            int64_t *next = &work->next[c * work->buckets + b];
            const int64_t count = *next;
            *next = place;
            place += count;
        }
    }
    work->bucket_start[work->buckets] = place;
}

static void run_shuffle_all(const qkv_permuter *permuter, uint64_t seed, uint32_t index)
{
    const int64_t count = permuter->rows * permuter->columns;
    const int64_t even = (count + permuter->chunks - 1) / permuter->chunks;
    shuffle_all work = {
        .from = permuter->values,
        .to = permuter->permuted,
        .count = count,
        .chunk = (even + LABELS - 1) / LABELS * LABELS,
        .chunks = permuter->chunks,
        .buckets = permuter->buckets,
        .next = permuter->scratch,
        .bucket_start = (int64_t *)permuter->scratch + permuter->chunks * permuter->buckets,
        .seed = seed,
        .index = index,
        .wide = permuter->real == QKVSIM_F64,
    };
    work.chunks = (count + work.chunk - 1) / work.chunk;
    qkv_parallel(permuter->workers, count_worker, &work);
    place_buckets(&work);
    atomic_store(&work.task, 0);
    qkv_parallel(permuter->workers, deal_worker, &work);
    atomic_store(&work.task, 0);
    qkv_parallel(permuter->workers, bucket_worker, &work);
}

/* ---- scheme feature ---- */

static void feature_worker(void *state, int32_t worker)
{
    shuffle_features *work = state;
    const int64_t tasks = (work->columns + COLUMNS_TOGETHER - 1) / COLUMNS_TOGETHER;
    char *scratch = work->scratch + (size_t)worker * work->scratch_size;
    for (int64_t t; (t = qkv_next_task(&work->task, tasks)) >= 0;) {
        const int64_t start = t * COLUMNS_TOGETHER;
        const int64_t end =
            start + COLUMNS_TOGETHER < work->columns ? start + COLUMNS_TOGETHER : work->columns;
        (work->wide ? shuffle_columns_64 : shuffle_columns_32)(work, start, end, scratch);
    }
}

static void run_shuffle_features(const qkv_permuter *permuter, uint64_t seed, uint32_t index)
{
    shuffle_features work = {
        .from = permuter->values,
        .to = permuter->permuted,
        .rows = permuter->rows,
        .columns = permuter->columns,
        .scratch = permuter->scratch,
        .scratch_size = (size_t)(COLUMNS_TOGETHER * permuter->rows) * qkv_real_size(permuter->real),
        .seed = seed,
        .index = index,
        .wide = permuter->real == QKVSIM_F64,
    };
    qkv_parallel(permuter->workers, feature_worker, &work);
}

/* ---- life ---- */

static void size_shuffle_all(qkv_permuter *permuter)
{
    const int64_t count = permuter->rows * permuter->columns;
    permuter->buckets = 1;
    while (permuter->buckets < BUCKETS_MAX && count / permuter->buckets > BUCKET_WORDS)
        permuter->buckets *= 2;
    permuter->chunks = (count + CHUNK_WORDS - 1) / CHUNK_WORDS;
    if (permuter->chunks > CHUNKS_MAX)
        permuter->chunks = CHUNKS_MAX;
}

static qkvsim_status check_scheme(qkvsim_context *context, const qkv_input *input, int32_t scheme)
{
    if (scheme != QKVSIM_SCHEME_ALL && scheme != QKVSIM_SCHEME_FEATURE)
        return qkv_fail(context, QKVSIM_ERROR_INVALID_ARGUMENT,
                        "scheme is %d, expected QKVSIM_SCHEME_ALL (1) or FEATURE (2)", (int)scheme);
    int64_t words;
    const int64_t most = scheme == QKVSIM_SCHEME_ALL ? (int64_t)BUCKETS_MAX << 30 : UINT32_MAX;
    if (!qkv_multiply(input->observations, input->features, &words) || words > PTRDIFF_MAX / 16
        || (scheme == QKVSIM_SCHEME_ALL ? words : input->observations) > most)
        return qkv_fail(context, QKVSIM_ERROR_TOO_LARGE,
                        "%lld observations of %lld features are too many to permute",
                        (long long)input->observations, (long long)input->features);
    return QKVSIM_OK;
}

qkvsim_status qkv_permuter_open(qkvsim_context *context, const qkv_input *input, int32_t scheme,
                                qkv_permuter *permuter)
{
    const qkvsim_status status = check_scheme(context, input, scheme);
    if (status != QKVSIM_OK)
        return status;
    *permuter = (qkv_permuter){ .real = input->real,
                                .rows = input->observations,
                                .columns = input->features,
                                .scheme = scheme };
    const size_t size = qkv_real_size(input->real);
    const int64_t words = permuter->rows * permuter->columns;
    size_shuffle_all(permuter);
    permuter->workers = qkv_worker_count(context, permuter->columns, 4.0 * (double)words);
    const size_t scratch =
        scheme == QKVSIM_SCHEME_ALL
            ? ((size_t)(permuter->chunks + 1) * (size_t)permuter->buckets + 1) * sizeof(int64_t)
            : (size_t)permuter->workers * COLUMNS_TOGETHER * (size_t)permuter->rows * size;
    permuter->values = qkv_allocate(&context->allocator, (size_t)words, size);
    permuter->permuted = qkv_allocate(&context->allocator, (size_t)words, size);
    permuter->scratch = qkv_allocate(&context->allocator, scratch, 1);
    if (permuter->values == NULL || permuter->permuted == NULL || permuter->scratch == NULL) {
        qkv_permuter_close(context, permuter);
        return qkv_no_memory(context, "the permuted values");
    }
    qkv_load_dense(context, input, permuter->values);
    return QKVSIM_OK;
}

void qkv_permuter_close(const qkvsim_context *context, qkv_permuter *permuter)
{
    qkv_release(&context->allocator, permuter->values);
    qkv_release(&context->allocator, permuter->permuted);
    qkv_release(&context->allocator, permuter->scratch);
    *permuter = (qkv_permuter){ 0 };
}

void qkv_permute_values(qkv_permuter *permuter, uint64_t seed, uint32_t index)
{
    if (permuter->scheme == QKVSIM_SCHEME_ALL)
        run_shuffle_all(permuter, seed, index);
    else
        run_shuffle_features(permuter, seed, index);
}

qkv_input qkv_permuter_output(const qkv_permuter *permuter, const qkv_input *like, qkv_part *part)
{
    *part = (qkv_part){ .view = { .struct_size = sizeof part->view,
                                  .data = permuter->permuted,
                                  .observations = permuter->rows,
                                  .features = permuter->columns,
                                  .observation_stride = permuter->columns,
                                  .feature_stride = 1,
                                  .dtype = permuter->real } };
    return (qkv_input){ .parts = part,
                        .part_count = 1,
                        .real = permuter->real,
                        .nonfinite = like->nonfinite,
                        .features = permuter->columns,
                        .observations = permuter->rows };
}
