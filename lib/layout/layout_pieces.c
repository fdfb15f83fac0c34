/* Pair groups dealt to pieces: along a curve on which neighbours share groups, cut where each piece
 * has its share of the pairs. */
#include "layout.h"

#include <stdlib.h>

/* How far a deal has come. */
typedef struct deal {
    const qkvsim_layout *layout;
    int32_t pieces;
    int64_t pairs;  /* of all pair groups */
    int64_t before; /* of those dealt */
    int32_t left;   /* pair groups still to deal */
    int32_t piece;  /* that the last one went to; -1 before the first */
    int32_t wanted;
    int32_t *pair_groups; /* of the wanted piece; NULL: they are only counted */
    int32_t count;
} deal;

/* Pairs of the pieces before one: all * piece / pieces, without the product that could overflow. */
static int64_t share_before(const deal *dealing, int32_t piece)
{
    const int64_t all = dealing->pairs, pieces = dealing->pieces;
    return all / pieces * piece + all % pieces * piece / pieces;
}

/* The next piece begins where the middle of a pair group lies in its share, and no later than
 * leaves a pair group for each piece behind it. */
static bool next_begins(const deal *dealing, int64_t pairs)
{
    const int32_t next = dealing->piece + 1;
    return next == 0 || dealing->left == dealing->pieces - next
           || (next < dealing->pieces
               && dealing->before + pairs / 2 >= share_before(dealing, next));
}

static void deal_pair_group(deal *dealing, int32_t a, int32_t b)
{
    const qkvsim_layout *layout = dealing->layout;
    const int64_t pairs =
        qkv_pairs_between(layout->group_features[a], layout->group_features[b], a == b);
    dealing->piece += next_begins(dealing, pairs);
    dealing->before += pairs;
    dealing->left--;
    if (dealing->piece != dealing->wanted)
        return;
    if (dealing->pair_groups != NULL)
        dealing->pair_groups[dealing->count] = qkv_pair_group(layout->groups, a, b);
    dealing->count++;
}

/* The upper triangle of a square of groups a and b, quarter by quarter: the order of Morton (1966),
 * in which so many pair groups in a row are of about the square root of as many groups. */
static void deal_square(deal *dealing, int32_t a, int32_t b, int32_t side)
{
    const int32_t groups = dealing->layout->groups, half = side / 2;
    if (a > b || b >= groups)
        return;
    if (side == 1) {
        deal_pair_group(dealing, a, b);
        return;
    }
    deal_square(dealing, a, b, half);
    deal_square(dealing, a, b + half, half);
    deal_square(dealing, a + half, b, half);
    deal_square(dealing, a + half, b + half, half);
}

/* Deals all; the wanted piece's pair groups are counted and, where there is room, listed. */
static int32_t deal_all(const qkvsim_layout *layout, int32_t piece, int32_t pieces,
                        int32_t *pair_groups)
{
    deal dealing = { .layout = layout,
                     .pieces = pieces,
                     .pairs = qkv_pairs_between(layout->features, layout->features, true),
                     .left = qkv_pair_groups(layout->groups),
                     .piece = -1,
                     .wanted = piece,
                     .pair_groups = pair_groups };
    int32_t side = 1;
    while (side < layout->groups)
        side *= 2;
    deal_square(&dealing, 0, 0, side);
    return dealing.count;
}

static int compare_numbers(const void *left, const void *right)
{
    const int32_t a = *(const int32_t *)left, b = *(const int32_t *)right;
    return (a > b) - (a < b);
}

static qkvsim_status check_piece(qkvsim_context *context, const qkvsim_layout *layout,
                                 int32_t piece, int32_t pieces)
{
    const int32_t pair_groups = qkv_pair_groups(layout->groups);
    if (pieces < 1 || pieces > pair_groups)
        return qkv_invalid(context,
                           "%d pieces of %d pair groups: expected 1 to %d (a layout of more groups "
                           "has more)",
                           (int)pieces, (int)pair_groups, (int)pair_groups);
    if (piece < 0 || piece >= pieces)
        return qkv_invalid(context, "piece %d, but there are pieces 0 to %d", (int)piece,
                           (int)pieces - 1);
    return QKVSIM_OK;
}

qkvsim_status qkvsim_layout_piece_pair_groups(qkvsim_context *context, const qkvsim_layout *layout,
                                              int32_t piece, int32_t pieces, int32_t *pair_groups,
                                              int32_t capacity, int32_t *count)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    if (layout == NULL || pair_groups == NULL || count == NULL)
        return qkv_invalid(context, "%s is NULL",
                           layout == NULL        ? "layout"
                           : pair_groups == NULL ? "pair_groups"
                                                 : "count");
    const qkvsim_status status = check_piece(context, layout, piece, pieces);
    if (status != QKVSIM_OK)
        return status;
    const int32_t dealt = deal_all(layout, piece, pieces, NULL);
    if (dealt > capacity)
        return qkv_invalid(context, "piece %d has %d pair groups, but there is room for %d",
                           (int)piece, (int)dealt, (int)capacity);
    *count = deal_all(layout, piece, pieces, pair_groups);
    qsort(pair_groups, (size_t)*count, sizeof *pair_groups, compare_numbers);
    return QKVSIM_OK;
}
