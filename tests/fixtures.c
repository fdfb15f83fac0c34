/* Seeded data, its storage in every order and element type, and the reader of the shipped
 * capture. */
#include "fixtures.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t random_bits(random_source *source)
{
    uint64_t z = (source->state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

double random_uniform(random_source *source)
{
    return ((double)(random_bits(source) >> 11) + 0.5) * 0x1p-53;
}

double random_normal(random_source *source)
{
    const double two_pi = 6.283185307179586;
    double radius = sqrt(-2 * log(random_uniform(source)));
    return radius * cos(two_pi * random_uniform(source));
}

int64_t random_below(random_source *source, int64_t bound)
{
    return (int64_t)(random_bits(source) % (uint64_t)bound);
}

table table_new(int64_t n, int64_t d)
{
    table data = { n, d, calloc((size_t)(n * d) + 1, sizeof(double)) };
    return data;
}

void table_free(table *data)
{
    free(data->values);
    data->values = NULL;
}

table table_normal(int64_t n, int64_t d, uint64_t seed)
{
    random_source source = { seed };
    table data = table_new(n, d);
    for (int64_t i = 0; i < n * d; i++)
        data.values[i] = random_normal(&source);
    return data;
}

/* Offsets of both signs from 0 to the largest, on columns that share a common factor, so that the
 * Pearson values are spread over [-1, 1] and not only around 0. */
table table_with_offsets(int64_t n, int64_t d, double largest_offset, uint64_t seed)
{
    random_source source = { seed };
    table data = table_new(n, d);
    double *common = malloc((size_t)n * sizeof *common);
    for (int64_t i = 0; i < n; i++)
        common[i] = random_normal(&source);
    for (int64_t j = 0; j < d; j++) {
        double share = 2 * random_uniform(&source) - 1;
        double offset = largest_offset * (j % 3 == 0 ? 1 : 2 * random_uniform(&source) - 1);
        for (int64_t i = 0; i < n; i++)
            *table_at(&data, i, j) =
                offset + share * common[i] + sqrt(1 - share * share) * random_normal(&source);
    }
    free(common);
    return data;
}

table table_magnitudes(int64_t n, int64_t d, uint64_t seed)
{
    static const double scales[] = { 1e30, 1, 1e-30, -1e30, -1e-30 };
    table data = table_with_offsets(n, d, 1, seed);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < d; j++)
            *table_at(&data, i, j) *= scales[j % 5];
    return data;
}

table table_binary_duplicates(int64_t n, int64_t d, uint64_t seed)
{
    random_source source = { seed };
    table data = table_new(n, d);
    for (int64_t j = 0; j < d; j++) {
        bool copies = j > 0 && j % 2 == 1;
        for (int64_t i = 0; i < n; i++) {
            double value = copies ? *table_at(&data, i, j - 1) : (double)random_below(&source, 2);
            *table_at(&data, i, j) = copies && j % 4 == 3 ? 1 - value : value;
        }
    }
    return data;
}

table table_sparse(int64_t n, int64_t d, uint64_t seed)
{
    random_source source = { seed };
    table data = table_new(n, d);
    for (int64_t i = 0; i < n * d; i++)
        data.values[i] = random_uniform(&source) < 0.02;
    for (int64_t j = 0; j < d; j++)
        *table_at(&data, random_below(&source, n), j) = 1;
    return data;
}

table table_one_hot(int64_t n, int64_t d, uint64_t seed)
{
    random_source source = { seed };
    table data = table_new(n, d);
    for (int64_t j = 0; j < d; j++)
        *table_at(&data, random_below(&source, n), j) = 1;
    return data;
}

/* Pairs of columns of which the second has the first's sign turned on the first half of the rows,
 * so that values fall on or next to 0 and to the bin edges around it. */
table table_half_flipped(int64_t n, int64_t d, uint64_t seed)
{
    random_source source = { seed };
    table data = table_new(n, d);
    for (int64_t j = 0; j < d; j++)
        for (int64_t i = 0; i < n; i++) {
            double value = random_below(&source, 2) ? 1 : -1;
            if (j % 2 == 1)
                value = *table_at(&data, i, j - 1) * (i < n / 2 ? -1 : 1);
            *table_at(&data, i, j) = value;
        }
    return data;
}

table table_twins(int64_t n, int64_t d, uint64_t seed)
{
    random_source source = { seed };
    table kinds = table_with_offsets(n, 7, 30, seed + 1), data = table_new(n, d);
    for (int64_t j = 0; j < d; j++) {
        const int64_t kind = random_below(&source, 7);
        const double sign = random_below(&source, 2) == 0 ? 1 : -1;
        const double scale = ldexp(sign, (int)random_below(&source, 5) - 2);
        for (int64_t i = 0; i < n; i++)
            *table_at(&data, i, j) = scale * *table_at(&kinds, i, kind);
    }
    table_free(&kinds);
    return data;
}

table table_mixed(int64_t n, int64_t d, uint64_t seed)
{
    table data = table_with_offsets(n, d, 3, seed);
    for (int64_t j = 2; j < d; j += 7)
        table_set_constant(&data, j, j % 2 == 0 ? 0 : 0.1 * (double)j);
    return data;
}

void table_set_constant(table *data, int64_t column, double value)
{
    for (int64_t i = 0; i < data->n; i++)
        *table_at(data, i, column) = value;
}

table table_rows(const table *data, const int64_t *rows, int64_t count)
{
    table chosen = table_new(count, data->d);
    for (int64_t i = 0; i < count; i++)
        for (int64_t j = 0; j < data->d; j++)
            *table_at(&chosen, i, j) = *table_at(data, rows[i], j);
    return chosen;
}

table table_columns(const table *data, const int64_t *columns, int64_t count)
{
    table chosen = table_new(data->n, count);
    for (int64_t i = 0; i < data->n; i++)
        for (int64_t j = 0; j < count; j++)
            *table_at(&chosen, i, j) = *table_at(data, i, columns[j]);
    return chosen;
}

double half_to_double(uint16_t bits)
{
    double sign = bits & 0x8000 ? -1 : 1;
    int exponent = (bits >> 10) & 31;
    int fraction = bits & 1023;
    if (exponent == 31)
        return fraction ? (double)NAN : sign * (double)INFINITY;
    if (exponent == 0)
        return sign * ldexp(fraction, -24);
    return sign * ldexp(1024 + fraction, exponent - 25);
}

/* By search among all halves: slow, and impossible to get wrong in the rounding of one case. Halves
 * of one sign increase with their bits; ties go to the even one. */
uint16_t double_to_half(double value)
{
    uint16_t sign = signbit(value) ? 0x8000 : 0;
    double size = fabs(value);
    if (isnan(value))
        return 0x7e00;
    if (size >= 65520)
        return (uint16_t)(sign | 0x7c00);
    int low = 0, high = 0x7bff;
    while (low < high) {
        int middle = (low + high + 1) / 2;
        if (half_to_double((uint16_t)middle) <= size)
            low = middle;
        else
            high = middle - 1;
    }
    if (low < 0x7bff) {
        double below = size - half_to_double((uint16_t)low);
        double above = half_to_double((uint16_t)(low + 1)) - size;
        if (above < below || (above == below && low % 2 == 1))
            low++;
    }
    return (uint16_t)(sign | low);
}

double bfloat_to_double(uint16_t bits)
{
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

uint16_t double_to_bfloat(double value)
{
    float narrow = (float)value;
    uint32_t bits;
    memcpy(&bits, &narrow, sizeof bits);
    if (isnan(value))
        return 0x7fc0;
    if (isinf(narrow))
        return (uint16_t)(bits >> 16);
    return (uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

size_t dtype_size(int32_t dtype)
{
    switch (dtype) {
    case QKVSIM_DTYPE_F16:
    case QKVSIM_DTYPE_BF16:
        return 2;
    case QKVSIM_DTYPE_F64:
        return 8;
    default:
        return 4;
    }
}

static void write_element(void *memory, int64_t at, int32_t dtype, double value)
{
    switch (dtype) {
    case QKVSIM_DTYPE_F16:
        ((uint16_t *)memory)[at] = double_to_half(value);
        break;
    case QKVSIM_DTYPE_BF16:
        ((uint16_t *)memory)[at] = double_to_bfloat(value);
        break;
    case QKVSIM_DTYPE_F32:
        ((float *)memory)[at] = (float)value;
        break;
    case QKVSIM_DTYPE_F64:
        ((double *)memory)[at] = value;
        break;
    default:
        ((int32_t *)memory)[at] = (int32_t)value;
    }
}

static double read_element(const void *memory, int64_t at, int32_t dtype)
{
    switch (dtype) {
    case QKVSIM_DTYPE_F16:
        return half_to_double(((const uint16_t *)memory)[at]);
    case QKVSIM_DTYPE_BF16:
        return bfloat_to_double(((const uint16_t *)memory)[at]);
    case QKVSIM_DTYPE_F32:
        return ((const float *)memory)[at];
    case QKVSIM_DTYPE_F64:
        return ((const double *)memory)[at];
    default:
        return ((const int32_t *)memory)[at];
    }
}

static void choose_strides(int64_t n, int64_t d, int32_t order, int64_t *row, int64_t *column)
{
    *row = d;
    *column = 1;
    switch (order) {
    case ORDER_FORTRAN:
        *row = 1;
        *column = n;
        break;
    case ORDER_REVERSED_ROWS:
        *row = -d;
        break;
    case ORDER_REVERSED_COLUMNS:
        *column = -1;
        break;
    case ORDER_REVERSED_BOTH:
        *row = -d;
        *column = -1;
        break;
    case ORDER_PADDED_ROWS:
        *row = d + 13;
        break;
    case ORDER_ODD_STRIDES:
        *row = 3 * d + 2;
        *column = 3;
        break;
    default:
        break;
    }
}

stored store(const table *data, int32_t dtype, int32_t order)
{
    int64_t row, column;
    choose_strides(data->n, data->d, order, &row, &column);
    int64_t reach = llabs(row) * (data->n - 1) + llabs(column) * (data->d - 1) + 1;
    int64_t first =
        (row < 0 ? -row * (data->n - 1) : 0) + (column < 0 ? -column * (data->d - 1) : 0);
    char *memory = malloc((size_t)reach * dtype_size(dtype));
    if (dtype != QKVSIM_DTYPE_I32)
        for (int64_t i = 0; i < reach; i++)
            write_element(memory, i, dtype, NAN);
    for (int64_t i = 0; i < data->n; i++)
        for (int64_t j = 0; j < data->d; j++)
            write_element(memory, first + i * row + j * column, dtype, *table_at(data, i, j));
    stored copy = { .memory = memory };
    copy.view = (qkvsim_view){ .struct_size = sizeof copy.view,
                               .data = memory + (size_t)first * dtype_size(dtype),
                               .observations = data->n,
                               .features = data->d,
                               .observation_stride = row,
                               .feature_stride = column,
                               .dtype = dtype };
    return copy;
}

void stored_free(stored *copy)
{
    free(copy->memory);
    copy->memory = NULL;
}

table widen(const qkvsim_view *view)
{
    table data = table_new(view->observations, view->features);
    for (int64_t i = 0; i < data.n; i++)
        for (int64_t j = 0; j < data.d; j++)
            *table_at(&data, i, j) = read_element(
                view->data, i * view->observation_stride + j * view->feature_stride, view->dtype);
    return data;
}

qkvsim_view view_of_columns(const qkvsim_view *view, int64_t first, int64_t count)
{
    qkvsim_view columns = *view;
    columns.data =
        (const char *)view->data + first * view->feature_stride * (int64_t)dtype_size(view->dtype);
    columns.features = count;
    return columns;
}

static FILE *open_capture(const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", TEST_DATA_DIRECTORY, name);
    FILE *file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "cannot open %s\n", path);
        exit(1);
    }
    return file;
}

/* Knows this one file: version 1.0, C order, 1024 x 960 float16. */
stored load_capture(void)
{
    const int64_t n = 1024, d = 960;
    stored copy = { .memory = malloc((size_t)(n * d) * 2) };
    FILE *file = open_capture("smollm2-135m-layer10-qkv.npy");
    unsigned char start[10];
    if (fread(start, 1, sizeof start, file) != sizeof start)
        exit(1);
    fseek(file, 10 + start[8] + 256L * start[9], SEEK_SET);
    if (fread(copy.memory, 2, (size_t)(n * d), file) != (size_t)(n * d))
        exit(1);
    fclose(file);
    copy.view = (qkvsim_view){ .struct_size = sizeof copy.view,
                               .data = copy.memory,
                               .observations = n,
                               .features = d,
                               .observation_stride = d,
                               .feature_stride = 1,
                               .dtype = QKVSIM_DTYPE_F16 };
    return copy;
}

int64_t load_target_rows(int64_t rows[1024])
{
    FILE *file = open_capture("alice-rows.txt");
    long row;
    int64_t count = 0;
    while (count < 1024 && fscanf(file, "%ld", &row) == 1)
        rows[count++] = row;
    fclose(file);
    return count;
}
