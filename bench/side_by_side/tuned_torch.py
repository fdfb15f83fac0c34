"""PyTorch with the best settings that were found: one torch.mm of the scaled columns for each metric,
every large tensor allocated once, pairs gathered by one index_select, and the steps between compiled
(torch.compile) where this machine has a C++ compiler for it.

Columns are scaled so that a value comes out of the product in units of a bin's width."""
import shutil

import numpy as np
import torch

from .work import BINS, METRICS, Answer, moments_of_sums

UNIT = BINS / 2   # bins in one
CELLS = BINS + 1  # the last one holds values of exactly 1, which belong to the bin before it


def scale_columns(x):
    """Columns of length sqrt(UNIT), as they are and centred: the operands of both metrics."""
    centred = x - x.mean(dim=0)
    return (x * (UNIT**0.5 / torch.linalg.vector_norm(x, dim=0)),
            centred * (UNIT**0.5 / torch.linalg.vector_norm(centred, dim=0)))


def sums_of_powers(values):
    squares = values * values
    return (values.sum(dtype=torch.float64), squares.sum(dtype=torch.float64),
            (squares * values).sum(dtype=torch.float64), (squares * squares).sum(dtype=torch.float64))


def sums_of_powers_eager(values):
    """The same, for a PyTorch that cannot fuse them: products of vectors take one pass each."""
    squares = values * values
    return (values.sum(), torch.dot(values, values), torch.dot(squares, values),
            torch.dot(squares, squares))


def to_cells(values, first_cells):
    return (values + UNIT).to(torch.int64) + first_cells


def gather_order(work):
    """Where the pairs i < j stand in the d x d matrix, each pair group's together."""
    entry = torch.arange(work.d**2, dtype=torch.int32).reshape(work.d, work.d)
    above = torch.triu(torch.ones(work.width, work.width, dtype=torch.bool), 1)
    return torch.cat([entry[work.columns(a), work.columns(b)][above] if a == b
                      else entry[work.columns(a), work.columns(b)].reshape(-1)
                      for a, b in work.pair_groups])


class TunedTorch:
    def __init__(self, work, counting, compiled):
        torch.set_num_threads(work.threads)
        self.work, self.counting = work, counting
        self.x = torch.from_numpy(work.x)
        self.gram = torch.zeros(work.d, work.d)
        self.values = torch.empty(len(METRICS), work.all_pairs)
        self.order = gather_order(work)
        self.sizes = [span.stop - span.start for span in work.spans]
        first = torch.repeat_interleave(CELLS * torch.arange(len(self.sizes), dtype=torch.int32),
                                        torch.tensor(self.sizes))
        self.first_cells = first.to(torch.int16)
        self.ones = torch.ones(work.all_pairs, dtype=torch.int64)
        if compiled:
            self.scale_columns = torch.compile(scale_columns)
            self.sums_of_powers = torch.compile(sums_of_powers, dynamic=True)
            self.to_cells = torch.compile(to_cells)
        else:
            self.scale_columns, self.to_cells = scale_columns, to_cells
            self.sums_of_powers = sums_of_powers_eager
        self.counts = self.sums = None

    def call(self):
        with torch.inference_mode():
            self.sums, self.counts = [], []
            for operand, values in zip(self.scale_columns(self.x), self.values):
                torch.mm(operand.T, operand, out=self.gram)
                torch.index_select(self.gram.view(-1), 0, self.order, out=values)
                self.sums.append([self.sums_of_powers(group) for group in values.split(self.sizes)])
                self.counts.append(self.count(values))

    def count(self, values):
        if self.counting == "histc":
            return torch.stack([torch.histc(group, BINS, -UNIT, UNIT)
                                for group in values.split(self.sizes)])
        cells, size = self.to_cells(values, self.first_cells), CELLS * len(self.sizes)
        if self.counting == "bincount":
            counts = torch.bincount(cells, minlength=size)
        else:
            counts = torch.zeros(size, dtype=torch.int64).scatter_add_(0, cells, self.ones)
        counts = counts.reshape(len(self.sizes), CELLS)
        counts[:, BINS - 1] += counts[:, BINS]
        return counts[:, :BINS]

    def answer(self):
        self.call()
        moments = [[moments_of_sums(size, sums, UNIT) for size, sums in zip(self.sizes, of_metric)]
                   for of_metric in self.sums]
        return Answer(torch.stack(self.counts).to(torch.int64).numpy(), np.array(moments))


def variants(work):
    compilers = [False, True] if shutil.which("g++") or shutil.which("clang++") else [False]
    for counting in ("histc", "bincount", "scatter_add"):
        for compiled in compilers:
            yield f"{counting}, {'compiled' if compiled else 'eager'}", TunedTorch(work, counting,
                                                                                    compiled)
