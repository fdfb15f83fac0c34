"""The lesson's own way: whole matrices, a mask, numpy.histogram for each pair group. Histograms are all
it computes. The mask and the edges are made once, outside of what is timed."""
import numpy as np

from .work import BINS, Answer


class Notebook:
    """`binning` is what np.histogram is told: an array of edges, or a number of bins and a range."""

    def __init__(self, work, **binning):
        self.x, self.binning = work.x, binning
        codes = np.array([1, 2, 3])
        of_features = np.repeat(codes, work.width)
        self.mask = np.triu(np.outer(of_features, of_features), 1)
        self.codes = [codes[a] * codes[b] for a, b in work.pair_groups]

    def call(self):
        norms = np.linalg.norm(self.x, axis=0)
        cosine = (self.x.T @ self.x) / np.outer(norms, norms)
        pearson = np.corrcoef(self.x, rowvar=False)
        return [[np.histogram(matrix[self.mask == code], **self.binning)[0] for code in self.codes]
                for matrix in (cosine, pearson)]

    def answer(self):
        return Answer(np.array(self.call()))


def variants(work):
    yield "np.histogram with edges", Notebook(work, bins=np.linspace(-1, 1, BINS + 1))
    yield "np.histogram with bins and range", Notebook(work, bins=BINS, range=(-1, 1))
