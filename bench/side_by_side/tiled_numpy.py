"""The library's own flow, written in NumPy: tiles that stay in cache, a pool of threads over them, one
product for both metrics (a cosine is s_i s_j Pearson + o_i o_j: docs/numerics.md). Not what anybody's
notebook looks like; it shows what is left for C to gain."""
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import threadpoolctl

from .tuned_numpy import CELLS, UNIT, Operands, last_cell_in_its_bin
from .work import METRICS, Answer, moments_of_sums


class Memory(threading.local):
    """One thread's arrays."""

    def __init__(self, size):
        self.gram, self.product, self.values, self.squares = np.empty((4, size), np.float32)
        self.cells = np.empty(size, np.intp)


class TiledNumpy:
    def __init__(self, work, rows, one_product):
        self.work, self.one_product = work, one_product
        self.operands = Operands(work)
        self.pool = ThreadPoolExecutor(work.threads)
        self.memory = Memory(rows * work.width)
        self.tiles = [(p, slice(start, min(start + rows, work.columns(a).stop)), work.columns(b))
                      for p, (a, b) in enumerate(work.pair_groups)
                      for start in range(work.columns(a).start, work.columns(a).stop, rows)]
        self.tiles.sort(key=lambda tile: -self.columns_of(tile)[1])
        self.above = {size: np.flatnonzero(np.triu(np.ones((size, size), bool), 1))
                      for size in {tile[1].stop - tile[1].start for tile in self.tiles}}
        self.single = threadpoolctl.ThreadpoolController()
        self.cells = self.sums = self.scale = self.offset = None

    @staticmethod
    def columns_of(tile):
        """The tile's columns, from its own rows on where it crosses the diagonal, and its size."""
        _, rows, columns = tile
        columns = slice(max(rows.start, columns.start), columns.stop)
        return columns, (rows.stop - rows.start) * (columns.stop - columns.start)

    def call(self):
        operands = self.operands
        operands.fill()
        self.scale = operands.centred_norms / operands.norms
        self.offset = np.float32((UNIT * self.work.n)**0.5) * operands.means / operands.norms
        self.cells = np.zeros((len(METRICS), len(self.work.pair_groups), CELLS), np.int64)
        self.sums = np.zeros((len(METRICS), len(self.work.pair_groups), 4))
        with self.single.limit(limits=1, user_api="blas"):
            for p, sums, cells in self.pool.map(self.run_tile, self.tiles):
                self.sums[:, p] += sums
                self.cells[:, p] += cells

    def run_tile(self, tile):
        columns, size = self.columns_of(tile)
        rows, memory = tile[1], self.memory
        shape = (rows.stop - rows.start, columns.stop - columns.start)
        gram = memory.gram[:size].reshape(shape)
        sums, cells = np.empty((len(METRICS), 4)), np.empty((len(METRICS), CELLS), np.int64)
        for m in (1, 0):  # Pearson first: the cosine may come from it
            if m == 1 or not self.one_product:
                operand = self.operands.columns[METRICS[m]]
                np.matmul(operand[:, rows].T, operand[:, columns], out=gram)
            else:
                self.to_cosine(gram, rows, columns)
            values = self.above_diagonal(gram) if rows.start == columns.start else gram.ravel()
            sums[m], cells[m] = self.tally(values)
        return tile[0], sums, cells

    def to_cosine(self, gram, rows, columns):
        product = self.memory.product[:gram.size].reshape(gram.shape)
        gram *= self.scale[rows, None]
        gram *= self.scale[columns]
        np.multiply(self.offset[rows, None], self.offset[columns], out=product)
        gram += product

    def above_diagonal(self, gram):
        """The pairs i < j of a tile whose first columns are its rows."""
        size, width = gram.shape
        above, values = self.above[size], self.memory.values
        np.take(np.ascontiguousarray(gram[:, :size]), above, out=values[:len(above)], mode="clip")
        rest = values[len(above):len(above) + size * (width - size)]
        rest.reshape(size, width - size)[:] = gram[:, size:]
        return values[:len(above) + len(rest)]

    def tally(self, values):
        squares = np.multiply(values, values, out=self.memory.squares[:len(values)])
        sums = (values.sum(), squares.sum(), np.dot(squares, values), np.dot(squares, squares))
        np.add(values, np.float32(UNIT), out=squares)
        cells = self.memory.cells[:len(values)]
        np.copyto(cells, squares, casting="unsafe")
        return sums, np.bincount(cells, minlength=CELLS)

    def answer(self):
        self.call()
        moments = [[moments_of_sums(self.work.pairs(a, b), sums, UNIT)
                    for (a, b), sums in zip(self.work.pair_groups, of_metric)]
                   for of_metric in self.sums]
        return Answer(last_cell_in_its_bin(self.cells), np.array(moments))


def variants(work):
    for rows in sorted({min(rows, work.width) for rows in (64, 128, 256)}):
        yield f"tiles of {rows} rows, one product", TiledNumpy(work, rows, True)
        yield f"tiles of {rows} rows, two products", TiledNumpy(work, rows, False)
