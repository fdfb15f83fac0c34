"""The words of the package and the numbers that the C library has for them."""
from typing import Any, Dict, Iterable, List, Sequence, Tuple, Union

from . import _declarations as C
from ._errors import InvalidArgument


def _named(prefix: str) -> Dict[str, int]:
    return {name[len(prefix):].lower(): value for name, value in vars(C).items()
            if name.startswith(prefix) and isinstance(value, int)}


METRICS = _named("METRIC_")
STATISTICS = {**_named("STATISTIC_"), "min": C.STATISTIC_MINIMUM, "max": C.STATISTIC_MAXIMUM}
SUMMARIES = _named("SUMMARY_")
SCHEMES = _named("SCHEME_")
EXCHANGES = _named("EXCHANGE_")
RELABELLINGS = {**_named("RELABEL_"), "label_shift": C.RELABEL_SHIFT}
METHODS = _named("METHOD_")
DISTANCES = _named("DISTANCE_")
SIGNS = _named("SIGN_")
NONFINITE = {**_named("NONFINITE_"), "drop": C.NONFINITE_DROP_OBSERVATION,
             "undefined": C.NONFINITE_UNDEFINED_FEATURE}
PRECISIONS = {"f32": C.DTYPE_F32, "f64": C.DTYPE_F64, "float32": C.DTYPE_F32,
              "float64": C.DTYPE_F64}

ANALYSIS_METRICS = ("cosine", "pearson", "spearman")
# As the program writes them, in its order.
OF_VALUES = ("mean", "variance", "skewness", "kurtosis", "min", "max", "tail", "mean_square")
OF_OFFSET = ("mean_variance_part", "mean_offset_part", "offset_share", "offset_share_raw",
             "offset_energy", "variance_energy", "offset_energy_raw", "variance_energy_raw",
             "cross_energy", "mean_offset_square", "noise_fraction")
REPLICATED = ("mean", "variance", "skewness", "kurtosis", "tail", "mean_square", "offset_share",
              "offset_share_raw", "offset_energy", "variance_energy", "mean_offset_square",
              "noise_fraction")
REPLICATED_OF_VALUES = REPLICATED[:6]
P_VALUES = ("p", "p_less", "p_greater", "p_bh", "p_bh_all", "p_max", "p_max_all", "p_fitted",
            "p_least")


def has_statistic(metric: str, statistic: str) -> bool:
    """Whether a metric has a statistic."""
    number = STATISTICS[statistic]
    return number <= C.STATISTIC_MAXIMUM \
        or (number == C.STATISTIC_MEAN_SQUARE) == (metric != "cosine")


def number_of(words: Dict[str, int], word: Any, parameter: str) -> int:
    """The number of a word, "label-shift" and "label_shift" being one."""
    if isinstance(word, str):
        found = words.get(word.replace("-", "_").lower())
        if found is not None:
            return found
    raise InvalidArgument(f"{parameter} is one of {', '.join(words)}, not {word!r}")


def word_of(words: Dict[str, int], number: int) -> str:
    """The first word of a number."""
    return next(word for word, value in words.items() if value == number)


def metrics_of(metrics: Union[None, str, Iterable[str]]) -> Tuple[str, ...]:
    """The metrics of an analysis, in the program's order."""
    if metrics is None:
        return ("cosine", "pearson")
    given = [metrics] if isinstance(metrics, str) else list(metrics)
    known = {name: METRICS[name] for name in ANALYSIS_METRICS}
    for metric in given:
        number_of(known, metric, "metrics")
    if not given:
        raise InvalidArgument("metrics names none")
    return tuple(name for name in ANALYSIS_METRICS
                 if name in [metric.lower() for metric in given])


def precision_of(precision: Any) -> int:
    """0, or the type of the arithmetic."""
    if precision is None:
        return 0
    name = precision if isinstance(precision, str) else getattr(precision, "__name__", precision)
    return number_of(PRECISIONS, str(name), "precision")


def row_numbers(names: Sequence[str], wanted: Any, parameter: str) -> List[int]:
    """Rows by name or number."""
    given = [wanted] if isinstance(wanted, (str, int)) else list(wanted)
    numbers = []
    for item in given:
        if isinstance(item, str):
            if item not in names:
                raise InvalidArgument(f"{parameter} has no row {item!r}: there are "
                                      + ", ".join(names[:12])
                                      + (", ..." if len(names) > 12 else ""))
            numbers.append(list(names).index(item))
        else:
            numbers.append(int(item))
    return numbers
