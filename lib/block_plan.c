/* A plan for the blocks of a stream carried out, whole or not at all. */
#include "block_plan.h"

#include <string.h>

/* ---- what is planned, done ---- */

static void swap_blocks(const qkv_stream_blocks *blocks, int64_t a, int64_t b)
{
    qkvsim_accumulator *kept = blocks->block[a];
    blocks->block[a] = blocks->block[b];
    blocks->block[b] = kept;
}

/* Checks every block to be, and all of them together. */
static qkvsim_status check_plan(qkvsim_context *context, const qkv_block_plan *made,
                                const qkvsim_accumulator **parts)
{
    qkvsim_status status = QKVSIM_OK;
    for (int64_t k = 0; k < made->count; k++)
        parts[k] = made->pieces[k].held;
    for (int64_t k = 0, end; k < made->count && status == QKVSIM_OK; k = end) {
        for (end = k + 1; end < made->count && made->pieces[end].block == made->pieces[k].block;)
            end++;
        status = qkv_accumulators_check(context, &parts[k], end - k);
    }
    return status == QKVSIM_OK ? qkv_accumulators_check(context, parts, made->count) : status;
}

/* The k-th piece is the k-th block there was. It moves down to its new place, over one that has
 * moved or been joined already. False where the call is cancelled half way; without a context
 * nothing ends it. */
static bool carry_out(qkvsim_context *context, const qkv_block_plan *made,
                      qkvsim_accumulator *accumulator)
{
    const int64_t before = accumulator->blocks.count;
    int64_t k = 0, observations = 0;
    accumulator->blocks = made->blocks;
    for (int64_t b = 0; b < made->blocks.count; b++) {
        if (k < before && made->pieces[k].block == b)
            swap_blocks(&accumulator->blocks, b, k++);
        else
            accumulator->blocks.block[b]->observations = 0;
        for (; k < made->count && made->pieces[k].block == b; k++)
            if ((context != NULL && qkv_work_pulse(context, 0))
                || !qkv_accumulator_join(context, accumulator->blocks.block[b],
                                         made->pieces[k].held))
                return false;
        if (accumulator->blocks.block[b]->observations == 0) /* of zeros, as it is packed */
            qkv_accumulator_empty(accumulator->blocks.block[b]);
        observations += accumulator->blocks.block[b]->observations;
    }
    accumulator->observations = observations;
    return true;
}

/* ---- what a cancelled call puts back ---- */

typedef struct kept_blocks {
    qkv_stream_blocks blocks;
    qkvsim_accumulator **places; /* of all blocks; NULL: nothing is kept */
    qkvsim_accumulator **copies; /* of those that are written to; NULL of the rest */
} kept_blocks;

static void release_kept(kept_blocks *kept, const qkv_allocator *allocator)
{
    for (int64_t k = 0; k < kept->blocks.most && kept->copies != NULL; k++)
        qkvsim_accumulator_free(kept->copies[k]);
    qkv_release(allocator, kept->copies);
    qkv_release(allocator, kept->places);
    *kept = (kept_blocks){ .places = NULL };
}

static qkvsim_status copy_block(qkvsim_context *context, const qkvsim_accumulator *block,
                                kept_blocks *kept)
{
    for (int64_t k = 0; k < kept->blocks.count; k++)
        if (kept->places[k] == block)
            return qkv_accumulator_copy(context, block, &kept->copies[k]);
    return QKVSIM_OK; /* it is a new one */
}

/* Copies the blocks that carry_out will write to, which `moved` is for: it goes through them as
 * carry_out does. Those are the blocks that others are joined to, and the ones whose place a new
 * block takes. */
static qkvsim_status copy_changed(qkvsim_context *context, const qkv_block_plan *made,
                                  qkvsim_accumulator **moved, kept_blocks *kept)
{
    const qkv_stream_blocks blocks = { .block = moved };
    qkvsim_status status = QKVSIM_OK;
    int64_t k = 0;
    for (int64_t b = 0; b < made->blocks.count && status == QKVSIM_OK; b++) {
        const bool own = k < kept->blocks.count && made->pieces[k].block == b;
        if (own)
            swap_blocks(&blocks, b, k++);
        if (!own || (k < made->count && made->pieces[k].block == b))
            status = copy_block(context, moved[b], kept);
        while (k < made->count && made->pieces[k].block == b)
            k++;
    }
    return status;
}

/* Only a callback can end the work half way. Without one, or without memory for copies, the work
 * goes to its end. Fails where the call is cancelled. */
static qkvsim_status keep_blocks(qkvsim_context *context, const qkv_block_plan *made,
                                 const qkvsim_accumulator *accumulator, kept_blocks *kept)
{
    const qkv_allocator *allocator = &accumulator->allocator;
    const size_t most = (size_t)accumulator->blocks.most;
    *kept = (kept_blocks){ .blocks = accumulator->blocks };
    if (context->progress == NULL)
        return QKVSIM_OK;
    qkvsim_accumulator **moved = qkv_allocate(allocator, most, sizeof(qkvsim_accumulator *));
    kept->places = qkv_allocate(allocator, most, sizeof(qkvsim_accumulator *));
    kept->copies = qkv_allocate_zeroed(allocator, most, sizeof(qkvsim_accumulator *));
    qkvsim_status status = QKVSIM_ERROR_NO_MEMORY;
    if (moved != NULL && kept->places != NULL && kept->copies != NULL) {
        memcpy(moved, accumulator->blocks.block, most * sizeof(qkvsim_accumulator *));
        memcpy(kept->places, moved, most * sizeof(qkvsim_accumulator *));
        status = copy_changed(context, made, moved, kept);
    }
    qkv_release(allocator, moved);
    if (status != QKVSIM_OK)
        release_kept(kept, allocator);
    return status == QKVSIM_ERROR_NO_MEMORY ? QKVSIM_OK : status;
}

static void put_back(kept_blocks *kept, qkvsim_accumulator *accumulator)
{
    accumulator->blocks = kept->blocks;
    memcpy(accumulator->blocks.block, kept->places,
           (size_t)kept->blocks.most * sizeof(qkvsim_accumulator *));
    for (int64_t k = 0; k < kept->blocks.count; k++)
        if (kept->copies[k] != NULL) {
            qkvsim_accumulator *changed = accumulator->blocks.block[k];
            accumulator->blocks.block[k] = kept->copies[k];
            kept->copies[k] = changed;
        }
}

static qkvsim_status carry_out_or_put_back(qkvsim_context *context, const qkv_block_plan *made,
                                           qkvsim_accumulator *accumulator)
{
    kept_blocks kept;
    qkvsim_status status = keep_blocks(context, made, accumulator, &kept);
    if (status != QKVSIM_OK)
        return status;
    if (!carry_out(kept.places != NULL ? context : NULL, made, accumulator)) {
        put_back(&kept, accumulator);
        status = qkv_cancelled(context);
    }
    release_kept(&kept, &accumulator->allocator);
    return status;
}

qkvsim_status qkv_block_plan_carry_out(qkvsim_context *context, const qkv_block_plan *made,
                                       qkvsim_accumulator *accumulator)
{
    const qkvsim_accumulator **parts =
        qkv_allocate(&context->allocator, (size_t)made->count + 1, sizeof *parts);
    if (parts == NULL)
        return qkv_no_memory(context, "the plan of the blocks");
    qkvsim_status status = check_plan(context, made, parts);
    if (status == QKVSIM_OK)
        status = qkv_stream_blocks_reserve(context, made->blocks.count, accumulator);
    if (status == QKVSIM_OK)
        status = carry_out_or_put_back(context, made, accumulator);
    qkv_release(&context->allocator, parts);
    return status;
}
