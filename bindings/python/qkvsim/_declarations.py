"""Made from the public headers by make_declarations.py; do not edit."""
import ctypes
from ctypes import (CFUNCTYPE, POINTER, c_char_p, c_double, c_int32, c_int64, c_size_t, c_uint64,
                    c_void_p)
from typing import Any, Dict, List, Tuple

OK = 0
ERROR_INVALID_ARGUMENT = 1
ERROR_NO_MEMORY = 2
ERROR_TOO_LARGE = 3
ERROR_NONFINITE = 4
ERROR_AMBIGUOUS = 5
ERROR_CANCELLED = 6
ERROR_UNSUPPORTED = 7
DTYPE_F16 = 1
DTYPE_BF16 = 2
DTYPE_F32 = 3
DTYPE_F64 = 4
DTYPE_I32 = 5
METRIC_COSINE = 1
METRIC_PEARSON = 2
METRIC_COVARIANCE = 4
METRIC_DOT = 8
METRIC_SPEARMAN = 16
NONFINITE_ERROR = 0
NONFINITE_DROP_OBSERVATION = 1
NONFINITE_UNDEFINED_FEATURE = 2
VERSION_MAJOR = 0
VERSION_MINOR = 1
VERSION_PATCH = 0
KERNELS_AUTO = 0
KERNELS_PORTABLE = 1
KERNELS_AVX2 = 2
KERNELS_AVX512 = 3
BINS_MAX = 1048576
DISTANCE_KOLMOGOROV_SMIRNOV = 1
DISTANCE_WASSERSTEIN = 2
DISTANCE_JENSEN_SHANNON = 3
METHOD_JACKKNIFE = 1
METHOD_BOOTSTRAP = 2
HEADS_BLOCKED = 0
HEADS_INTERLEAVED = 1
KIND_LAYOUT = 1
KIND_ANALYSIS = 2
KIND_ACCUMULATOR = 3
KIND_BASELINE = 4
KIND_COMPARISON = 5
KIND_INTERVALS = 6
PACKED_HEADER = 32
SIGN_BOTH = 0
SIGN_POSITIVE = 1
SIGN_NEGATIVE = 2
PAIRS_LIMIT = 10000000
SCHEME_ALL = 1
SCHEME_FEATURE = 2
SCHEME_SHIFT = 3
SCHEME_GROUP = 4
SCHEME_OBSERVATIONS = 5
SCHEME_OBSERVATIONS_SHIFT = 6
SCHEME_FLIP = 7
EXCHANGE_OBSERVATIONS = 1
EXCHANGE_SEGMENTS = 2
RELABEL_LABELS = 1
RELABEL_SHIFT = 2
TRIANGLE_FULL = 0
TRIANGLE_UPPER = 1
STATISTIC_MEAN = 1
STATISTIC_VARIANCE = 2
STATISTIC_SKEWNESS = 3
STATISTIC_KURTOSIS = 4
STATISTIC_TAIL = 5
STATISTIC_MINIMUM = 6
STATISTIC_MAXIMUM = 7
STATISTIC_OFFSET_SHARE = 8
STATISTIC_OFFSET_SHARE_RAW = 9
STATISTIC_OFFSET_ENERGY = 10
STATISTIC_VARIANCE_ENERGY = 11
STATISTIC_OFFSET_ENERGY_RAW = 12
STATISTIC_VARIANCE_ENERGY_RAW = 13
STATISTIC_CROSS_ENERGY = 14
STATISTIC_MEAN_OFFSET_PART = 15
STATISTIC_MEAN_VARIANCE_PART = 16
STATISTIC_MEAN_OFFSET_SQUARE = 17
STATISTIC_NOISE_FRACTION = 18
STATISTIC_MEAN_SQUARE = 19
SUMMARY_OBSERVED = 1
SUMMARY_MEAN = 2
SUMMARY_SD = 3
SUMMARY_MINIMUM = 4
SUMMARY_MAXIMUM = 5
SUMMARY_Z = 6
SUMMARY_P = 7
SUMMARY_P_LESS = 8
SUMMARY_P_GREATER = 9
SUMMARY_P_BH = 10
SUMMARY_P_BH_ALL = 11
SUMMARY_P_MAX = 12
SUMMARY_P_MAX_ALL = 13
SUMMARY_LOW = 14
SUMMARY_HIGH = 15
SUMMARY_ESTIMATE = 16
SUMMARY_SE = 17
SUMMARY_MATCHED = 18
SUMMARY_MATCHED_MEAN = 19
SUMMARY_MATCHED_SD = 20
SUMMARY_MATCHED_MINIMUM = 21
SUMMARY_MATCHED_MAXIMUM = 22
SUMMARY_P_FITTED = 23
SUMMARY_P_LEAST = 24


Progress = CFUNCTYPE(c_int32, c_void_p, c_int64, c_int64)


class AccumulatorOptions(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("blocks", c_int64),
        ("first_row", c_int64),
        ("rows", c_int64),
        ("cancel_empties", c_int32),
        ("reserved", c_int32),
    ]


class AnalysisOptions(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("bins", c_void_p),
        ("pair_groups", c_void_p),
        ("pair_group_count", c_int32),
        ("metrics", c_int32),
    ]


class BaselineOptions(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("permutations", c_int64),
        ("seed", c_uint64),
        ("scheme", c_int32),
        ("exchange", c_int32),
        ("covariates", c_void_p),
        ("exceedances", c_int64),
        ("first", c_int64),
        ("total", c_int64),
    ]


class ComparisonOptions(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("permutations", c_int64),
        ("subsets", c_int64),
        ("seed", c_uint64),
        ("relabel", c_int32),
        ("centred", c_int32),
        ("exchange", c_int32),
        ("reserved", c_int32),
        ("exceedances", c_int64),
        ("first", c_int64),
        ("total", c_int64),
        ("first_subset", c_int64),
    ]


class ContextOptions(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("allocate", c_void_p),
        ("release", c_void_p),
        ("allocate_user", c_void_p),
        ("progress", Progress),
        ("progress_user", c_void_p),
        ("threads", c_int32),
        ("kernels", c_int32),
        ("error", c_char_p),
        ("error_size", c_int64),
    ]


class Bins(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("count", c_int64),
        ("low", c_double),
        ("high", c_double),
        ("edges", c_void_p),
    ]


class Input(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("parts", c_void_p),
        ("part_count", c_int64),
        ("selection", c_void_p),
        ("segments", c_void_p),
        ("arithmetic", c_int32),
        ("nonfinite", c_int32),
    ]


class IntervalOptions(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("blocks", c_int64),
        ("resamples", c_int64),
        ("block_length", c_int64),
        ("level", c_double),
        ("seed", c_uint64),
        ("method", c_int32),
        ("reserved", c_int32),
        ("first", c_int64),
        ("total", c_int64),
    ]


class Pair(ctypes.Structure):
    _fields_ = [
        ("i", c_int64),
        ("j", c_int64),
        ("value", c_double),
        ("pair_group", c_int32),
        ("reserved", c_int32),
    ]


class PairsOptions(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("pair_groups", c_void_p),
        ("pair_group_count", c_int32),
        ("metric", c_int32),
        ("sign", c_int32),
        ("per_pair_group", c_int32),
        ("threshold", c_void_p),
        ("top", c_int64),
        ("limit", c_int64),
    ]


class Permutation(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("seed", c_uint64),
        ("index", c_int64),
        ("scheme", c_int32),
        ("exchange", c_int32),
        ("layout", c_void_p),
        ("covariates", c_void_p),
        ("enumerated", c_int32),
        ("reserved", c_int32),
    ]


class Relabelling(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("seed", c_uint64),
        ("index", c_int64),
        ("relabel", c_int32),
        ("exchange", c_int32),
        ("segments", c_void_p),
        ("enumerated", c_int32),
        ("reserved", c_int32),
    ]


class SimilarityOptions(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("triangle", c_int32),
        ("reserved", c_int32),
    ]


class View(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("data", c_void_p),
        ("observations", c_int64),
        ("features", c_int64),
        ("observation_stride", c_int64),
        ("feature_stride", c_int64),
        ("dtype", c_int32),
        ("reserved", c_int32),
    ]


class Matrix(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("data", c_void_p),
        ("rows", c_int64),
        ("columns", c_int64),
        ("leading_dimension", c_int64),
        ("dtype", c_int32),
        ("reserved", c_int32),
    ]


class Selection(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("observations", c_void_p),
        ("mask", c_void_p),
        ("count", c_int64),
    ]


# A name, what it returns, what it takes. Arrays and handles are addresses.
FUNCTIONS: Dict[str, Tuple[Any, List[Any]]] = {
    "qkvsim_accumulator_create": (c_int32, [c_void_p, c_int64, POINTER(AccumulatorOptions),
        c_void_p]),
    "qkvsim_accumulator_free": (None, [c_void_p]),
    "qkvsim_accumulator_features": (c_int64, [c_void_p]),
    "qkvsim_accumulator_first_row": (c_int64, [c_void_p]),
    "qkvsim_accumulator_rows": (c_int64, [c_void_p]),
    "qkvsim_accumulator_observations": (c_int64, [c_void_p]),
    "qkvsim_accumulator_blocks": (c_int64, [c_void_p]),
    "qkvsim_accumulator_block_observations": (c_int64, [c_void_p, c_int64]),
    "qkvsim_accumulator_update": (c_int32, [c_void_p, c_void_p, POINTER(Input)]),
    "qkvsim_accumulator_packed_size": (c_int64, [c_void_p]),
    "qkvsim_accumulator_pack": (c_int32, [c_void_p, c_void_p, c_void_p, c_int64]),
    "qkvsim_accumulator_unpack": (c_int32, [c_void_p, c_void_p, c_int64, c_void_p]),
    "qkvsim_accumulator_unpack_in_place": (c_int32, [c_void_p, c_void_p, c_int64, c_void_p]),
    "qkvsim_accumulator_merge": (c_int32, [c_void_p, c_void_p, c_void_p]),
    "qkvsim_accumulator_join": (c_int32, [c_void_p, c_void_p, c_int64, c_void_p]),
    "qkvsim_accumulator_analysis": (c_int32, [c_void_p, c_void_p, c_void_p,
        POINTER(AnalysisOptions), c_void_p]),
    "qkvsim_accumulator_pairs": (c_int32, [c_void_p, c_void_p, c_void_p, POINTER(PairsOptions),
        c_void_p]),
    "qkvsim_accumulator_similarity": (c_int32, [c_void_p, c_void_p, c_int32,
        POINTER(SimilarityOptions), POINTER(Matrix)]),
    "qkvsim_accumulator_difference": (c_int32, [c_void_p, c_void_p, c_void_p, c_int32,
        POINTER(SimilarityOptions), POINTER(Matrix)]),
    "qkvsim_accumulator_intervals": (c_int32, [c_void_p, c_void_p, c_void_p, c_void_p,
        POINTER(AnalysisOptions), POINTER(IntervalOptions), c_void_p]),
    "qkvsim_analysis_run": (c_int32, [c_void_p, POINTER(Input), c_void_p, POINTER(AnalysisOptions),
        c_void_p]),
    "qkvsim_analysis_merge": (c_int32, [c_void_p, c_void_p, c_int64, c_void_p]),
    "qkvsim_analysis_packed_size": (c_int64, [c_void_p]),
    "qkvsim_analysis_pack": (c_int32, [c_void_p, c_void_p, c_void_p, c_int64]),
    "qkvsim_analysis_unpack": (c_int32, [c_void_p, c_void_p, c_int64, c_void_p]),
    "qkvsim_analysis_free": (None, [c_void_p]),
    "qkvsim_analysis_observations": (c_int64, [c_void_p]),
    "qkvsim_analysis_dropped": (c_void_p, [c_void_p, c_void_p]),
    "qkvsim_analysis_layout": (c_void_p, [c_void_p]),
    "qkvsim_analysis_metrics": (c_int32, [c_void_p]),
    "qkvsim_analysis_arithmetic": (c_int32, [c_void_p]),
    "qkvsim_analysis_defined": (c_int64, [c_void_p, c_int32, c_int32]),
    "qkvsim_analysis_defined_counts": (c_int32, [c_void_p, c_void_p, c_int32, c_void_p, c_int64]),
    "qkvsim_analysis_undefined_features": (c_void_p, [c_void_p, c_int32, c_void_p]),
    "qkvsim_analysis_bins": (c_int64, [c_void_p]),
    "qkvsim_analysis_bin_edges": (c_void_p, [c_void_p]),
    "qkvsim_analysis_histogram": (c_void_p, [c_void_p, c_int32, c_int32]),
    "qkvsim_analysis_histograms": (c_void_p, [c_void_p, c_int32, c_void_p, c_void_p]),
    "qkvsim_analysis_statistic": (c_double, [c_void_p, c_int32, c_int32, c_int32]),
    "qkvsim_analysis_statistics": (c_int32, [c_void_p, c_void_p, c_int32, c_int32, c_void_p,
        c_int64]),
    "qkvsim_analysis_group_matrix": (c_int32, [c_void_p, c_void_p, c_int32, c_int32, c_void_p,
        c_int64]),
    "qkvsim_analysis_offset_ratios": (c_void_p, [c_void_p]),
    "qkvsim_analysis_group_offset": (c_double, [c_void_p, c_int32]),
    "qkvsim_analysis_group_offsets": (c_void_p, [c_void_p]),
    "qkvsim_baseline_run": (c_int32, [c_void_p, POINTER(Input), c_void_p, POINTER(AnalysisOptions),
        POINTER(BaselineOptions), c_void_p]),
    "qkvsim_baseline_merge": (c_int32, [c_void_p, c_void_p, c_int64, c_void_p]),
    "qkvsim_baseline_packed_size": (c_int64, [c_void_p]),
    "qkvsim_baseline_pack": (c_int32, [c_void_p, c_void_p, c_void_p, c_int64]),
    "qkvsim_baseline_unpack": (c_int32, [c_void_p, c_void_p, c_int64, c_void_p]),
    "qkvsim_baseline_free": (None, [c_void_p]),
    "qkvsim_baseline_observed": (c_void_p, [c_void_p]),
    "qkvsim_baseline_permutations": (c_int64, [c_void_p]),
    "qkvsim_baseline_first": (c_int64, [c_void_p]),
    "qkvsim_baseline_total": (c_int64, [c_void_p]),
    "qkvsim_baseline_enumerated": (c_int32, [c_void_p]),
    "qkvsim_baseline_seed": (c_uint64, [c_void_p]),
    "qkvsim_baseline_scheme": (c_int32, [c_void_p]),
    "qkvsim_baseline_exchange": (c_int32, [c_void_p]),
    "qkvsim_baseline_exceedances": (c_int64, [c_void_p]),
    "qkvsim_baseline_covariates": (c_int64, [c_void_p]),
    "qkvsim_baseline_histogram": (c_void_p, [c_void_p, c_int32, c_int32, c_int32]),
    "qkvsim_baseline_histograms": (c_void_p, [c_void_p, c_int32, c_int32, c_void_p, c_void_p]),
    "qkvsim_baseline_statistic": (c_double, [c_void_p, c_int32, c_int32, c_int32, c_int32]),
    "qkvsim_baseline_statistics": (c_int32, [c_void_p, c_void_p, c_int32, c_int32, c_int32,
        c_void_p, c_int64]),
    "qkvsim_struct_init": (None, [c_void_p, c_size_t]),
    "qkvsim_status_name": (c_char_p, [c_int32]),
    "qkvsim_version_number": (c_int32, []),
    "qkvsim_version": (c_char_p, []),
    "qkvsim_blas_description": (c_char_p, []),
    "qkvsim_comparison_run": (c_int32, [c_void_p, POINTER(Input), POINTER(Selection), c_void_p,
        POINTER(AnalysisOptions), POINTER(ComparisonOptions), c_void_p]),
    "qkvsim_comparison_merge": (c_int32, [c_void_p, c_void_p, c_int64, c_void_p]),
    "qkvsim_comparison_packed_size": (c_int64, [c_void_p]),
    "qkvsim_comparison_pack": (c_int32, [c_void_p, c_void_p, c_void_p, c_int64]),
    "qkvsim_comparison_unpack": (c_int32, [c_void_p, c_void_p, c_int64, c_void_p]),
    "qkvsim_comparison_free": (None, [c_void_p]),
    "qkvsim_comparison_first": (c_void_p, [c_void_p]),
    "qkvsim_comparison_second": (c_void_p, [c_void_p]),
    "qkvsim_comparison_permutations": (c_int64, [c_void_p]),
    "qkvsim_comparison_subsets": (c_int64, [c_void_p]),
    "qkvsim_comparison_first_permutation": (c_int64, [c_void_p]),
    "qkvsim_comparison_first_subset": (c_int64, [c_void_p]),
    "qkvsim_comparison_total": (c_int64, [c_void_p]),
    "qkvsim_comparison_seed": (c_uint64, [c_void_p]),
    "qkvsim_comparison_relabel": (c_int32, [c_void_p]),
    "qkvsim_comparison_exchange": (c_int32, [c_void_p]),
    "qkvsim_comparison_centred": (c_int32, [c_void_p]),
    "qkvsim_comparison_exceedances": (c_int64, [c_void_p]),
    "qkvsim_comparison_enumerated": (c_int32, [c_void_p]),
    "qkvsim_comparison_distance": (c_double, [c_void_p, c_int32, c_int32, c_int32, c_int32]),
    "qkvsim_comparison_distances": (c_int32, [c_void_p, c_void_p, c_int32, c_int32, c_int32,
        c_void_p, c_int64]),
    "qkvsim_comparison_difference": (c_double, [c_void_p, c_int32, c_int32, c_int32, c_int32]),
    "qkvsim_comparison_differences": (c_int32, [c_void_p, c_void_p, c_int32, c_int32, c_int32,
        c_void_p, c_int64]),
    "qkvsim_comparison_matched": (c_double, [c_void_p, c_int32, c_int32, c_int32, c_int32]),
    "qkvsim_comparison_matched_statistics": (c_int32, [c_void_p, c_void_p, c_int32, c_int32,
        c_int32, c_void_p, c_int64]),
    "qkvsim_comparison_band": (c_void_p, [c_void_p, c_int32, c_int32, c_int32]),
    "qkvsim_comparison_bands": (c_void_p, [c_void_p, c_int32, c_int32, c_void_p, c_void_p]),
    "qkvsim_context_create": (c_int32, [POINTER(ContextOptions), c_void_p]),
    "qkvsim_context_free": (None, [c_void_p]),
    "qkvsim_context_error": (c_char_p, [c_void_p]),
    "qkvsim_context_threads": (c_int32, [c_void_p]),
    "qkvsim_context_kernels": (c_char_p, [c_void_p]),
    "qkvsim_context_set_progress": (None, [c_void_p, Progress, c_void_p]),
    "qkvsim_bin_edges": (c_int32, [c_void_p, POINTER(Bins), c_int32, c_void_p, c_int64]),
    "qkvsim_histogram": (c_int32, [c_void_p, POINTER(View), POINTER(View), c_void_p, c_int32,
        POINTER(Bins), c_void_p, c_int64, c_void_p]),
    "qkvsim_histogram_distance": (c_int32, [c_void_p, c_void_p, c_void_p, c_void_p, c_int64,
        c_int32, c_void_p]),
    "qkvsim_intervals_run": (c_int32, [c_void_p, POINTER(Input), POINTER(Selection), c_void_p,
        POINTER(AnalysisOptions), POINTER(IntervalOptions), c_void_p]),
    "qkvsim_intervals_merge": (c_int32, [c_void_p, c_void_p, c_int64, c_void_p]),
    "qkvsim_intervals_packed_size": (c_int64, [c_void_p]),
    "qkvsim_intervals_pack": (c_int32, [c_void_p, c_void_p, c_void_p, c_int64]),
    "qkvsim_intervals_unpack": (c_int32, [c_void_p, c_void_p, c_int64, c_void_p]),
    "qkvsim_intervals_first": (c_int64, [c_void_p]),
    "qkvsim_intervals_total": (c_int64, [c_void_p]),
    "qkvsim_intervals_free": (None, [c_void_p]),
    "qkvsim_intervals_observed": (c_void_p, [c_void_p]),
    "qkvsim_intervals_observed_second": (c_void_p, [c_void_p]),
    "qkvsim_intervals_method": (c_int32, [c_void_p]),
    "qkvsim_intervals_level": (c_double, [c_void_p]),
    "qkvsim_intervals_seed": (c_uint64, [c_void_p]),
    "qkvsim_intervals_replicates": (c_int64, [c_void_p]),
    "qkvsim_intervals_block_length": (c_int64, [c_void_p]),
    "qkvsim_intervals_values": (c_void_p, [c_void_p, c_int32, c_int32, c_int32]),
    "qkvsim_intervals_statistic": (c_double, [c_void_p, c_int32, c_int32, c_int32, c_int32]),
    "qkvsim_intervals_statistics": (c_int32, [c_void_p, c_void_p, c_int32, c_int32, c_int32,
        c_void_p, c_int64]),
    "qkvsim_intervals_contrast": (c_double, [c_void_p, c_int32, c_int32, c_int32, c_int32,
        c_int32]),
    "qkvsim_intervals_difference": (c_double, [c_void_p, c_int32, c_int32, c_int32, c_int32]),
    "qkvsim_intervals_differences": (c_int32, [c_void_p, c_void_p, c_int32, c_int32, c_int32,
        c_void_p, c_int64]),
    "qkvsim_layout_thirds": (c_int32, [c_void_p, c_int64, c_void_p]),
    "qkvsim_layout_widths": (c_int32, [c_void_p, c_void_p, c_void_p, c_int32, c_void_p]),
    "qkvsim_layout_heads": (c_int32, [c_void_p, c_void_p, c_void_p, c_void_p, c_int32, c_int32,
        c_void_p]),
    "qkvsim_layout_labels": (c_int32, [c_void_p, c_void_p, c_int64, c_void_p, c_int32, c_void_p]),
    "qkvsim_layout_add_rollup": (c_int32, [c_void_p, c_void_p, c_char_p, c_void_p, c_int32]),
    "qkvsim_layout_piece_pair_groups": (c_int32, [c_void_p, c_void_p, c_int32, c_int32, c_void_p,
        c_int32, c_void_p]),
    "qkvsim_layout_packed_size": (c_int64, [c_void_p]),
    "qkvsim_layout_pack": (c_int32, [c_void_p, c_void_p, c_void_p, c_int64]),
    "qkvsim_layout_unpack": (c_int32, [c_void_p, c_void_p, c_int64, c_void_p]),
    "qkvsim_layout_free": (None, [c_void_p]),
    "qkvsim_layout_features": (c_int64, [c_void_p]),
    "qkvsim_layout_groups": (c_int32, [c_void_p]),
    "qkvsim_layout_pair_groups": (c_int32, [c_void_p]),
    "qkvsim_layout_group_name": (c_char_p, [c_void_p, c_int32]),
    "qkvsim_layout_group_features": (c_int64, [c_void_p, c_int32]),
    "qkvsim_layout_group_of": (c_void_p, [c_void_p]),
    "qkvsim_layout_pair_group": (c_int32, [c_void_p, c_int32, c_int32]),
    "qkvsim_layout_rollups": (c_int32, [c_void_p]),
    "qkvsim_layout_rows": (c_int32, [c_void_p]),
    "qkvsim_layout_rollup_pair_groups": (c_void_p, [c_void_p, c_int32, c_void_p]),
    "qkvsim_layout_row_name": (c_char_p, [c_void_p, c_int32]),
    "qkvsim_layout_pairs": (c_int64, [c_void_p, c_int32]),
    "qkvsim_layout_pair_counts": (c_int32, [c_void_p, c_void_p, c_void_p, c_int64]),
    "qkvsim_layout_mask_codes": (c_int32, [c_void_p, c_void_p, c_void_p, c_void_p, c_int64]),
    "qkvsim_layout_mask": (c_int32, [c_void_p, c_void_p, c_void_p, POINTER(Matrix)]),
    "qkvsim_packed_kind": (c_int32, [c_void_p, c_void_p, c_int64, c_void_p, c_void_p]),
    "qkvsim_pairs_run": (c_int32, [c_void_p, POINTER(Input), c_void_p, POINTER(PairsOptions),
        c_void_p]),
    "qkvsim_pairs_free": (None, [c_void_p]),
    "qkvsim_pairs_list": (c_void_p, [c_void_p, c_void_p]),
    "qkvsim_pairs_observations": (c_int64, [c_void_p]),
    "qkvsim_pairs_metric": (c_int32, [c_void_p]),
    "qkvsim_pairs_arithmetic": (c_int32, [c_void_p]),
    "qkvsim_permute": (c_int32, [c_void_p, POINTER(Input), POINTER(Permutation), POINTER(Matrix)]),
    "qkvsim_relabel": (c_int32, [c_void_p, c_void_p, c_int64, POINTER(Relabelling), c_void_p]),
    "qkvsim_adjust_bh": (c_int32, [c_void_p, c_void_p, c_int64, c_void_p]),
    "qkvsim_tail_p": (c_int32, [c_void_p, c_void_p, c_int64, c_double, c_void_p]),
    "qkvsim_similarity": (c_int32, [c_void_p, POINTER(Input), c_int32, POINTER(SimilarityOptions),
        POINTER(Matrix)]),
}
