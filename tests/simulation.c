#include "simulation.h"

#include "support.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- running ---- */

enum { THREADS = 2 };

typedef struct work {
    simulation run;
    const void *argument;
    int64_t first, count;
    int columns;
    double *results;
} work;

void must(const qkvsim_context *context, qkvsim_status status)
{
    if (status == QKVSIM_OK)
        return;
    fprintf(stderr, "%s: %s\n", qkvsim_status_name(status), qkvsim_context_error(context));
    abort();
}

static void *run_share(void *argument)
{
    const work *own = argument;
    qkvsim_context *context = context_with(1, QKVSIM_KERNELS_AUTO);
    for (int64_t k = own->first; k < own->count; k += THREADS)
        own->run(context, k, own->argument, own->results + k * own->columns);
    qkvsim_context_free(context);
    return NULL;
}

double *simulate_all(simulation run, const void *argument, int64_t count, int columns)
{
    work shares[THREADS];
    pthread_t threads[THREADS];
    double *results = malloc((size_t)(count * columns) * sizeof *results);
    for (int t = 0; t < THREADS; t++) {
        shares[t] = (work){ run, argument, t, count, columns, results };
        if (pthread_create(&threads[t], NULL, run_share, &shares[t]) != 0)
            abort();
    }
    for (int t = 0; t < THREADS; t++)
        pthread_join(threads[t], NULL);
    return results;
}

static double percent_within(const double *results, int64_t count, int columns, int column,
                             double low, double high)
{
    double within = 0, all = 0;
    for (int64_t k = 0; k < count; k++) {
        const double result = results[k * columns + column];
        all += !isnan(result);
        within += result >= low && result <= high;
    }
    return all > 0 ? 100 * within / all : NAN;
}

void share_of_ones(const double *results, int64_t count, int columns, double *percent)
{
    for (int c = 0; c < columns; c++)
        percent[c] = percent_within(results, count, columns, c, 1, 1);
}

void share_at_most(const double *results, int64_t count, int columns, double alpha, double *percent)
{
    for (int c = 0; c < columns; c++)
        percent[c] = percent_within(results, count, columns, c, 0, alpha + 1e-9);
}

void choose_rows(int64_t n, int64_t count, uint64_t seed, int64_t *chosen, int64_t *others)
{
    random_source source = { seed };
    for (int64_t row = 0; row < n; row++)
        if (random_below(&source, n - row) < count) {
            *chosen++ = row;
            count--;
        } else if (others != NULL) {
            *others++ = row;
        }
}

/* ---- reporting ---- */

span span_of(const double *percent, int columns)
{
    span found = { NAN, NAN };
    for (int c = 0; c < columns; c++) {
        found.least = fmin(found.least, percent[c]);
        found.largest = fmax(found.largest, percent[c]);
    }
    return found;
}

static span widen_span(span found, double value)
{
    return (span){ fmin(found.least, value), fmax(found.largest, value) };
}

static const double levels[LEVELS] = { 0.01, 0.05, 0.1, 0.5 };

uniformity uniformity_of(const double *p, int64_t count, int all_columns, int first, int columns,
                         int64_t m)
{
    const span none = { NAN, NAN };
    uniformity found = { { none, none, none, none }, none, none };
    for (int c = first; c < first + columns; c++) {
        double excess = 0, distance = NAN;
        for (int l = 0; l < LEVELS; l++)
            found.at_most[l] = widen_span(
                found.at_most[l], percent_within(p, count, all_columns, c, 0, levels[l] + 1e-9));
        for (int64_t k = 1; k <= m; k++) {
            const double alpha = (double)k / (double)(m + 1);
            const double more =
                percent_within(p, count, all_columns, c, 0, alpha + 1e-9) - 100 * alpha;
            excess = fmax(excess, more);
            distance = fmax(distance, fabs(more));
        }
        found.excess = widen_span(found.excess, excess);
        found.distance = widen_span(found.distance, distance);
    }
    return found;
}

void print_heading(const char *name, const char *const *columns, int count)
{
    printf("table %s\n|", name);
    for (int c = 0; c < count; c++)
        printf(" %s |", columns[c]);
    printf("\n|");
    for (int c = 0; c < count; c++)
        printf("---|");
    printf("\n");
}

void print_levels_heading(const char *name, const char *what, const char *of)
{
    const char *columns[] = { what, of, "p <= .01", "p <= .05", "p <= .1", "p <= .5", "distance" };
    print_heading(name, columns, 7);
}

void print_levels(const char *row, const uniformity *of)
{
    span spans[LEVELS + 1];
    for (int l = 0; l < LEVELS; l++)
        spans[l] = of->at_most[l];
    spans[LEVELS] = of->distance;
    print_spans(row, spans, LEVELS + 1);
}

void print_decimal_spans(const char *row, const span *spans, int count, int decimals)
{
    printf("| %s |", row);
    for (int c = 0; c < count; c++) {
        char least[32], largest[32];
        snprintf(least, sizeof least, "%.*f", decimals, spans[c].least);
        snprintf(largest, sizeof largest, "%.*f", decimals, spans[c].largest);
        if (isnan(spans[c].least))
            printf(" |");
        else if (strcmp(least, largest) == 0)
            printf(" %s |", least);
        else
            printf(" %s to %s |", least, largest);
    }
    printf("\n");
    fflush(stdout);
}

void print_spans(const char *row, const span *spans, int count)
{
    print_decimal_spans(row, spans, count, 0);
}

/* ---- the world ---- */

world world_new(double largest_loading, double phi)
{
    static const double sizes[] = { 1.5, 1.2, 0.45 };
    random_source source = { 5 };
    world made = { .phi = phi };
    for (int j = 0; j < WORLD; j++) {
        made.offset[j] = sizes[j / GROUP] * random_normal(&source);
        for (int f = 0; f < FACTORS; f++)
            made.loading[j][f] = largest_loading * random_normal(&source);
    }
    return made;
}

table world_draw(const world *from, int64_t n, uint64_t seed)
{
    random_source source = { seed };
    double state[WORLD + FACTORS];
    const double fresh = sqrt(1 - from->phi * from->phi);
    table rows = table_new(n, WORLD);
    for (int64_t r = 0; r < n; r++) {
        for (int s = 0; s < WORLD + FACTORS; s++)
            state[s] = r == 0 ? random_normal(&source)
                              : from->phi * state[s] + fresh * random_normal(&source);
        for (int j = 0; j < WORLD; j++) {
            double value = from->offset[j] + state[j];
            for (int f = 0; f < FACTORS; f++)
                value += from->loading[j][f] * state[WORLD + f];
            *table_at(&rows, r, j) = value;
        }
    }
    return rows;
}

static double covariance(const world *of, int i, int j)
{
    double sum = i == j;
    for (int f = 0; f < FACTORS; f++)
        sum += of->loading[i][f] * of->loading[j][f];
    return sum;
}

static double mean_square(const world *of, int j)
{
    return covariance(of, j, j) + of->offset[j] * of->offset[j];
}

/* Sums over the pairs of a pair group. */
typedef struct sums {
    double pairs, value, value_squared, offset, variance, offset_squares;
} sums;

static void add_pair(const world *of, int i, int j, int32_t metric, sums *to)
{
    const double norms = sqrt(mean_square(of, i) * mean_square(of, j));
    const double o = of->offset[i] * of->offset[j] / norms, v = covariance(of, i, j) / norms;
    const double r = covariance(of, i, j) / sqrt(covariance(of, i, i) * covariance(of, j, j));
    const double value = metric == QKVSIM_METRIC_COSINE ? o + v : r;
    to->pairs++;
    to->value += value;
    to->value_squared += value * value;
    to->offset += o * o;
    to->variance += v * v;
    to->offset_squares += (of->offset[i] * of->offset[i] / mean_square(of, i)
                           + of->offset[j] * of->offset[j] / mean_square(of, j))
                          / 2;
}

double world_truth(const world *of, int32_t pair_group, int32_t metric, int32_t statistic)
{
    static const int32_t groups[6][2] = {
        { 0, 0 }, { 0, 1 }, { 0, 2 }, { 1, 1 }, { 1, 2 }, { 2, 2 }
    };
    const int a = GROUP * groups[pair_group][0], b = GROUP * groups[pair_group][1];
    sums all = { 0 };
    for (int i = a; i < a + GROUP; i++)
        for (int j = a == b ? i + 1 : b; j < b + GROUP; j++)
            add_pair(of, i, j, metric, &all);
    switch (statistic) {
    case QKVSIM_STATISTIC_MEAN:
        return all.value / all.pairs;
    case QKVSIM_STATISTIC_VARIANCE:
        return all.value_squared / all.pairs - pow(all.value / all.pairs, 2);
    case QKVSIM_STATISTIC_OFFSET_SHARE:
        return all.offset / (all.offset + all.variance);
    case QKVSIM_STATISTIC_OFFSET_ENERGY:
        return all.offset;
    case QKVSIM_STATISTIC_VARIANCE_ENERGY:
        return all.variance;
    case QKVSIM_STATISTIC_MEAN_OFFSET_SQUARE:
        return all.offset_squares / all.pairs;
    case QKVSIM_STATISTIC_MEAN_SQUARE:
        return all.value_squared / all.pairs;
    default:
        return NAN;
    }
}
