"""An analysis against NumPy, and what its results can do."""
import copy
import pickle

import numpy
import pytest

import qkvsim


def values_of(matrix, a, b, width):
    """Pairs i < j of two of three equal groups."""
    group = numpy.arange(len(matrix)) // width
    member = numpy.triu((group[:, None] == a) & (group[None, :] == b), 1)
    return matrix[member]


def cosines_of(x):
    unit = x / numpy.linalg.norm(x, axis=0)
    return unit.T @ unit


def test_statistics_and_histograms_are_numpys(x):
    a = qkvsim.analyze(x, bins=20)
    assert a.rows == ("Q-Q", "Q-K", "Q-V", "K-K", "K-V", "V-V")
    assert a.observations == 60 and a.features == 12 and a.metrics == ("cosine", "pearson")
    for metric, matrix in (("cosine", cosines_of(x)), ("pearson", numpy.corrcoef(x.T))):
        pairs = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
        for row, (i, j) in enumerate(pairs):
            values = values_of(matrix, i, j, 4)
            assert a.pairs[row] == a.defined(metric)[row] == len(values)
            numpy.testing.assert_allclose(a.statistic("mean", metric)[row], values.mean(),
                                          atol=1e-12)
            numpy.testing.assert_allclose(a.statistic("variance", metric)[row], values.var(),
                                          atol=1e-12)
            numpy.testing.assert_allclose(a.statistic("maximum", metric)[row], values.max(),
                                          atol=1e-12)
            counts, edges = numpy.histogram(values, bins=20, range=(-1, 1))
            numpy.testing.assert_array_equal(a.histogram(metric)[row], counts)
            numpy.testing.assert_array_equal(a.histogram(metric, a.rows[row]), counts)
            numpy.testing.assert_array_equal(a.bin_edges, edges)


def test_a_forgotten_metric_is_the_first_and_an_unknown_one_lists_the_known(x):
    a = qkvsim.analyze(x, metrics="spearman")
    numpy.testing.assert_array_equal(a.statistic("mean"), a.statistic("mean", "spearman"))
    with pytest.raises(ValueError, match="there are no results of cosine: metrics was spearman"):
        a.statistic("mean", "cosine")
    with pytest.raises(qkvsim.InvalidArgument, match="statistic is one of mean, variance"):
        a.statistic("median")


def test_arrays_are_views_that_outlive_the_result(x):
    a = qkvsim.analyze(x)
    edges, histogram, ratios = a.bin_edges, a.histogram("pearson"), a.offset_ratios
    kept = [array.copy() for array in (edges, histogram, ratios)]
    del a
    for _ in range(50):
        qkvsim.analyze(x + 1)
    for array, copied in zip((edges, histogram, ratios), kept):
        assert not array.flags.writeable
        numpy.testing.assert_array_equal(array, copied)
    assert not edges.flags.owndata


def test_parts_heads_labels_and_widths_are_the_same_columns(x):
    parts = {"Q": x[:, :4], "K": x[:, 4:8], "V": x[:, 8:]}
    thirds = qkvsim.analyze(x)
    for other in (qkvsim.analyze(parts), qkvsim.analyze(x, groups=dict(Q=4, K=4, V=4)),
                  qkvsim.analyze(x, groups=numpy.repeat(["Q", "K", "V"], 4)),
                  qkvsim.analyze(x, groups=thirds.layout), qkvsim.analyze(x, groups="thirds")):
        numpy.testing.assert_array_equal(thirds.histogram("cosine"), other.histogram("cosine"))
        assert thirds.rows == other.rows
    heads = qkvsim.analyze(parts, heads=2)
    assert heads.layout.groups == ("Q0", "Q1", "K0", "K1", "V0", "V1")
    assert "Q-K within heads" in heads.rows
    same = qkvsim.analyze({name: part.reshape(60, 2, 2) for name, part in parts.items()},
                          layout="observations heads width")
    assert same == heads
    matrix = heads.matrix("mean", "cosine")
    row = heads.rows.index("Q1-K0")
    assert matrix.shape == (6, 6) and matrix[1, 2] == heads.statistic("mean", "cosine")[row]


def test_only_the_pair_groups_asked_for(x):
    some = qkvsim.analyze(x, pair_groups=["Q-K", "V-V"])
    assert some.rows == ("Q-K", "V-V")
    numpy.testing.assert_array_equal(some.statistic("mean"),
                                     qkvsim.analyze(x).statistic("mean")[[1, 5]])
    with pytest.raises(ValueError, match="pair_groups has no row 'Q-X': there are Q-Q, Q-K"):
        qkvsim.analyze(x, pair_groups=["Q-X"])


def test_observations_are_a_mask_indices_or_a_slice(x):
    mask = numpy.arange(60) % 3 == 0
    expected = qkvsim.analyze(x[mask])
    for chosen in (mask, numpy.flatnonzero(mask), list(numpy.flatnonzero(mask)), slice(0, 60, 3),
                   range(0, 60, 3), numpy.flatnonzero(mask) - 60, mask.tolist()):
        some = qkvsim.analyze(x, observations=chosen)
        assert some.observations == 20
        numpy.testing.assert_array_equal(some.histogram("cosine"), expected.histogram("cosine"))


def test_results_are_pickled_copied_and_compared(x):
    a = qkvsim.analyze(x, heads={"Q": 2, "K": 1, "V": 1}, metrics=["pearson"])
    b = pickle.loads(pickle.dumps(a))
    assert a == b and b.rows == a.rows and b.layout == a.layout and copy.deepcopy(a) == a
    assert b.to_dict() == a.to_dict()
    assert a != qkvsim.analyze(x + 1, metrics=["pearson"]) and a != 3


def test_frames_have_a_row_for_each_row_and_metric(x):
    pandas = pytest.importorskip("pandas")
    a = qkvsim.analyze(x)
    frame = a.to_frame()
    assert isinstance(frame, pandas.DataFrame) and len(frame) == 12
    cosine = frame[frame.metric == "cosine"].set_index("row")
    assert cosine.loc["Q-K", "offset_share"] == a.offset_share[1]
    assert "<table>" in a._repr_html_() and "12 features" in repr(a)


def test_missing_values_are_refused_dropped_or_undefined(x):
    x[7, 5] = numpy.nan
    with pytest.raises(qkvsim.Nonfinite, match=r"data, row 7, column 5.*nonfinite=\"drop\""):
        qkvsim.analyze(x)
    with pytest.raises(ValueError, match=r"data\['K'\], row 7"):
        qkvsim.analyze({"Q": x[:, :4], "K": x[:, 4:]})
    dropped = qkvsim.analyze(x, nonfinite="drop")
    assert dropped.dropped.tolist() == [7] and dropped.observations == 59
    undefined = qkvsim.analyze(x, nonfinite="undefined")
    assert undefined.undefined_features("cosine").tolist() == [5]
