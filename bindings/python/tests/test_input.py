"""Every kind of array is read, in place where it can be, or refused in one line."""
import gc
import re
import sys
import threading
import tracemalloc

import numpy
import pytest

import qkvsim
from qkvsim._input import Input


def means(data, **options):
    return qkvsim.analyze(data, **options).statistic("mean", "cosine")


def is_read_in_place(array):
    made = Input(array)
    return made.views[0].data == array.__array_interface__["data"][0] \
        and numpy.shares_memory(made.kept[0], array)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_arrays_of_any_order_and_strides_are_read_in_place(x, dtype):
    base = x.astype(dtype)
    wide = numpy.zeros((120, 24), dtype)
    wide[::2, ::2] = base
    for same in (base, numpy.asfortranarray(base), base[::-1, ::-1][::-1, ::-1],
                 wide[::2, ::2], numpy.ascontiguousarray(base[:, ::-1])[:, ::-1]):
        assert is_read_in_place(same)
        numpy.testing.assert_array_equal(means(same), means(base))


def test_read_only_arrays_and_memory_maps_are_read_in_place(x, tmp_path):
    frozen = x.copy()
    frozen.flags.writeable = False
    numpy.save(tmp_path / "x.npy", x)
    mapped = numpy.load(tmp_path / "x.npy", mmap_mode="r")
    for array in (frozen, mapped):
        assert is_read_in_place(array)
    numpy.testing.assert_array_equal(means(mapped), means(x))


def test_what_cannot_be_read_in_place_is_copied(x):
    packed = numpy.zeros(x.shape, [("x", "f4"), ("y", "i2")])
    packed["x"] = x
    shifted = numpy.zeros(x.size * 8 + 1, "u1")[1:].view("f8").reshape(x.shape)
    shifted[...] = x
    whole = numpy.round(x * 10).astype(int)
    constant = numpy.broadcast_to(x[:1], x.shape)
    for array, same in ((packed["x"], x.astype("f4")), (shifted, x), (constant, constant.copy()),
                        (x.astype(">f8"), x), (x.astype(">f4"), x.astype("f4")),
                        (whole, whole.astype("f8")), (whole.astype("i2"), whole.astype("f4")),
                        (x > 0, (x > 0).astype("f4")), (x.tolist(), x),
                        (x.astype(numpy.longdouble), x)):
        numpy.testing.assert_array_equal(means(array), means(same))


def test_no_copy_of_what_is_read_in_place_is_made():
    array = numpy.random.default_rng(1).normal(size=(4000, 60))[:, ::-1]
    qkvsim.analyze(array[:10])
    tracemalloc.start()
    qkvsim.analyze(array)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < array.nbytes / 10


def test_a_temporary_lives_as_long_as_c_reads_it(x):
    for _ in range(20):
        numpy.testing.assert_array_equal(means(x + 0.0), means(x))
        numpy.testing.assert_array_equal(means({"Q": x[:, :6] * 1.0, "K": x[:, 6:] * 1.0}),
                                         means({"Q": x[:, :6], "K": x[:, 6:]}))


def test_bfloat16_of_ml_dtypes_is_read_in_place(x):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    array = x.astype(ml_dtypes.bfloat16)
    assert is_read_in_place(array)
    numpy.testing.assert_array_equal(means(array), means(array.astype("f4")))


def test_frames_are_taken_by_their_values(x):
    pandas = pytest.importorskip("pandas")
    numpy.testing.assert_array_equal(means(pandas.DataFrame(x)), means(x))
    with pytest.raises(TypeError, match="data is of Python objects"):
        means(pandas.DataFrame({"a": ["text", "more"], "b": [1, 2]}))


def test_other_arrays_come_by_their_protocols(x):
    class Interface:
        __array_interface__ = x.__array_interface__

    class Capsule:
        def __dlpack__(self, **options):
            return x.__dlpack__(**options)

        def __dlpack_device__(self):
            return x.__dlpack_device__()

    for array in (Interface(), Capsule()):
        numpy.testing.assert_array_equal(means(array), means(x))
        assert Input(array).views[0].data == x.__array_interface__["data"][0]


def test_tensors_are_read_in_place_and_bfloat16_too(x):
    torch = pytest.importorskip("torch")
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        tensor = torch.tensor(x, dtype=dtype, requires_grad=True)
        made = Input(tensor)
        assert made.views[0].data == tensor.data_ptr()
        same = tensor.detach().to(torch.float64 if dtype == torch.float64 else torch.float32)
        numpy.testing.assert_array_equal(means(tensor), means(same.numpy()))
        assert Input(tensor.T[::2]).views[0].data == tensor.data_ptr()
    with pytest.raises(TypeError, match=r"data is on device meta: pass data.cpu\(\)"):
        qkvsim.analyze(torch.empty(3, 3, device="meta"))
    with pytest.raises(TypeError, match=r"data is sparse: pass data.to_dense\(\)"):
        qkvsim.analyze(torch.eye(3).to_sparse())


class OnDevice:
    shape = (3, 3)

    def __dlpack__(self, **options):
        raise AssertionError("never asked")

    def __dlpack_device__(self):
        return (2, 0)


class Cuda:
    __cuda_array_interface__ = {}


class Sparse:
    nnz = 3

    def toarray(self):
        raise AssertionError("never asked")


GRID = numpy.arange(12.0).reshape(4, 3)
REFUSED = [
    (GRID[0], ValueError, r"2 dimensions, observations x features, and has the shape \(3,\)"),
    (5.0, ValueError, r"2 dimensions.*\(\)"),
    (numpy.zeros((4, 2, 3)), ValueError, 'say what its axes are, layout="observations heads width"'
                                         ' or layout="batch tokens features"'),
    (numpy.zeros((2, 2, 2, 2, 3)), ValueError, "2 dimensions"),
    (GRID.astype(object), TypeError, r"of Python objects: pass real numbers"),
    (GRID.astype(str), TypeError, "of text"),
    (GRID.astype("S"), TypeError, "of bytes"),
    (GRID.astype(complex), TypeError, "complex: similarities are of real numbers"),
    (GRID.astype("M8[s]"), TypeError, "of dates"),
    (numpy.zeros((2, 3), "f4,f4"), TypeError, "of records"),
    (numpy.ma.masked_equal(GRID, 3), TypeError, r"masked array: pass data.filled\(numpy.nan\)"),
    ([[1.0, 2.0], [3.0]], ValueError, "ragged: its rows differ in length"),
    (OnDevice(), TypeError, "copy it to the host first"),
    (Cuda(), TypeError, "on a CUDA device"),
    (Sparse(), TypeError, r"sparse: pass data.toarray\(\)"),
    ({}, ValueError, "no parts"),
    ({"Q": GRID, "K": GRID[:2]}, ValueError,
     r"data\['K'\] has 2 observations and data\['Q'\] has 4"),
    (numpy.zeros((0, 3)), ValueError, "0 observations"),
    (numpy.zeros((3, 0)), ValueError, "0 features"),
    (numpy.zeros((3, 4)), ValueError, "4 features do not divide by 3"),
    (None, TypeError, "of Python objects|2 dimensions"),
]


@pytest.mark.parametrize("data, kind, message", REFUSED)
def test_what_is_refused_says_what_to_do_in_one_line(data, kind, message):
    with pytest.raises((kind, ValueError)) as caught:
        qkvsim.analyze(data)
    assert isinstance(caught.value, qkvsim.Error)
    assert re.search(message, str(caught.value)), str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("options, message", [
    (dict(observations=[]), "observations selects no observation"),
    (dict(observations=[60]), "observations has 60, and observations go from 0 to 59"),
    (dict(observations=[1.5]), "boolean mask, integer indices or a slice"),
    (dict(observations=[1, 1]), "twice|repeated|more than once"),
    (dict(observations=numpy.zeros(60, bool)), "selects no observation"),
    (dict(observations=numpy.ones(59, bool)), "mask observations has 59 entries for 60"),
    (dict(groups={"Q": 5, "K": 6}), "groups has 11 features in all and the data 12"),
    (dict(groups=[0, 1]), "groups has 2 labels for 12 features"),
    (dict(groups="fourths"), 'groups is "thirds"'),
    (dict(heads={"Q": 2}), "heads is for Q and the groups are Q, K, V"),
    (dict(heads=3), "does not split into 3 equal heads"),
    (dict(interleaved=True), "interleaved needs heads"),
    (dict(metrics="euclid"), "metrics is one of cosine, pearson, spearman, not 'euclid'"),
    (dict(nonfinite="ignore"), "nonfinite is one of"),
    (dict(precision="f16"), "precision is one of f32, f64"),
    (dict(precision="f32"), "data is float64 but precision=\"f32\" is asked for"),
    (dict(threads=0), "threads is a number from 1 to 1024"),
    (dict(bins=0), "bins"),
    (dict(bins=[0.0, 0.5, 0.2]), "increas"),
    (dict(progress=3), "progress is True, or a function"),
    (dict(layout="rows columns"), "layout is a word for each of the 2 axes"),
])
def test_options_are_refused_in_the_callers_words(x, options, message):
    with pytest.raises(ValueError) as caught:
        qkvsim.analyze(x, **options)
    assert isinstance(caught.value, qkvsim.Error)
    assert re.search(message, str(caught.value)), str(caught.value)
    assert "QKVSIM" not in str(caught.value)


def test_axes_are_told_and_never_guessed(x):
    a = x.reshape(5, 12, 12)
    flat = means(x)
    numpy.testing.assert_array_equal(means(a, layout="batch tokens features"), flat)
    numpy.testing.assert_array_equal(
        means(a.transpose(1, 0, 2), layout="tokens batch features"), flat)
    split = x.reshape(5, 12, 3, 4).transpose(0, 2, 1, 3)
    numpy.testing.assert_array_equal(means(split, layout="batch heads tokens width"), flat)
    with pytest.raises(ValueError, match="say what its axes are"):
        means(a, heads=12)  # 12 heads of 12, or 12 tokens of 12 heads
    by_heads = qkvsim.analyze({"Q": x.reshape(60, 4, 3)}, heads={"Q": 4})
    assert by_heads.layout.groups == ("Q0", "Q1", "Q2", "Q3")


def test_the_libraries_that_hold_arrays_are_known(x):
    xarray = pytest.importorskip("xarray")
    numpy.testing.assert_array_equal(means(xarray.DataArray(x, dims=("token", "feature"))), means(x))
    sparse = pytest.importorskip("scipy.sparse")
    for matrix in (sparse.csr_matrix(x), sparse.coo_array(x)):
        with pytest.raises(TypeError, match=r"data is sparse: pass data.toarray\(\)"):
            qkvsim.analyze(matrix)


TARGETS = [
    (numpy.ones(60, bool), "every observation is a target, none is left"),
    (slice(None), "every observation is a target, none is left"),
    (numpy.zeros(60, bool), "targets selects no observation"),
    ([], "targets selects no observation"),
    (slice(5, 5), "targets selects no observation"),
    ([3, 3], "targets has an observation twice"),
    ([60], "targets has 60, and observations go from 0 to 59"),
    ([True] * 59, "the mask targets has 59 entries for 60 observations"),
]


@pytest.mark.parametrize("targets, message", TARGETS)
@pytest.mark.parametrize("function", [qkvsim.study, qkvsim.compare])
def test_targets_that_are_all_or_none_are_refused(x, function, targets, message):
    with pytest.raises(qkvsim.InvalidArgument, match=message):
        function(x, targets=targets, permutations=3)


def while_reading(array, change):
    """Calls `change` again and again in another thread while analyses read the array."""
    expected, results, raised = means(array, threads=1), [], []
    done = threading.Event()

    def work():
        while not done.is_set():
            try:
                change()
            except Exception as error:
                raised.append(error)

    other = threading.Thread(target=work)
    other.start()
    for _ in range(20):
        results.append(means(array, threads=1))
    done.set()
    other.join()
    return expected, results, raised


def test_an_array_that_another_thread_resizes_stays_as_it_is():
    array = numpy.random.default_rng(1).normal(size=(400, 600))
    made = Input(array)
    with pytest.raises(ValueError, match="cannot resize"):
        array.resize((4000, 600), refcheck=False)
    made.held.clear()
    array.resize((400, 600), refcheck=False)
    assert made.views[0].data == array.__array_interface__["data"][0]


def test_arrays_that_are_forgotten_during_a_call_are_kept():
    random = numpy.random.default_rng(1)
    arrays = [random.normal(size=(1000, 800)) for _ in "QKV"]
    expected = means(dict(zip("QKV", [array.copy() for array in arrays])))
    given = dict(zip("QKV", arrays))
    del arrays

    def forget(done, total):
        given.clear()
        gc.collect()
        numpy.ones((3, 1000, 800))

    numpy.testing.assert_array_equal(means(given, progress=forget), expected)
    assert not given


def test_memory_that_is_closed_or_shrunk_during_a_call_stays():
    buffer = bytearray(numpy.random.default_rng(1).normal(size=(400, 600)).tobytes())
    array = numpy.frombuffer(buffer).reshape(400, 600)
    expected, results, raised = while_reading(array, lambda: buffer.extend(bytes(10000000)))
    assert all((result == expected).all() for result in results)
    assert raised and all(isinstance(error, BufferError) for error in raised)


def test_an_array_that_another_thread_writes_to_is_an_error_at_most():
    array = numpy.random.default_rng(1).normal(size=(400, 600))
    calls = []
    done = threading.Event()

    def write():
        while not done.is_set():
            array[:, ::7] = numpy.nan
            array[:, ::7] = 1.0

    other = threading.Thread(target=write)
    other.start()
    try:
        for _ in range(30):
            try:
                calls.append(qkvsim.analyze(array).observations)
            except qkvsim.Nonfinite:
                calls.append(400)
    finally:
        done.set()
        other.join()
    assert calls == [400] * 30


def test_nothing_optional_is_imported():
    import subprocess
    code = ("import sys, qkvsim; print([m for m in ('torch', 'pandas', 'matplotlib', 'tqdm', "
            "'transformers') if m in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          cwd=qkvsim.__path__[0] + "/..")
    assert done.stdout.strip() == "[]"
