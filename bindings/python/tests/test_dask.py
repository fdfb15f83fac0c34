"""qkvsim.dask: the package's results, whatever the chunks, the scheduler and the number of workers."""
import copy
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

import qkvsim

da = pytest.importorskip("dask.array")
dask = pytest.importorskip("dask")
import qkvsim.dask as qd  # noqa: E402

N, D = 120, 12
RNG = np.random.default_rng(14)
X = (RNG.normal(size=(N, D)) + RNG.normal(size=D)).astype(np.float32)
MASK = np.arange(N) % 3 == 0


def chunked(*chunks, of=X):
    return da.from_array(of, chunks=chunks)


def threaded(made, workers=2):
    with dask.config.set(scheduler="threads", num_workers=workers):
        return made.compute()


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True,
                                  dashboard_address=None) as made, \
            distributed.Client(made, set_as_default=False) as client:
        yield client


def everywhere(cluster, make):
    """What `make` gives, which is the same to the bit on one thread, four, and two processes."""
    results = [threaded(make(), 1), threaded(make(), 4),
               cluster.compute(make()).result(timeout=60)]
    assert results[0] == results[1] == results[2]
    return results[0]


def close(a, b):
    assert a.rows == b.rows and a.observations == b.observations
    for metric in a.metrics:
        assert np.abs(a.histogram(metric) - b.histogram(metric)).sum() <= 4
        for name in ("mean", "variance", "min", "max"):
            np.testing.assert_allclose(a.statistic(name, metric), b.statistic(name, metric),
                                       rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(a.offset_share, b.offset_share, atol=1e-5)


@pytest.mark.parametrize("chunks", [(10, 12), (10, 5), (7, 12), (120, 4), ((0, 50, 0, 70), (0, 6, 6))])
def test_any_chunks_give_what_one_array_gives(chunks):
    options = dict(groups={"Q": 6, "K": 3, "V": 3}, heads={"Q": 2, "K": 1, "V": 1})
    for by in ("rows", "pair_groups"):
        close(threaded(qd.analyze(chunked(*chunks), by=by, **options)), qkvsim.analyze(X, **options))


def test_states_of_up_to_split_every_chunks_are_a_stream_to_the_bit():
    stream = qkvsim.Accumulator(groups="thirds")
    for begin in range(0, N, 20):
        stream.update(X[begin:begin + 20])
    assert threaded(qd.accumulate(chunked(20, 5), groups="thirds")) == stream
    assert threaded(qd.accumulate(chunked(20, 12), groups="thirds")).analyze() == stream.analyze()


def test_the_same_chunks_give_the_same_bits_everywhere(cluster):
    accumulated = everywhere(cluster, lambda: qd.accumulate(chunked(5, 5), split_every=3))
    assert accumulated.observations == N
    close(everywhere(cluster, lambda: qd.analyze(chunked(5, 5), by="rows")), qkvsim.analyze(X))


def test_pair_groups_are_the_analysis_to_the_bit(cluster):
    options = dict(groups={"Q": 6, "K": 3, "V": 3}, metrics=["cosine", "spearman"])
    made = everywhere(cluster, lambda: qd.analyze(chunked(50, 5), pieces=4, **options))
    assert made == qkvsim.analyze(X, **options)
    some = threaded(qd.analyze(chunked(50, 5), by="pair_groups", pair_groups=["Q-K", "V-V"],
                               pieces=9))
    assert some == qkvsim.analyze(X, pair_groups=["Q-K", "V-V"]) and some.rows == ("Q-K", "V-V")


def test_baselines_by_ranges_are_one_run(cluster):
    options = dict(permutations=23, seed=5, scheme="observations", segments=np.arange(N) // 60)
    made = everywhere(cluster, lambda: qd.baseline(chunked(50, 5), pieces=4, observations=MASK,
                                                   **options))
    assert made == qkvsim.baseline(X, observations=MASK, **options)
    early = dict(permutations=40, exceedances=3)
    assert threaded(qd.baseline(chunked(50, 5), **early)) == qkvsim.baseline(X, **early)
    few = dict(permutations=100, observations=slice(0, 3), groups={"Q": 6, "K": 6},
               scheme="observations")  # enumerated: most pieces have none
    assert threaded(qd.baseline(chunked(50, 12), pieces=5, **few)) == qkvsim.baseline(X, **few)


@pytest.mark.parametrize("options", [dict(permutations=21), dict(permutations=8, subsets=3),
                                     dict(subsets=6), dict()])
def test_comparisons_by_ranges_are_one_run(options):
    made = threaded(qd.compare(chunked(50, 5), targets=da.from_array(MASK, chunks=60), pieces=4,
                               seed=2, **options))
    assert made == qkvsim.compare(X, targets=MASK, seed=2, **options)


def test_intervals_by_ranges_are_one_run(cluster):
    bootstrap = dict(method="bootstrap", resamples=30, seed=3, observations=MASK, others=~MASK)
    made = everywhere(cluster, lambda: qd.intervals(chunked(50, 5), pieces=4, **bootstrap))
    assert made == qkvsim.intervals(X, **bootstrap)
    assert threaded(qd.intervals(chunked(50, 5))) == qkvsim.intervals(X)


def test_layers_are_tasks(cluster):
    layers = {"a": chunked(50, 5), "b": {"Q": chunked(60, 3)[:, :6], "K": chunked(50, 6)[:, 6:]},
              "c": dask.delayed(np.multiply)(X, 2)}
    made = everywhere(cluster, lambda: qd.study(layers, targets=MASK, permutations=5))
    assert [layer.name for layer in made] == ["a", "b", "c"]
    assert made[0].analysis == qkvsim.study(X, targets=MASK, permutations=5)[0].analysis
    assert made["b"].rows == ("Q-Q", "Q-K", "K-K")
    assert made[0].matched() is not None  # the figure's band, though the data are gone
    many = threaded(qd.study([chunked(50, 5)] * 2))
    assert many == qkvsim.study([X, X])


def test_similarity_is_a_dask_array():
    made = qd.similarity(chunked(7, 5), metric="pearson")
    assert made.shape == (D, D) and made.dtype == np.float64
    np.testing.assert_allclose(threaded(made), np.corrcoef(X, rowvar=False), atol=1e-6)


def test_parts_are_read_in_the_chunks_of_the_first():
    parts = {"Q": chunked(30, 5)[:, :7], "K": da.from_array(X[:, 7:].astype(np.float64), chunks=16)}
    close(threaded(qd.analyze(parts, by="rows")), qkvsim.analyze({"Q": X[:, :7], "K": X[:, 7:]}))


@pytest.mark.parametrize("selected", [MASK, np.flatnonzero(MASK), slice(0, N, 3),
                                      da.from_array(MASK, chunks=7), np.arange(40, 50)])
def test_observations_are_selected(selected):
    chosen = selected.compute() if hasattr(selected, "compute") else selected
    made = threaded(qd.accumulate(chunked(10, 5), observations=selected))
    close(made.analyze(), qkvsim.analyze(X, observations=chosen))


def test_bfloat16_integers_and_other_types():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    for dtype in (ml_dtypes.bfloat16, np.float16, np.float64, np.int16, np.dtype(">f4"), bool):
        given = X.astype(dtype)
        close(threaded(qd.analyze(chunked(10, 5, of=given), by="rows")),
              qkvsim.analyze(np.asarray(given, np.float64)))


def broken(*args):
    raise AssertionError("a block was computed")


def lazy(shape=(N, D), chunks=(10, 5), dtype=np.float32):
    return da.map_blocks(broken, dtype=dtype, meta=np.empty((0,) * len(shape), dtype),
                         chunks=da.core.normalize_chunks(chunks, shape, dtype=dtype))


def test_nothing_is_computed_before_it_is_asked():
    x = lazy()
    made = [qd.accumulate(x), qd.analyze(x), qd.baseline(x), qd.compare(x, targets=MASK),
            qd.intervals(x), qd.study([x]), qd.similarity(x)]
    for one in made:
        with pytest.raises(AssertionError, match="a block was computed"):
            threaded(one)


@pytest.mark.parametrize("make, text", [
    (lambda: qd.analyze(lazy(dtype=complex)), "data is complex"),
    (lambda: qd.analyze(lazy(dtype=object)), "data is of Python objects"),
    (lambda: qd.analyze(lazy(dtype="U3")), "data is of text"),
    (lambda: qd.analyze(lazy((4, 30, D), (4, 10, D))), r"has the shape \(4, 30, 12\): reshape it"),
    (lambda: qd.analyze(X), "data is a ndarray and no dask array"),
    (lambda: qd.analyze({"Q": lazy(), "K": lazy((60, D))}), "has 60 observations and .* has 120"),
    (lambda: qd.analyze(lazy((N, 10))), "10 features do not divide by 3"),
    (lambda: qd.analyze(lazy(), groups={"Q": 4, "K": 4}), "groups has 8 features in all"),
    (lambda: qd.analyze(lazy(), heads={"Q": 2}), "heads is for Q and the groups are Q, K, V"),
    (lambda: qd.analyze(lazy(), metrics="cosinus"), "metrics is one of"),
    (lambda: qd.analyze(lazy(), pair_groups=["Q-X"]), "pair_groups has no row 'Q-X'"),
    (lambda: qd.analyze(lazy(), metrics="spearman", by="rows"), "needs all observations at once"),
    (lambda: qd.analyze(lazy(), by="columns"), "by is one of rows, pair_groups"),
    (lambda: qd.analyze(lazy(), by="rows", pieces=3), "pieces are of"),
    (lambda: qd.analyze(lazy(), nonfinite="ignore"), "nonfinite is one of"),
    (lambda: qd.analyze(lazy((0, D), (10, 5))), "data is empty: 0 observations x 12 features"),
    (lambda: qd.analyze(da.from_array(X)[:, :0]), "data is empty: 120 observations x 0 features"),
    (lambda: qd.accumulate(lazy(), threads=0), "threads is a number from 1 to 1024, not 0"),
    (lambda: qd.accumulate(lazy(), split_every=1), "split_every is a number from 2 on, not 1"),
    (lambda: qd.accumulate(lazy(), observations=MASK[1:]), "has 119 entries for 120 observations"),
    (lambda: qd.accumulate(lazy(), observations=[3, 3]), "has an observation twice"),
    (lambda: qd.accumulate(lazy(), observations=~(MASK | ~MASK)), "selects no observation"),
    (lambda: qd.accumulate(lazy(), observations=da.zeros(N)), "is a dask array of float64"),
    (lambda: qd.baseline(lazy(), scheme="some"), "scheme is one of"),
    (lambda: qd.baseline(lazy(), permutations=0), "permutations is a number from 1 on, not 0"),
    (lambda: qd.baseline(lazy(), pieces=0), "pieces is a number from 1 on, not 0"),
    (lambda: qd.compare(lazy(), targets=MASK, relabel="x"), "relabel is one of"),
    (lambda: qd.intervals(lazy(), method="x"), "method is one of"),
    (lambda: qd.similarity(lazy(), metric="spearman"), "metric is one of cosine, pearson, cov"),
    (lambda: qd.study(lazy()), "layers is a list of layers"),
    (lambda: qd.study([]), "layers is a list of layers"),
])
def test_what_shapes_types_and_words_tell_is_said_at_once(make, text):
    with pytest.raises(qkvsim.InvalidArgument, match=text):
        make()


def test_options_that_do_not_exist_are_refused_at_once():
    for make in (qd.analyze, qd.baseline, qd.intervals):
        with pytest.raises(TypeError, match="no option 'colour'"):
            make(lazy(), colour=3)
    with pytest.raises(TypeError, match="no option 'colour'"):
        qd.study([lazy()], colour=3)


def test_unknown_chunk_sizes_say_what_to_call():
    x = chunked(10, 12)
    some = x[x[:, 0] > 0]
    with pytest.raises(qkvsim.InvalidArgument, match=r"data\.compute_chunk_sizes\(\) first"):
        qd.analyze(some)
    close(threaded(qd.analyze(some.compute_chunk_sizes(), by="rows")),
          qkvsim.analyze(X[X[:, 0] > 0]))


def test_errors_of_chunks_say_which_and_travel(cluster):
    bad = X.copy()
    bad[33, 7] = np.nan
    made = qd.accumulate(chunked(10, 5, of=bad))
    for run in (threaded, lambda made: cluster.compute(made).result(timeout=60)):
        with pytest.raises(qkvsim.Nonfinite, match="observations 30 to 39: .*features 5 to 9") as got:
            run(made)
        assert got.value.status == 4
    dropped = threaded(qd.accumulate(chunked(10, 5, of=bad), nonfinite="drop"))
    assert dropped.observations == N - 1
    undefined = threaded(qd.analyze(chunked(10, 5, of=bad), by="rows", nonfinite="undefined"))
    assert undefined.undefined_features("cosine").tolist() == [7]


@pytest.mark.parametrize("kind", ["Error", "InvalidArgument", "WrongType", "NoMemory", "TooLarge",
                                  "Nonfinite", "Cancelled", "Unsupported", "Missing"])
def test_exceptions_pickle_with_status_and_text(kind):
    error = getattr(qkvsim, kind)("three of four")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error) and str(again) == "three of four"
    assert again.status == error.status


def test_what_travels_is_packed_and_says_its_size():
    wide = RNG.normal(size=(40, 600)).astype(np.float32)
    state = qkvsim.Accumulator(groups="thirds")
    state.update(wide)
    buffers = []
    head = pickle.dumps(state, protocol=5, buffer_callback=buffers.append)
    assert pickle.loads(head, buffers=buffers) == state == copy.copy(state)
    size = sum(buffer.raw().nbytes for buffer in buffers)
    assert len(head) < 5000 and size < 4 * 600 * 600 * 1.05  # not in the pickle, but beside it
    assert 0 <= sys.getsizeof(state) - size < 1000
    analysis = state.analyze()
    assert len(pickle.dumps(analysis)) < 30000
    assert len(pickle.dumps(qkvsim.baseline(wide, permutations=20))) < 200 * 1024


def test_graphs_are_small_and_of_names_that_data_and_options_tell():
    x = chunked(5, 4)  # 24 x 3 chunks
    made = qd.analyze(x, by="rows")
    own = [key for key in made.__dask_graph__() if "qkvsim" in str(key)]
    assert len(own) == 24 + 3 + 1 + 1 + 1  # chunks, two levels of merges, how to read, analysis
    assert qd.analyze(x, by="rows").key == made.key
    assert qd.analyze(x, by="rows", bins=7).key != made.key
    assert qd.analyze(x, by="rows", observations=MASK).key != made.key
    assert qd.analyze(x, by="rows", threads=2).key != made.key
    assert len(pickle.dumps(dict(made.__dask_graph__().layers[f"qkvsim-{made.key[15:]}"]))) < 20000


@pytest.mark.parametrize("threads", [1, 2])
def test_tasks_compute_with_the_threads_they_are_given(threads, monkeypatch):
    seen, call = [], qkvsim._context._watched_call
    monkeypatch.setattr(qkvsim._context, "_watched_call",
                        lambda *given: (seen.append(given[3]), call(*given))[1])
    for made in (qd.analyze(chunked(10, 5), by="rows", threads=threads),
                 qd.similarity(chunked(10, 5), threads=threads),
                 qd.baseline(chunked(50, 5), permutations=60, threads=threads),
                 qd.study([chunked(50, 5)] * 2, targets=MASK, threads=threads)):
        threaded(made)
    assert set(seen) == {threads} and len(seen) > 2 * 12


def test_a_merge_that_is_done_again_gives_the_same():
    """A worker's tasks are, where another is lost, on states that it still holds."""
    kept = qd.accumulate(chunked(60, 12)).persist(scheduler="threads")
    states = [threaded(kept), threaded(qd.accumulate(chunked(60, 12), observations=MASK))]
    before = copy.copy(states[0])
    first = qkvsim._dask_stream._merge_states(states)
    assert states[0] == before and qkvsim._dask_stream._merge_states(states) == first
    assert first.observations == N + MASK.sum()


def test_without_dask_one_line_says_what_to_install():
    code = ("import sys; sys.modules['dask'] = None\n"
            "import qkvsim\n"
            "try:\n    import qkvsim.dask\n"
            "except ImportError as error:\n    print(type(error).__name__, error)")
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout == "Missing qkvsim.dask needs 'dask[array]': pip install 'dask[array]'\n"
