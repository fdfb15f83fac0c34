/*
 * OpenBLAS under the names that its own build gave it: some put a prefix before every symbol
 * (SciPy's wheels: scipy_cblas_sgemm), and say so to the compiler by -DBLAS_SYMBOL_PREFIX=scipy_.
 */
#ifndef QKV_BLAS_NAMES_H
#define QKV_BLAS_NAMES_H

#include <cblas.h>

#ifdef BLAS_SYMBOL_PREFIX
#define QKV_JOIN(prefix, name) prefix##name
#define QKV_WITH_PREFIX(prefix, name) QKV_JOIN(prefix, name)
#define QKV_BLAS_NAME(name) QKV_WITH_PREFIX(BLAS_SYMBOL_PREFIX, name)

#define cblas_sgemm QKV_BLAS_NAME(cblas_sgemm)
#define cblas_dgemm QKV_BLAS_NAME(cblas_dgemm)
#define cblas_ssyrk QKV_BLAS_NAME(cblas_ssyrk)
#define cblas_dsyrk QKV_BLAS_NAME(cblas_dsyrk)
#define openblas_get_config QKV_BLAS_NAME(openblas_get_config)
#define openblas_get_corename QKV_BLAS_NAME(openblas_get_corename)
#define openblas_get_num_threads QKV_BLAS_NAME(openblas_get_num_threads)
#define openblas_get_parallel QKV_BLAS_NAME(openblas_get_parallel)
#define openblas_set_num_threads QKV_BLAS_NAME(openblas_set_num_threads)
#endif

#endif
