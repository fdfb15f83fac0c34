/* One number of every row of a result, into the caller's array. */
#ifndef QKV_WHOLE_ROWS_H
#define QKV_WHOLE_ROWS_H

#include "analysis.h"

/* What is asked of each row, of a statistic or of a distance. */
enum { QKV_NOT_ASKED = INT32_MIN };

typedef struct qkv_question {
    const void *of; /* the handle; NULL is an error */
    int32_t metric, statistic, distance, summary;
} qkv_question;

/* Fails where it is not one metric. */
qkvsim_status qkv_check_metric(qkvsim_context *context, int32_t metric);

/* Fails on NULL and on constants that do not exist. */
qkvsim_status qkv_check_question(qkvsim_context *context, const qkv_question *question,
                                 const double *values);

/* Writes the answer for each row of an analysis' layout. */
qkvsim_status qkv_answer_rows(qkvsim_context *context, const qkv_question *question,
                              double (*answer)(const qkv_question *question, int32_t row),
                              const qkvsim_analysis *analysis, double *values, int64_t capacity);

/* MEAN, SD, MINIMUM or MAXIMUM of every cell of an analysis' histograms, rows x bins; NULL, 0 and 0
 * where the analysis or the summaries are NULL, or where there is no such metric or summary. */
const double *qkv_histogram_summaries(const qkvsim_analysis *analysis, double *const *summaries,
                                      int32_t metric, int32_t summary, int32_t *rows,
                                      int64_t *bins);

#endif
