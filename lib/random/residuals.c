/*
 * Residuals. With an orthonormal basis U of the intercept and the covariates, a column x is its
 * mean, what U makes of the rest, and e = x - U U'x. Freedman & Lane move e to P e, and refit: (I -
 * U U') P e. The refit takes off a part of the norm, of which the observed column has lost nothing,
 * so the norm is put back: else cosines would be set against those of slightly larger offset
 * ratios.
 */
#include "residuals.h"

#include <math.h>
#include <string.h>

#include "base/parallel.h"
#include "base/reals.h"
#include "flow/load.h"

/* Residuals below this share of what they are of are rounding's. */
static const double negligible = 1e-10;

/* ---- vectors ---- */

static double dot(const double *a, const double *b, int64_t n)
{
    double sum = 0;
    for (int64_t k = 0; k < n; k++)
        sum += a[k] * b[k];
    return sum;
}

static double norm_of(const double *a, int64_t n)
{
    return sqrt(dot(a, a, n));
}

/* Takes off a vector what the first `rank` of the basis make of it. */
static void project(const qkv_residuals *residuals, int64_t rank, double *vector)
{
    for (int64_t b = 0; b < rank; b++) {
        const double *direction = residuals->basis + b * residuals->rows;
        const double share = dot(direction, vector, residuals->rows);
        for (int64_t k = 0; k < residuals->rows; k++)
            vector[k] -= share * direction[k];
    }
}

/* The power of two that brings values to about 1; 0 where one is not finite. */
static double find_unit(const double *values, int64_t n)
{
    double most = 0;
    for (int64_t k = 0; k < n; k++) {
        if (!isfinite(values[k]))
            return 0;
        most = fmax(most, fabs(values[k]));
    }
    int exponent = 0;
    frexp(most, &exponent);
    return ldexp(1, exponent < -1000 ? -1000 : exponent > 1000 ? 1000 : exponent);
}

/* Less the mean and, to the last digit, less that of the rest. */
static double centre(double *values, int64_t n)
{
    double mean = 0;
    for (int pass = 0; pass < 2; pass++) {
        double sum = 0;
        for (int64_t k = 0; k < n; k++)
            sum += values[k];
        sum /= (double)n;
        for (int64_t k = 0; k < n; k++)
            values[k] -= sum;
        mean += sum;
    }
    return mean;
}

/* ---- the basis ---- */

static qkvsim_status load_covariate(qkvsim_context *context, const qkv_input *covariates,
                                    int64_t column, double *values)
{
    const int64_t n = covariates->observations;
    const qkv_strip strip = { .values = values, .leading = 1, .count = n, .width = 1 };
    qkv_load_columns(context, covariates, 0, &column, &strip);
    for (int64_t k = 0; k < n; k++)
        if (!isfinite(values[k]))
            return qkv_fail(context, QKVSIM_ERROR_NONFINITE,
                            "covariate %lld is not finite in row %lld", (long long)column,
                            (long long)qkv_input_row(covariates, k));
    return QKVSIM_OK;
}

/* Gram and Schmidt, twice: adds what a covariate has that the basis has not, if it is more than
 * rounding. */
static void add_direction(qkv_residuals *residuals, double *values)
{
    const int64_t n = residuals->rows;
    const double unit = find_unit(values, n);
    for (int64_t k = 0; k < n; k++)
        values[k] /= unit;
    const double whole = norm_of(values, n);
    project(residuals, residuals->rank, values);
    project(residuals, residuals->rank, values);
    const double norm = norm_of(values, n);
    if (!(norm > negligible * whole))
        return;
    for (int64_t k = 0; k < n; k++)
        values[k] /= norm;
    residuals->rank++;
}

static qkvsim_status check_covariates(qkvsim_context *context, const qkv_input *input,
                                      const qkv_input *covariates)
{
    const int64_t rows = input->parts[0].view.observations;
    if (covariates->observations != rows)
        return qkv_invalid(context, "covariates has %lld observations, but the parts have %lld",
                           (long long)covariates->observations, (long long)rows);
    return covariates->features < input->observations - 2
               ? QKVSIM_OK
               : qkv_invalid(context,
                             "%lld covariates for %lld observations: there must be fewer than "
                             "observations less 2",
                             (long long)covariates->features, (long long)input->observations);
}

/* Room for the intercept and `most` directions more. */
static qkvsim_status open_basis(qkvsim_context *context, int64_t rows, int64_t most,
                                qkv_residuals *residuals)
{
    const qkv_allocator *allocator = &context->allocator;
    residuals->rows = rows;
    residuals->basis =
        qkv_allocate(allocator, (size_t)most + 1, (size_t)rows * sizeof *residuals->basis);
    residuals->scratch = qkv_allocate(allocator, (size_t)context->threads,
                                      (size_t)rows * sizeof *residuals->scratch);
    if (residuals->basis == NULL || residuals->scratch == NULL)
        return qkv_no_memory(context, "the covariates");
    for (int64_t k = 0; k < rows; k++)
        residuals->basis[k] = 1 / sqrt((double)rows);
    residuals->rank = 1;
    return QKVSIM_OK;
}

static qkvsim_status add_covariates(qkvsim_context *context, const qkv_input *input,
                                    const qkvsim_view *view, qkv_residuals *residuals)
{
    const qkvsim_input given = {
        .struct_size = sizeof given, .parts = view, .part_count = 1, .arithmetic = QKVSIM_DTYPE_F64
    };
    qkv_input whole;
    qkvsim_status status = qkv_input_open(context, &given, false, &whole);
    if (status != QKVSIM_OK)
        return status;
    status = check_covariates(context, input, &whole);
    if (status == QKVSIM_OK)
        status = open_basis(context, input->observations, whole.features, residuals);
    const qkv_input used = qkv_input_with_rows(&whole, input->rows, input->observations);
    for (int64_t j = 0; j < whole.features && status == QKVSIM_OK; j++) {
        if (qkv_work_pulse(context, 0))
            status = qkv_cancelled(context);
        double *next = residuals->basis + residuals->rank * residuals->rows;
        if (status == QKVSIM_OK)
            status = load_covariate(context, &used, j, next);
        if (status == QKVSIM_OK)
            add_direction(residuals, next);
    }
    qkv_input_close(context, &whole);
    return status;
}

qkvsim_status qkv_residuals_open(qkvsim_context *context, const qkv_input *input,
                                 const qkvsim_view *covariates, qkv_residuals *residuals)
{
    *residuals = (qkv_residuals){ 0 };
    qkvsim_status status = covariates != NULL
                               ? add_covariates(context, input, covariates, residuals)
                               : open_basis(context, input->observations, 0, residuals);
    if (status == QKVSIM_OK) {
        residuals->fits =
            qkv_allocate(&context->allocator, (size_t)input->features, sizeof *residuals->fits);
        if (residuals->fits == NULL)
            status = qkv_no_memory(context, "the residuals");
    }
    if (status != QKVSIM_OK)
        qkv_residuals_close(context, residuals);
    return status;
}

void qkv_residuals_close(const qkvsim_context *context, qkv_residuals *residuals)
{
    qkv_release(&context->allocator, residuals->basis);
    qkv_release(&context->allocator, residuals->fits);
    qkv_release(&context->allocator, residuals->scratch);
    *residuals = (qkv_residuals){ 0 };
}

/* ---- columns ---- */

/* mean + scale e, in the column's units. */
static void write_reals(const double *e, const qkv_residual *fit, double scale, int32_t arithmetic,
                        int64_t n, void *to)
{
    for (int64_t k = 0; k < n; k++)
        qkv_put_real(to, arithmetic, k, (fit->mean + scale * e[k]) * fit->unit);
}

static void fit_column(const qkv_residuals *residuals, void *values, int32_t arithmetic, double *e,
                       qkv_residual *fit)
{
    const int64_t n = residuals->rows;
    const double rounding = arithmetic == QKVSIM_DTYPE_F64 ? negligible : 1e-6;
    for (int64_t k = 0; k < n; k++)
        e[k] = qkv_real_at(values, arithmetic, k);
    *fit = (qkv_residual){ .unit = find_unit(e, n) };
    bool constant = true;
    for (int64_t k = 1; k < n && constant; k++)
        constant = e[k] == e[0];
    if (fit->unit == 0 || constant)
        return;
    for (int64_t k = 0; k < n; k++)
        e[k] /= fit->unit;
    fit->mean = centre(e, n);
    const double whole = norm_of(e, n);
    if (residuals->rank > 1) {
        project(residuals, residuals->rank, e);
        project(residuals, residuals->rank, e);
    }
    const double norm = norm_of(e, n);
    fit->norm = norm > rounding * whole ? norm : 0;
    if (residuals->rank > 1)
        write_reals(e, fit, fit->norm > 0 ? 1 : 0, arithmetic, n, values);
}

typedef struct fitting {
    qkvsim_context *context;
    const qkv_residuals *residuals;
    char *values;
    int64_t columns;
    int32_t arithmetic;
    atomic_llong next;
} fitting;

static void fit_worker(void *state, int32_t worker)
{
    fitting *work = state;
    const qkv_residuals *residuals = work->residuals;
    const size_t size = (size_t)residuals->rows * qkv_real_size(work->arithmetic);
    for (int64_t j; !qkv_work_pulse(work->context, worker)
                    && (j = qkv_next_task(&work->next, work->columns)) >= 0;)
        fit_column(residuals, work->values + (size_t)j * size, work->arithmetic,
                   residuals->scratch + worker * residuals->rows, &residuals->fits[j]);
}

qkvsim_status qkv_residuals_fit(qkvsim_context *context, qkv_residuals *residuals, void *values,
                                int64_t columns, int32_t arithmetic)
{
    fitting work = { .context = context,
                     .residuals = residuals,
                     .values = values,
                     .columns = columns,
                     .arithmetic = arithmetic };
    const double operations =
        8.0 * (double)residuals->rank * (double)residuals->rows * (double)columns;
    qkv_parallel(context, qkv_worker_count(context, columns, operations), fit_worker, &work);
    return qkv_work_is_cancelled(context) ? qkv_cancelled(context) : QKVSIM_OK;
}

/* The residual that comes to a row. */
static double moved(const qkv_residual *fit, const qkv_move *move, int32_t arithmetic,
                    const void *from, int64_t row)
{
    const int64_t source = move->order != NULL ? move->order[row] : row;
    const double value = qkv_real_at(from, arithmetic, source);
    const double e = value / fit->unit - fit->mean;
    return move->signs != NULL ? move->signs[row] * e : e;
}

void qkv_residuals_move(const qkv_residuals *residuals, int32_t reader, int64_t column,
                        const qkv_move *move, int32_t arithmetic, const void *from, void *to)
{
    const qkv_residual *fit = &residuals->fits[column];
    double *e = residuals->scratch + reader * residuals->rows;
    for (int64_t row = 0; row < residuals->rows; row++)
        e[row] = moved(fit, move, arithmetic, from, row);
    project(residuals, residuals->rank, e);
    const double norm = norm_of(e, residuals->rows);
    const double scale = norm > negligible * fit->norm ? fit->norm / norm : 0;
    write_reals(e, fit, scale, arithmetic, residuals->rows, to);
}
