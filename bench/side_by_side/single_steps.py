"""One similarity matrix, by the libraries that have a call for it: a step of the analysis, against
qkvsim_similarity. Each takes observations x features as they stand in memory."""
from concurrent.futures import ThreadPoolExecutor

import numpy as np


class Step:
    """A call that returns a matrix; `to_similarity` turns that into the metric, outside of the time."""

    def __init__(self, call, to_similarity=np.asarray):
        self.call, self.to_similarity = call, to_similarity

    def matrix(self):
        return self.to_similarity(self.call())


def numpy_corrcoef(work):
    yield "float64, its default", Step(lambda: np.corrcoef(work.x, rowvar=False))
    yield "dtype=float32", Step(lambda: np.corrcoef(work.x, rowvar=False, dtype=np.float32))


def torch_corrcoef(work):
    import torch
    torch.set_num_threads(work.threads)
    x = torch.from_numpy(work.x)

    def corrcoef(features):
        with torch.inference_mode():
            return torch.corrcoef(features)
    yield "of the transposed view", Step(lambda: corrcoef(x.T))
    yield "of a transposed copy, made in the call", Step(lambda: corrcoef(x.T.contiguous()))


def sklearn_cosine(work):
    from sklearn import config_context
    from sklearn.metrics.pairwise import cosine_similarity
    yield "of the transposed view", Step(lambda: cosine_similarity(work.x.T))

    def unchecked():
        with config_context(assume_finite=True):
            return cosine_similarity(np.ascontiguousarray(work.x.T))
    yield "of a transposed copy, made in the call; assume_finite", Step(unchecked)


def faiss_cosine(work):
    import faiss
    faiss.omp_set_num_threads(work.threads)

    def cosine():
        features = np.ascontiguousarray(work.x.T)
        faiss.normalize_L2(features)
        return faiss.pairwise_distances(features, features, faiss.METRIC_INNER_PRODUCT)
    yield "normalize_L2, pairwise_distances of inner products", Step(cosine)


def numkong_cosine(work):
    import numkong
    pool = ThreadPoolExecutor(work.threads)
    out = numkong.zeros((work.d, work.d), dtype="float64")
    starts = list(range(0, work.d, 96))

    def in_strips(function):
        """Its calls fill a range of rows and leave the lower triangle alone."""
        def call():
            features = np.ascontiguousarray(work.x.T)
            if function is numkong.dots_symmetric:
                features /= np.linalg.norm(features, axis=1, keepdims=True)
            list(pool.map(lambda start: function(features, out=out, start_row=start,
                                                 end_row=min(start + 96, work.d)), starts))
            return out
        return call
    yield "dots_symmetric of scaled features", Step(in_strips(numkong.dots_symmetric))
    yield "angulars_symmetric", Step(in_strips(numkong.angulars_symmetric),
                                     lambda angular: 1 - np.asarray(angular))
