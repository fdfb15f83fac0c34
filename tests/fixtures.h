/* The data of the suites: seeded tables of every awkward kind, the same table in every memory order
 * and element type, and the shipped capture. */
#ifndef TESTS_FIXTURES_H
#define TESTS_FIXTURES_H

#include <qkvsim/qkvsim.h>
#include <stdbool.h>

/* Splitmix64: small, and unrelated to the generator under test. */
typedef struct random_source {
    uint64_t state;
} random_source;

uint64_t random_bits(random_source *source);
double random_uniform(random_source *source);
double random_normal(random_source *source);
int64_t random_below(random_source *source, int64_t bound);

/* n x d numbers, row-major: what a test thinks of as "the data", whatever the library is shown. */
typedef struct table {
    int64_t n;
    int64_t d;
    double *values;
} table;

table table_new(int64_t n, int64_t d);
void table_free(table *data);

static inline double *table_at(const table *data, int64_t row, int64_t column)
{
    return &data->values[row * data->d + column];
}

/* Kinds of data. */
table table_normal(int64_t n, int64_t d, uint64_t seed);
table table_with_offsets(int64_t n, int64_t d, double largest_offset, uint64_t seed);
table table_magnitudes(int64_t n, int64_t d, uint64_t seed); /* columns of 1e30, 1, 1e-30, ... */
table table_binary_duplicates(int64_t n, int64_t d, uint64_t seed);
table table_sparse(int64_t n, int64_t d, uint64_t seed);  /* 2 % ones */
table table_one_hot(int64_t n, int64_t d, uint64_t seed); /* a single one a column */
table table_half_flipped(int64_t n, int64_t d, uint64_t seed);
/* Each column is one of seven, a random power of two times it or its opposite, at random places. */
table table_twins(int64_t n, int64_t d, uint64_t seed);
table table_mixed(int64_t n, int64_t d,
                  uint64_t seed); /* constant and all-zero columns among others */

void table_set_constant(table *data, int64_t column, double value);
table table_rows(const table *data, const int64_t *rows, int64_t count);
table table_columns(const table *data, const int64_t *columns, int64_t count);

/* The orders in which memory may hold the same table. */
enum arrangement {
    ORDER_C,
    ORDER_FORTRAN,
    ORDER_REVERSED_ROWS,
    ORDER_REVERSED_COLUMNS,
    ORDER_REVERSED_BOTH,
    ORDER_PADDED_ROWS,
    ORDER_ODD_STRIDES,
    ORDER_COUNT
};

/* A table as the library sees it; memory between the elements is NaN, so that reading it shows. */
typedef struct stored {
    void *memory;
    qkvsim_view view;
} stored;

stored store(const table *data, int32_t dtype, int32_t order);
void stored_free(stored *copy);
table widen(const qkvsim_view *view); /* what the view holds, element by element, exactly */
qkvsim_view view_of_columns(const qkvsim_view *view, int64_t first, int64_t count);

double half_to_double(uint16_t bits);
double bfloat_to_double(uint16_t bits);
uint16_t double_to_half(double value);
uint16_t double_to_bfloat(double value);
size_t dtype_size(int32_t dtype);

/* The shipped capture: 1024 x 960 float16, and the rows of the tokens " Alice". */
stored load_capture(void);
int64_t load_target_rows(int64_t rows[1024]);

#endif
