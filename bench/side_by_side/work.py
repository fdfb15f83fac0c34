"""The input, what every way answers, and whether two answers agree."""
from dataclasses import dataclass, field

import numpy as np

METRICS = ("cosine", "pearson")
MOMENTS = ("mean", "variance", "skewness", "kurtosis")
GROUPS, BINS = 3, 100

# A value within a rounding error of an edge may be counted on its other side.
MOVED_SHARE_ALLOWED = 1e-3
MOMENT_ALLOWED = {"mean": 1e-5, "variance": 1e-5, "skewness": 1e-3, "kurtosis": 1e-3}
MATRIX_ALLOWED = 1e-4


@dataclass
class Work:
    """Activations (n x d, float32), features in three equal groups, and how many threads to use."""
    n: int
    d: int
    threads: int
    x: np.ndarray = field(init=False)

    def __post_init__(self):
        self.x = activations(self.n, self.d)

    @property
    def width(self):
        return self.d // GROUPS

    def columns(self, group):
        return slice(group * self.width, (group + 1) * self.width)

    @property
    def pair_groups(self):
        """Q-Q, Q-K, Q-V, K-K, K-V, V-V: the order of every answer."""
        return [(a, b) for a in range(GROUPS) for b in range(a, GROUPS)]

    def pairs(self, a, b):
        return self.width * (self.width - 1) // 2 if a == b else self.width**2

    @property
    def all_pairs(self):
        return self.d * (self.d - 1) // 2

    @property
    def spans(self):
        """Where each pair group's values stand, if all values are laid out in the order of pair_groups."""
        ends = np.cumsum([self.pairs(a, b) for a, b in self.pair_groups])
        return [slice(int(end) - self.pairs(a, b), int(end))
                for (a, b), end in zip(self.pair_groups, ends)]


def activations(n, d):
    """Features with offsets of up to three standard deviations, correlated through eight factors."""
    random = np.random.default_rng(1865)
    factors = random.normal(size=(n, 8)) @ random.uniform(-0.4, 0.4, size=(8, d))
    values = factors + random.normal(size=(n, d)) + random.uniform(-3, 3, size=d)
    return np.ascontiguousarray(values * random.uniform(0.5, 2.5, size=d), dtype=np.float32)


@dataclass
class Answer:
    """Counts[metric, pair group, bin] and, where computed, moments[metric, pair group, moment]."""
    counts: np.ndarray
    moments: np.ndarray | None = None


def moments_of_sums(count, sums, unit=1.0):
    """Mean, variance, skewness and excess kurtosis of `count` values, each `unit` times as large as
    it should be, from the sums of their first four powers."""
    m1, m2, m3, m4 = (float(s) / count / unit**power for power, s in enumerate(sums, 1))
    variance = m2 - m1**2
    third = m3 - 3 * m1 * m2 + 2 * m1**3
    fourth = m4 - 4 * m1 * m3 + 6 * m1**2 * m2 - 3 * m1**4
    return m1, variance, third / variance**1.5, fourth / variance**2 - 3


@dataclass
class Agreement:
    """How far two ways' answers lie apart, and whether that is near enough."""
    close: bool
    text: str


def compare_answers(work, ours, theirs):
    moved = int(np.abs(ours.counts - theirs.counts).sum()) // 2
    values = len(METRICS) * work.all_pairs
    close = moved <= MOVED_SHARE_ALLOWED * values and int(theirs.counts.sum()) == values
    text = f"{moved:,} of {values:,} values in a neighbouring bin"
    if theirs.moments is not None:
        apart = np.abs(ours.moments - theirs.moments).max(axis=(0, 1))
        close = close and all(a <= MOMENT_ALLOWED[m] for a, m in zip(apart, MOMENTS))
        text += f"; moments within {apart.max():.0e}"
    return Agreement(bool(close), text)


def compare_matrices(ours, theirs):
    """Of the pairs i < j: some ways leave the rest unwritten."""
    upper = np.triu_indices(len(ours), 1)
    apart = float(np.abs(ours[upper] - theirs[upper]).max())
    return Agreement(apart <= MATRIX_ALLOWED, f"values within {apart:.0e}")
