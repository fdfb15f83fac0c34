/*
 * Twins are found by hash. A few observations tell most columns apart; only those that agree there
 * are hashed whole, and what has one hash is then compared value by value with the first of its
 * kind. Rows of panels are walked through, never columns, which lie a row apart.
 */
#include "find_twins.h"

#include <math.h>
#include <string.h>

#include "base/reals.h"

enum { SAMPLED_ROWS = 2, VALUES_AT_A_TIME = 1 << 20 };

/* ---- hashing ---- */

/* A panel's values of an observation. */
static void read_row(const qkv_panels *panels, int64_t panel, int64_t row, double *values)
{
    const void *from = qkv_panel_row(panels, panel, row);
    const int64_t width = qkv_panel_width(panels, panel);
    for (int64_t c = 0; c < width; c++)
        values[c] = qkv_real_at(from, panels->arithmetic, c);
}

static double value_at(const qkv_panels *panels, int64_t row, int64_t position)
{
    const int32_t panel = panels->panel_of[position];
    const int64_t at = position - panels->start[panel];
    return qkv_real_at(qkv_panel_row(panels, panel, row), panels->arithmetic, at);
}

/* The value, turned so that the column's first one that is not 0 is positive. */
static double turned_value(const qkv_panels *panels, int64_t row, int64_t position)
{
    return (double)panels->twins.turned[position] * value_at(panels, row, position);
}

/* A hash with another value; 0 and -0 are one value. */
static inline uint64_t hash_with(uint64_t hash, double value)
{
    uint64_t bits;
    value += 0.0;
    memcpy(&bits, &value, sizeof bits);
    hash = (hash ^ bits) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 32;
}

/* Takes the magnitudes of an observation into the hashes of all columns. */
static void sample_row(const qkv_panels *panels, qkv_twins *twins, int64_t row)
{
    double values[QKV_PANEL_WIDTH];
    for (int64_t p = 0; p < panels->count; p++) {
        uint64_t *hash = twins->hash + panels->start[p];
        read_row(panels, p, row, values);
        for (int64_t c = 0; c < qkv_panel_width(panels, p); c++)
            hash[c] = hash_with(hash[c], fabs(values[c]));
    }
}

/* Takes the turned values of an observation into the hashes of the columns that have a class. */
static void hash_row(const qkv_panels *panels, qkv_twins *twins, int64_t row)
{
    double values[QKV_PANEL_WIDTH];
    for (int64_t p = 0; p < panels->count; p++) {
        read_row(panels, p, row, values);
        for (int64_t c = 0; c < qkv_panel_width(panels, p); c++) {
            const int64_t position = panels->start[p] + c;
            if (twins->class_of[position] < 0)
                continue;
            if (twins->turned[position] == 0 && values[c] != 0)
                twins->turned[position] = values[c] > 0 ? 1 : -1;
            twins->hash[position] =
                hash_with(twins->hash[position], (double)twins->turned[position] * values[c]);
        }
    }
}

static void begin_hashes(const qkv_panels *panels, qkv_twins *twins)
{
    memset(twins->hash, 0, (size_t)panels->placed * sizeof *twins->hash);
    memset(twins->turned, 0, (size_t)panels->placed * sizeof *twins->turned);
    memset(twins->table, 0xff, (size_t)twins->table_size * sizeof *twins->table);
}

/* The first position with the hash of this one, itself if there was none before. */
static int32_t find_or_add(qkv_twins *twins, int64_t position)
{
    const uint64_t mask = (uint64_t)twins->table_size - 1, hash = twins->hash[position];
    uint64_t slot = hash & mask;
    while (twins->table[slot] >= 0 && twins->hash[twins->table[slot]] != hash)
        slot = (slot + 1) & mask;
    if (twins->table[slot] < 0)
        twins->table[slot] = (int32_t)position;
    return twins->table[slot];
}

/* ---- finding ---- */

/* Marks columns that agree with another in the sampled rows, by a class of 0; others have -1. */
static bool find_candidates(const qkv_panels *panels, qkv_twins *twins)
{
    bool any = false;
    begin_hashes(panels, twins);
    for (int k = 0; k < SAMPLED_ROWS; k++)
        sample_row(panels, twins, k * panels->observations / SAMPLED_ROWS);
    for (int64_t position = 0; position < panels->placed; position++) {
        twins->class_of[position] = -1;
        if (panels->statistics[panels->order[position]].kind != QKV_NORMAL)
            continue;
        const int32_t other = find_or_add(twins, position);
        if (other != position) {
            twins->class_of[position] = twins->class_of[other] = 0;
            any = true;
        }
    }
    return any;
}

/* Whether the call is cancelled: asked between about as many values each time. */
static bool ended_at(qkvsim_context *context, const qkv_panels *panels, int64_t row)
{
    const int64_t rows = VALUES_AT_A_TIME / panels->placed + 1;
    return row % rows == 0 && qkv_work_pulse(context, 0);
}

/* Gives each candidate the position of the first column that has its hash for a class. */
static void hash_candidates(qkvsim_context *context, const qkv_panels *panels, qkv_twins *twins)
{
    begin_hashes(panels, twins);
    for (int64_t row = 0; row < panels->observations && !ended_at(context, panels, row); row++)
        hash_row(panels, twins, row);
    for (int64_t position = 0; position < panels->placed; position++)
        if (twins->class_of[position] >= 0)
            twins->class_of[position] = find_or_add(twins, position);
}

/* Makes those stand alone whose values are not the first column's, after all. */
static void compare_with_first(qkvsim_context *context, const qkv_panels *panels, qkv_twins *twins)
{
    for (int64_t row = 0; row < panels->observations && !ended_at(context, panels, row); row++)
        for (int64_t position = 0; position < panels->placed; position++) {
            const int32_t first = twins->class_of[position];
            if (first >= 0 && first != position
                && turned_value(panels, row, position) != turned_value(panels, row, first))
                twins->class_of[position] = -1;
        }
}

/* From first columns to numbers of classes: counts each class's columns, gives those of two and
 * more a number, and lists their columns. The first column comes before the others of its class. */
static void list_members(const qkv_panels *panels, qkv_twins *twins)
{
    int32_t *const size = twins->table, classes = 0, next = 0;
    memset(size, 0, (size_t)panels->placed * sizeof *size);
    for (int64_t position = 0; position < panels->placed; position++)
        if (twins->class_of[position] >= 0)
            size[twins->class_of[position]]++;
    for (int64_t position = 0; position < panels->placed; position++) {
        const int32_t first = twins->class_of[position];
        if (first < 0)
            continue;
        if (first == position && size[first] > 1) {
            twins->first[classes] = next;
            next += size[first];
            size[first] = -1 - classes++; /* its number from now on */
        }
        twins->class_of[position] = size[first] < 0 ? -1 - size[first] : -1;
    }
    twins->first[classes] = next;
    twins->count = next;
    for (int64_t position = 0; position < panels->placed; position++)
        if (twins->class_of[position] >= 0)
            twins->members[twins->first[twins->class_of[position]]++] = (int32_t)position;
    for (int32_t class = classes; class > 0; class --) /* each stands where the next begins */
        twins->first[class] = twins->first[class - 1];
    twins->first[0] = 0;
}

qkvsim_status qkv_find_twins(qkvsim_context *context, qkv_panels *panels)
{
    qkv_twins *twins = &panels->twins;
    twins->count = 0;
    if (!find_candidates(panels, twins))
        return QKVSIM_OK;
    hash_candidates(context, panels, twins);
    compare_with_first(context, panels, twins);
    if (qkv_work_is_cancelled(context))
        return qkv_cancelled(context);
    list_members(panels, twins);
    return QKVSIM_OK;
}

/* ---- tiles ---- */

/* Where a class's members from a position on begin. */
static int32_t find_member(const qkv_twins *twins, int32_t class, int64_t position)
{
    int32_t low = twins->first[class], high = twins->first[class + 1];
    while (low < high) {
        const int32_t middle = low + (high - low) / 2;
        if (twins->members[middle] < position)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void set_row(const qkv_panels *panels, const qkv_twin_tile *tile, int64_t position)
{
    const qkv_twins *twins = &panels->twins;
    const int32_t class = twins->class_of[position];
    const int64_t after = position + 1;
    const int64_t from = qkv_larger(after, tile->column_start);
    const int64_t row = (position - tile->row_start) * tile->leading - tile->column_start;
    for (int32_t k = find_member(twins, class, from); k < twins->first[class + 1]; k++) {
        const int64_t other = twins->members[k];
        if (other >= tile->column_start + tile->columns)
            return;
        const int sign = twins->turned[position] * twins->turned[other];
        if (panels->arithmetic == QKVSIM_DTYPE_F64)
            ((double *)tile->values)[row + other] = sign;
        else
            ((float *)tile->values)[row + other] = (float)sign;
    }
}

void qkv_set_twins(const qkv_panels *panels, const qkv_twin_tile *tile)
{
    if (panels->twins.count == 0)
        return;
    for (int64_t position = tile->row_start; position < tile->row_start + tile->rows; position++)
        if (panels->twins.class_of[position] >= 0)
            set_row(panels, tile, position);
}
