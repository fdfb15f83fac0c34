"""NumPy with the best settings that were found: float32 throughout, one product of the scaled columns
for each metric, every array allocated once, all pairs counted by one bincount, moments from sums of
powers.

Columns are scaled so that a value comes out of the product in units of a bin's width."""
import numpy as np
import scipy.linalg.blas

from .work import BINS, METRICS, Answer, moments_of_sums

UNIT = BINS / 2   # bins in one
CELLS = BINS + 1  # the last one holds values of exactly 1, which belong to the bin before it


class Operands:
    """The scaled columns of both metrics, in memory that is kept."""

    def __init__(self, work):
        self.work = work
        self.columns = {metric: np.empty_like(work.x) for metric in METRICS}
        self.centred_norms = self.norms = self.means = None

    def fill(self):
        x, n = self.work.x, self.work.n
        cosine, pearson = self.columns["cosine"], self.columns["pearson"]
        self.means = x.mean(axis=0)
        np.subtract(x, self.means, out=pearson)
        squares = np.einsum("ij,ij->j", pearson, pearson)
        self.centred_norms = np.sqrt(squares)
        self.norms = np.sqrt(squares + n * self.means**2)
        np.multiply(x, np.float32(UNIT**0.5) / self.norms, out=cosine)
        np.multiply(pearson, np.float32(UNIT**0.5) / self.centred_norms, out=pearson)


class TunedNumpy:
    """`product` writes X'X of scaled columns into a d x d matrix; `counting` is how bins are counted."""

    def __init__(self, work, product, counting):
        self.work, self.product, self.counting = work, product, counting
        self.operands = Operands(work)
        self.gram = np.zeros((work.d, work.d), np.float32)
        self.values = np.empty((len(METRICS), work.all_pairs), np.float32)
        self.scratch = np.empty(work.all_pairs, np.float32)
        self.cells = np.empty(self.values.shape, np.intp)
        self.counts = self.moments = None

    def call(self):
        self.operands.fill()
        for m, metric in enumerate(METRICS):
            self.product(self.operands.columns[metric], self.gram)
            self.gather(self.values[m])
        self.moments = [[self.moments_of(values[span]) for span in self.work.spans]
                        for values in self.values]
        for values, cells in zip(self.values, self.cells):
            np.add(values, np.float32(UNIT), out=self.scratch)
            np.copyto(cells, self.scratch, casting="unsafe")
        self.counts = {"each": self.count_each, "fused": self.count_fused,
                       "joint": self.count_joint}[self.counting]()

    def gather(self, out):
        """The pairs i < j, each pair group's together."""
        work = self.work
        for (a, b), span in zip(work.pair_groups, work.spans):
            block, at = self.gram[work.columns(a), work.columns(b)], span.start
            if a != b:
                out[span].reshape(block.shape)[:] = block
                continue
            for i in range(work.width - 1):
                length = work.width - 1 - i
                out[at:at + length] = block[i, i + 1:]
                at += length

    def moments_of(self, values):
        squares = np.multiply(values, values, out=self.scratch[:len(values)])
        sums = (values.sum(), squares.sum(), np.dot(squares, values), np.dot(squares, squares))
        return moments_of_sums(len(values), sums, UNIT)

    def count_each(self):
        return np.array([[np.bincount(cells[span], minlength=CELLS) for span in self.work.spans]
                         for cells in self.cells])

    def count_fused(self):
        shape = len(METRICS), len(self.work.spans), CELLS
        for m, p in np.ndindex(shape[:2]):
            self.cells[m, self.work.spans[p]] += CELLS * (m * shape[1] + p)
        return np.bincount(self.cells.ravel(), minlength=np.prod(shape)).reshape(shape)

    def count_joint(self):
        """One table of cosine bin x Pearson bin; the metrics' counts are its two margins."""
        joint = self.cells[0]
        joint *= CELLS
        joint += self.cells[1]
        shape = len(self.work.spans), CELLS, CELLS
        for p, span in enumerate(self.work.spans):
            joint[span] += CELLS**2 * p
        table = np.bincount(joint, minlength=np.prod(shape)).reshape(shape)
        return np.array([table.sum(axis=2), table.sum(axis=1)])

    def answer(self):
        self.call()
        return Answer(last_cell_in_its_bin(self.counts), np.array(self.moments))


def last_cell_in_its_bin(cells):
    counts = cells[..., :BINS].copy()
    counts[..., -1] += cells[..., BINS]
    return counts


def matmul(columns, gram):
    """NumPy sees that both operands are one matrix, calls ssyrk and mirrors the result."""
    np.matmul(columns.T, columns, out=gram)


def ssyrk(columns, gram):
    """OpenBLAS's ssyrk itself, which leaves the lower triangle alone. (Fortran's order is the
    transpose of ours: its lower triangle is our upper one.)"""
    scipy.linalg.blas.ssyrk(1, columns.T, c=gram.T, lower=1, overwrite_c=1)


def sgemm(columns, gram):
    scipy.linalg.blas.sgemm(1, columns.T, columns.T, trans_b=1, c=gram.T, overwrite_c=1)


def variants(work):
    for product in (matmul, ssyrk, sgemm):
        for counting in ("each", "fused", "joint"):
            yield f"{product.__name__}, {counting} bincount", TunedNumpy(work, product, counting)
