"""The table: which way, of which size, and how many times faster qkvsim is to be. A row runs in a
process of its own, so that no other library's threads are about."""
import importlib
import importlib.metadata
from dataclasses import dataclass

from . import library, timing
from .work import Work, compare_answers, compare_matrices


@dataclass(frozen=True)
class Way:
    """`variants` names a generator of (label, object to call), `package` what it needs."""
    key: str
    title: str
    variants: str
    package: str
    metric: str | None = None  # of a single step; None: the whole analysis
    triangle: int = library.FULL  # what a single step writes


WAYS = [
    Way("notebook", "the notebook", "notebook.variants", "numpy"),
    Way("tuned-numpy", "tuned NumPy", "tuned_numpy.variants", "numpy"),
    Way("tuned-torch", "tuned PyTorch", "tuned_torch.variants", "torch"),
    Way("tiled-numpy", "the library's flow in NumPy", "tiled_numpy.variants", "numpy"),
    Way("numpy-corrcoef", "np.corrcoef", "single_steps.numpy_corrcoef", "numpy", "pearson"),
    Way("torch-corrcoef", "torch.corrcoef", "single_steps.torch_corrcoef", "torch", "pearson"),
    Way("sklearn-cosine", "scikit-learn cosine_similarity", "single_steps.sklearn_cosine",
        "scikit-learn", "cosine"),
    Way("faiss-cosine", "faiss pairwise_distances", "single_steps.faiss_cosine", "faiss-cpu",
        "cosine"),
    Way("numkong-cosine", "NumKong, all pairs", "single_steps.numkong_cosine", "numkong", "cosine",
        library.UPPER),
]

FEATURES, HEAD_FEATURES, HEAD_OBSERVATIONS = 2304, 192, 32


@dataclass(frozen=True)
class Row:
    way: Way
    size: str  # "128", "1024" or "head"
    at_least: float | None = None

    @property
    def name(self):
        return f"{self.way.key}/{self.size}"

    @property
    def n(self):
        return HEAD_OBSERVATIONS if self.size == "head" else int(self.size)

    @property
    def d(self):
        return HEAD_FEATURES if self.size == "head" else FEATURES

    def threads(self, all_threads):
        return 1 if self.size == "head" else all_threads


# Promised from what another machine showed; report.py says what they are worth here.
TARGETS = {"notebook/128": 60, "notebook/1024": 14, "notebook/head": 40}
BETTER_OF_TUNED = {"128": 7, "1024": 4}  # against the better of tuned NumPy and tuned PyTorch

ROWS = [Row(way, size, TARGETS.get(f"{way.key}/{size}"))
        for way in WAYS for size in ("128", "1024", "head") if size != "head" or way.metric is None]


def choose(variants, plan):
    """The fastest of a way's variants, and what each took. One that this machine cannot run (a
    compiler is missing, say) is told and left out."""
    tried, best = [], None
    for label, variant in variants:
        try:
            ms = 1e3 * timing.quick_median(variant.call, plan.calls)
        except Exception as error:  # whatever a library raises, the other variants stand
            tried.append({"variant": label, "failed": str(error).strip().split("\n")[0][:200]})
            continue
        tried.append({"variant": label, "ms": ms})
        if best is None or ms < best[0]:
            best = ms, label, variant
    if best is None:
        raise RuntimeError("; ".join(f"{t['variant']}: {t['failed']}" for t in tried))
    return best[1], best[2], tried


def run(row, build, all_threads, quick):
    """Measures one row, in this process."""
    if not versions([row.way.package]):
        return {"name": row.name, "n": row.n, "d": row.d, "missing": row.way.package}
    module, function = row.way.variants.split(".")
    make_variants = getattr(importlib.import_module(f".{module}", __package__), function)
    plan = timing.Plan.of(quick)
    work = Work(row.n, row.d, row.threads(all_threads))
    session = library.Session(library.load(build), work)
    label, variant, tried = choose(make_variants(work), plan)
    if row.way.metric is None:
        ours = session.time_me
        agreement = compare_answers(work, session.answer(), variant.answer())
    else:
        ours = session.similarity(row.way.metric, row.way.triangle)
        ours()
        agreement = compare_matrices(session.matrix, variant.matrix())
    return {"name": row.name, "n": row.n, "d": row.d, "threads": work.threads,
            **timing.side_by_side(ours, variant.call, plan), "at_least": row.at_least,
            "variant": label, "tried": tried, "agrees": agreement.close,
            "agreement": agreement.text}


def versions(packages):
    """Of those installed."""
    found = {}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
