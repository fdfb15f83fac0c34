/*
 * Blocks of a stream, which a jackknife leaves out: documents one after the other, as many in each.
 * Where there are more blocks than there is room for, neighbours are joined two by two, and from
 * then on a block takes twice as many documents. Which block a document falls into follows from the
 * number of documents alone, so that accumulators of the same stream have the same blocks.
 */
#include "block_plan.h"

/* ---- life ---- */

static qkvsim_status no_room(qkvsim_context *context, qkvsim_status status, int64_t count,
                             int64_t d)
{
    const double bytes = 4 * (double)count * (double)d * (double)(d + 1);
    return qkv_fail(context, status, "no room for %lld blocks of %lld features: %s bytes",
                    (long long)count, (long long)d, qkv_number(bytes).text);
}

qkvsim_status qkv_stream_blocks_reserve(qkvsim_context *context, int64_t count,
                                        qkvsim_accumulator *accumulator)
{
    qkvsim_accumulator **block = accumulator->blocks.block;
    for (int64_t k = 0; k < count; k++)
        if (block[k] == NULL
            && qkv_accumulator_open(context, accumulator->features, &block[k]) != QKVSIM_OK)
            return qkv_work_is_cancelled(context)
                       ? qkv_cancelled(context)
                       : no_room(context, QKVSIM_ERROR_NO_MEMORY, count, accumulator->features);
    return QKVSIM_OK;
}

qkvsim_status qkv_stream_blocks_open(qkvsim_context *context, int64_t features, int64_t most,
                                     int64_t reserved, qkvsim_accumulator **accumulator)
{
    int64_t square, all;
    if (most < QKV_STREAM_BLOCKS_LEAST || most > QKV_STREAM_BLOCKS_MOST)
        return qkv_invalid(context, "blocks is %lld, expected 0 or %d to %d", (long long)most,
                           QKV_STREAM_BLOCKS_LEAST, QKV_STREAM_BLOCKS_MOST);
    if (!qkv_multiply(features, features + 1, &square) || !qkv_multiply(square, most, &all)
        || !qkv_multiply(all, sizeof(double), &all))
        return no_room(context, QKVSIM_ERROR_TOO_LARGE, most, features);
    qkvsim_accumulator *made = qkv_allocate_handle(context, sizeof *made);
    if (made == NULL)
        return qkv_no_memory(context, "the accumulator");
    made->features = features;
    made->end_row = features;
    made->blocks = (qkv_stream_blocks){ .most = most, .documents = 1 };
    made->blocks.block =
        qkv_allocate_zeroed(&context->allocator, (size_t)most, sizeof(qkvsim_accumulator *));
    const qkvsim_status status = made->blocks.block != NULL
                                     ? qkv_stream_blocks_reserve(context, reserved, made)
                                     : qkv_no_memory(context, "the blocks");
    if (status == QKVSIM_OK)
        *accumulator = made;
    else
        qkvsim_accumulator_free(made);
    return status;
}

void qkv_stream_blocks_close(qkvsim_accumulator *accumulator)
{
    for (int64_t k = 0; k < accumulator->blocks.most && accumulator->blocks.block != NULL; k++)
        qkvsim_accumulator_free(accumulator->blocks.block[k]);
    qkv_release(&accumulator->allocator, accumulator->blocks.block);
}

int64_t qkvsim_accumulator_blocks(const qkvsim_accumulator *accumulator)
{
    return accumulator != NULL ? accumulator->blocks.count : 0;
}

int64_t qkvsim_accumulator_block_observations(const qkvsim_accumulator *accumulator, int64_t block)
{
    return block >= 0 && block < qkvsim_accumulator_blocks(accumulator)
               ? accumulator->blocks.block[block]->observations
               : 0;
}

/* ---- a plan: which block everything is in once a call is done ---- */

static qkvsim_status plan_open(qkvsim_context *context, const qkv_stream_blocks *blocks,
                               int64_t more, qkv_block_plan *made)
{
    *made = (qkv_block_plan){ .blocks = *blocks };
    made->pieces =
        qkv_allocate(&context->allocator, (size_t)(blocks->count + more), sizeof *made->pieces);
    if (made->pieces == NULL)
        return qkv_no_memory(context, "the plan of the blocks");
    for (int64_t k = 0; k < blocks->count; k++)
        made->pieces[made->count++] = (qkv_piece){ .block = k, .held = blocks->block[k] };
    return QKVSIM_OK;
}

/* Neighbours are joined two by two; new observations of one block are one piece. */
static void halve(qkv_block_plan *made)
{
    qkv_stream_blocks *blocks = &made->blocks;
    int64_t kept = 0;
    for (int64_t k = 0; k < made->count; k++) {
        qkv_piece *to = kept > 0 ? &made->pieces[kept - 1] : NULL;
        qkv_piece from = made->pieces[k];
        from.block /= 2;
        if (to != NULL && to->block == from.block && to->held == NULL && from.held == NULL)
            to->count += from.count;
        else
            made->pieces[kept++] = from;
    }
    made->count = kept;
    if (blocks->count % 2 == 0)
        blocks->last += blocks->documents;
    blocks->count = (blocks->count + 1) / 2;
    blocks->documents *= 2;
}

static void begin_document(qkv_block_plan *made)
{
    qkv_stream_blocks *blocks = &made->blocks;
    if (blocks->count == blocks->most && blocks->last >= blocks->documents)
        halve(made);
    if (blocks->count == 0 || blocks->last >= blocks->documents) {
        blocks->count++;
        blocks->last = 0;
    }
    blocks->last++;
}

/* An observation follows those that were added before it. */
static void add_observation(qkv_block_plan *made, int64_t observation)
{
    qkv_piece *last = made->count > 0 ? &made->pieces[made->count - 1] : NULL;
    const int64_t block = made->blocks.count - 1;
    if (last == NULL || last->block != block || last->held != NULL)
        made->pieces[made->count++] =
            (qkv_piece){ .block = block, .first = observation, .count = 1 };
    else
        last->count++;
}

/* Documents are told by all rows of the input, selected or not, so that two selections of one
 * stream agree about them. */
static void plan_rows(const qkv_input *input, qkv_block_plan *made)
{
    const int64_t rows = input->parts[0].view.observations;
    const int32_t *segments = input->segments;
    qkv_stream_blocks *blocks = &made->blocks;
    int64_t next = 0;
    for (int64_t row = 0; row < rows; row++) {
        const int32_t segment = segments != NULL ? segments[row] : 0;
        const bool goes_on =
            segments == NULL ? row > 0 : blocks->open && blocks->segment == segment;
        if (!goes_on)
            begin_document(made);
        blocks->open = segments != NULL;
        blocks->segment = segment;
        if (next < input->observations && qkv_input_row(input, next) == row)
            add_observation(made, next++);
    }
}

/* ---- an update ---- */

/* An input's rows from a piece's first on; NULL: the piece is all of the input. */
static qkvsim_status list_rows(qkvsim_context *context, const qkv_input *input, int64_t pieces,
                               int64_t **rows)
{
    *rows = NULL;
    if (pieces < 2)
        return QKVSIM_OK;
    *rows = qkv_allocate(&context->allocator, (size_t)input->observations, sizeof **rows);
    if (*rows == NULL)
        return qkv_no_memory(context, "the rows of the blocks");
    for (int64_t k = 0; k < input->observations; k++)
        (*rows)[k] = qkv_input_row(input, k);
    return QKVSIM_OK;
}

/* Accumulates each piece by itself. What is made of them is freed by the caller, on failure too. */
static qkvsim_status stage(qkvsim_context *context, const qkv_input *input, qkv_block_plan *made,
                           int64_t first)
{
    const int64_t pieces = made->count - first;
    int64_t *rows;
    qkvsim_status status = list_rows(context, input, pieces, &rows);
    for (int64_t k = first; k < made->count && status == QKVSIM_OK; k++) {
        qkv_piece *of = &made->pieces[k];
        qkvsim_accumulator *staged = NULL;
        const qkv_input own =
            rows != NULL ? qkv_input_with_rows(input, rows + of->first, of->count) : *input;
        status = qkv_accumulator_open(context, input->features, &staged);
        of->held = staged;
        if (status == QKVSIM_OK)
            status = qkv_accumulator_add(context, staged, &own, k == first ? pieces : 0);
    }
    qkv_release(&context->allocator, rows);
    return status;
}

qkvsim_status qkv_stream_blocks_add(qkvsim_context *context, qkvsim_accumulator *accumulator,
                                    const qkv_input *input)
{
    qkv_block_plan made;
    const int64_t before = accumulator->blocks.count;
    qkvsim_status status =
        plan_open(context, &accumulator->blocks, accumulator->blocks.most, &made);
    if (status != QKVSIM_OK)
        return status;
    plan_rows(input, &made);
    status = stage(context, input, &made, before);
    if (status == QKVSIM_OK)
        status = qkv_block_plan_carry_out(context, &made, accumulator);
    for (int64_t k = before; k < made.count; k++)
        qkvsim_accumulator_free((qkvsim_accumulator *)made.pieces[k].held);
    qkv_release(&context->allocator, made.pieces);
    return status;
}

/* ---- a merge ---- */

/* Documents that would stand before the other's, had all blocks before the next one been full:
 * those there are, where the other's blocks fill up the last one, and else all that it has room
 * for. */
static int64_t documents_before(const qkv_stream_blocks *own, const qkv_stream_blocks *others)
{
    const bool fills = own->count > 0 && own->last % others->documents == 0;
    return fills ? (own->count - 1) * own->documents + own->last : own->count * own->documents;
}

/* The other's blocks behind one's own, as far as they fit within blocks as large as one's own. */
static void append(qkv_block_plan *made, qkv_block_plan *others)
{
    qkv_stream_blocks *own = &made->blocks;
    if (others->blocks.count == 0)
        return;
    while (own->documents < others->blocks.documents)
        halve(made);
    const int64_t before = documents_before(own, &others->blocks);
    for (int64_t k = 0; k < others->count; k++) {
        qkv_piece *of = &others->pieces[k];
        of->block = (before + of->block * others->blocks.documents) / own->documents;
        made->pieces[made->count++] = *of;
    }
    const int64_t documents =
        before + (others->blocks.count - 1) * others->blocks.documents + others->blocks.last;
    own->count = (documents - 1) / own->documents + 1;
    own->last = documents - (own->count - 1) * own->documents;
    own->open = others->blocks.open;
    own->segment = others->blocks.segment;
    while (made->blocks.count > made->blocks.most)
        halve(made);
}

qkvsim_status qkv_stream_blocks_merge(qkvsim_context *context, qkvsim_accumulator *accumulator,
                                      const qkvsim_accumulator *other)
{
    qkv_block_plan made, others;
    qkvsim_status status = plan_open(context, &accumulator->blocks, other->blocks.count + 1, &made);
    if (status != QKVSIM_OK)
        return status;
    status = plan_open(context, &other->blocks, 1, &others);
    if (status == QKVSIM_OK) {
        append(&made, &others);
        status = qkv_block_plan_carry_out(context, &made, accumulator);
        qkv_release(&context->allocator, others.pieces);
    }
    qkv_release(&context->allocator, made.pieces);
    return status;
}
