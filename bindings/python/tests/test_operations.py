"""Each operation against NumPy, and results that belong together against each other."""
import copy
import itertools
import pickle

import numpy
import pytest

import qkvsim


def test_similarities_are_numpys(x):
    unit = x / numpy.linalg.norm(x, axis=0)
    for metric, expected in (("cosine", unit.T @ unit), ("pearson", numpy.corrcoef(x.T)),
                             ("covariance", numpy.cov(x.T)), ("dot", x.T @ x),
                             ("spearman", numpy.corrcoef(x.argsort(0).argsort(0).T))):
        numpy.testing.assert_allclose(qkvsim.similarity(x, metric=metric), expected, atol=1e-11)
    assert qkvsim.similarity(x.astype("f4")).dtype == numpy.float32
    out = numpy.empty((12, 12))
    assert qkvsim.similarity(x, out=out) is out
    with pytest.raises(ValueError, match="out is a writable C-ordered array of 12 x 12"):
        qkvsim.similarity(x, out=numpy.empty((12, 11)))


def test_the_mask_is_the_outer_product_above_the_diagonal():
    codes = numpy.repeat([1, 2, 3], 4)
    expected = numpy.triu(numpy.outer(codes, codes), 1)
    for groups in (12, {"Q": 4, "K": 4, "V": 4}, numpy.repeat(["Q", "K", "V"], 4)):
        numpy.testing.assert_array_equal(qkvsim.mask(groups), expected)
    with pytest.raises(qkvsim.Ambiguous, match="share|same|both"):
        qkvsim.mask({name: 1 for name in "ABCD"}, codes=[1, 4, 2, 2])


def test_histograms_of_a_matrix_are_numpys(x):
    matrix, mask = numpy.corrcoef(x.T), qkvsim.mask(12)
    counts, edges, outside = qkvsim.histogram(matrix, bins=20)
    expected, limits = numpy.histogram(matrix, bins=20, range=(-1, 1))
    numpy.testing.assert_array_equal(counts, expected)
    numpy.testing.assert_array_equal(edges, limits)
    by_code = qkvsim.histogram(matrix, mask=mask, bins=20)
    for row, code in enumerate(numpy.unique(mask[mask > 0])):
        numpy.testing.assert_array_equal(
            by_code.counts[row], numpy.histogram(matrix[mask == code], 20, (-1, 1))[0])


def test_permutations_exchange_what_the_scheme_says(x):
    every = qkvsim.permute(x, seed=3)
    numpy.testing.assert_array_equal(numpy.sort(every, None), numpy.sort(x, None))
    feature = qkvsim.permute(x, scheme="feature", observations=slice(0, 40))
    numpy.testing.assert_array_equal(numpy.sort(feature, 0), numpy.sort(x[:40], 0))
    rows = qkvsim.permute(x, scheme="observations", groups="thirds")
    for part in (slice(0, 4), slice(4, 8), slice(8, 12)):
        assert {tuple(row) for row in rows[:, part]} == {tuple(row) for row in x[:, part]}
    labels = numpy.arange(60) < 20
    again = qkvsim.relabel(labels, seed=1)
    assert again.dtype == bool and again.sum() == 20 and (again != labels).any()
    shifted = qkvsim.relabel(labels, relabel="label-shift")
    assert any((numpy.roll(labels, lag) == shifted).all() for lag in range(60))


def test_a_baseline_is_made_of_permutations(x):
    b = qkvsim.baseline(x, permutations=9, seed=4, bins=10)
    each = [qkvsim.analyze(qkvsim.permute(x, seed=4, index=i), bins=10) for i in range(9)]
    assert b.observed == qkvsim.analyze(x, bins=10) and b.permutations == 9
    values = numpy.array([a.statistic("variance", "pearson") for a in each])
    numpy.testing.assert_allclose(b.statistic("variance", "pearson", "mean"), values.mean(0))
    numpy.testing.assert_allclose(
        b.z("variance", "pearson"),
        (b.observed.statistic("variance", "pearson") - values.mean(0)) / values.std(0))
    counts = numpy.array([a.histogram("cosine") for a in each])
    numpy.testing.assert_allclose(b.histogram("cosine", "max"), counts.max(0))
    assert ((b.p("mean") >= 0.1) & (b.p_max("mean") <= 1)).all()


def test_a_comparison_is_of_two_selections(x):
    c = qkvsim.compare(x, targets=slice(0, 20), permutations=19, seed=1)
    assert c.first == qkvsim.analyze(x, observations=slice(0, 20))
    assert c.second == qkvsim.analyze(x, observations=slice(20, 60))
    assert (c.permutations, c.subsets) == (19, 19)
    numpy.testing.assert_allclose(c.difference("mean", "cosine"),
                                  c.first.statistic("mean") - c.second.statistic("mean"))
    for kind in ("kolmogorov_smirnov", "wasserstein", "jensen_shannon"):
        expected = [qkvsim.distance(a, b, edges=c.first.bin_edges, distance=kind)
                    for a, b in zip(c.first.histogram(), c.second.histogram())]
        numpy.testing.assert_allclose(c.distance(kind), expected)
    assert ((c.p() >= 0.05) & (c.p() <= 1)).all()
    assert (c.band(summary="min") <= c.band(summary="max")).all()
    for targets, message in ((numpy.ones(60, bool), "every observation is a target"),
                             (numpy.zeros(60, bool), "targets selects no observation")):
        with pytest.raises(ValueError, match=message):
            qkvsim.compare(x, targets=targets)


def test_intervals_are_of_a_jackknife(x):
    i = qkvsim.intervals(x, blocks=60)
    without = numpy.array([qkvsim.analyze(numpy.delete(x, k, 0)).statistic("mean", "pearson")
                           for k in range(60)])
    whole = qkvsim.analyze(x).statistic("mean", "pearson")
    estimate = 60 * whole - 59 * without.mean(0)
    se = numpy.sqrt(59 / 60 * ((without - without.mean(0)) ** 2).sum(0))
    numpy.testing.assert_allclose(i.estimate("mean", "pearson"), estimate, atol=1e-12)
    numpy.testing.assert_allclose(i.se("mean", "pearson"), se, atol=1e-12)
    assert (i.low("mean") < i.high("mean")).all() and i.replicates == 60
    both = qkvsim.intervals(x, observations=slice(0, 60, 2), others=slice(1, 60, 2))
    assert both.observed_others == qkvsim.analyze(x, observations=slice(1, 60, 2))
    assert i.contrast("Q-Q", "V-V", "mean", "pearson") == pytest.approx(whole[0] - whole[5])
    with pytest.raises(ValueError, match="blocks"):
        qkvsim.intervals(x, blocks=3)


def test_pairs_are_the_strongest_of_the_matrix(x):
    matrix = qkvsim.similarity(x, metric="pearson")
    i, j = numpy.triu_indices(12, 1)
    order = numpy.argsort(-abs(matrix[i, j]))[:7]
    found = qkvsim.pairs(x, top=7, metric="pearson")
    numpy.testing.assert_array_equal(found.i, i[order])
    numpy.testing.assert_array_equal(found.j, j[order])
    numpy.testing.assert_array_equal(found.value, matrix[i, j][order])
    assert len(found) == 7 and not found.value.flags.writeable
    assert found.to_dict()["pairs"][0]["pair_group"] in found.rows
    assert len(qkvsim.pairs(x, threshold=1)) == 0
    some = qkvsim.pairs(x, top=3, pair_groups=["Q-K"])
    assert {record["pair_group"] for record in some._records()} == {"Q-K"}
    with pytest.raises(ValueError, match="give a threshold, top, or both"):
        qkvsim.pairs(x)


def test_p_values_are_adjusted_in_any_shape():
    p = numpy.array([[0.01, 0.04], [0.03, numpy.nan]])
    adjusted = qkvsim.adjust_bh(p)
    numpy.testing.assert_allclose(adjusted, [[0.03, 0.04], [0.04, numpy.nan]])
    null = numpy.random.default_rng(1).normal(size=2000)
    assert 1e-5 < qkvsim.tail_p(null, 3.6) < 1e-3


def test_a_stream_gives_what_the_whole_gives(x):
    stream = qkvsim.Accumulator()
    for chunk in numpy.array_split(x, 7):
        stream.update(chunk)
    whole, streamed = qkvsim.analyze(x), stream.analyze()
    assert stream.observations == 60 and streamed.rows == whole.rows
    numpy.testing.assert_allclose(streamed.statistic("mean", "pearson"),
                                  whole.statistic("mean", "pearson"), atol=1e-12)
    numpy.testing.assert_allclose(stream.similarity(metric="covariance"), numpy.cov(x.T))
    again = pickle.loads(pickle.dumps(stream))
    copied = copy.copy(stream)
    assert again == stream == copied and again.analyze() == streamed
    again.merge(copied)
    assert again.observations == 120 and copied == stream != again
    empty = qkvsim.Accumulator()
    empty.merge(stream)
    assert empty == stream
    with pytest.raises(ValueError, match="data has 11 features and the chunks before 12"):
        stream.update(x[:, :11])
    with pytest.raises(ValueError, match="no observations yet"):
        qkvsim.Accumulator().analyze()


def test_accumulators_of_other_parts_are_not_taken_for_their_columns(x):
    q, k, v = x[:, :4], x[:, 4:8], x[:, 8:]
    first, swapped, wider = (qkvsim.Accumulator(blocks=16) for _ in range(3))
    first.update({"Q": q, "K": k, "V": v})
    swapped.update({"K": k, "Q": q, "V": v})
    wider.update({"Q": x[:, :5], "K": x[:, 5:8], "V": v})
    before = pickle.dumps(first)
    for other in swapped, wider:
        for call in (first.merge, first.difference, first.intervals):
            with pytest.raises(qkvsim.InvalidArgument, match="parts"):
                call(other)
    with pytest.raises(qkvsim.InvalidArgument, match="Q of 5, K of 3, V of 4, .* Q of 4, K of 4"):
        first.update({"Q": x[:, :5], "K": x[:, 5:8], "V": v})
    parts = [qkvsim.Accumulator(rows=rows) for rows in (range(5), range(5, 12))]
    parts[0].update({"Q": q, "K": k, "V": v})
    parts[1].update({"K": q, "Q": k, "V": v})
    with pytest.raises(qkvsim.InvalidArgument, match=r"parts\[1\] has the parts K of 4, Q of 4"):
        qkvsim.Accumulator.join(parts)
    assert pickle.dumps(first) == before


def test_an_array_has_the_parts_of_what_it_is_merged_with(x):
    named = qkvsim.Accumulator()
    named.update({"Q": x[:, :4], "K": x[:, 4:8], "V": x[:, 8:]})
    plain = qkvsim.Accumulator(groups="thirds")
    plain.update(x)
    plain.merge(named)
    with pytest.raises(qkvsim.InvalidArgument, match="parts"):
        plain.update({"K": x[:, :4], "Q": x[:, 4:8], "V": x[:, 8:]})


def test_results_are_the_same_by_seed_and_pickled_and_copied(x):
    makers = [lambda: qkvsim.baseline(x, permutations=9),
              lambda: qkvsim.compare(x, targets=slice(20), permutations=9),
              lambda: qkvsim.intervals(x), lambda: qkvsim.analyze(x)]
    results = [make() for make in makers]
    for result, make in zip(results, makers):
        assert result == make()
        assert pickle.loads(pickle.dumps(result)) == result
        assert copy.copy(result) == copy.deepcopy(result) == result
    comparison = pickle.loads(pickle.dumps(results[1]))
    assert comparison.to_dict() == results[1].to_dict()
    numpy.testing.assert_array_equal(comparison.p(), results[1].p())
    for a, b in itertools.permutations(results, 2):
        assert a != b


def test_pieces_in_any_order_are_one_run(x):
    ends = [0, 1, 4, 5, 11, 17, 29, 30]
    kinds = [lambda **piece: qkvsim.baseline(x, scheme="feature", **piece),
             lambda **piece: qkvsim.compare(x, targets=slice(0, 20), **piece),
             lambda permutations, **piece: qkvsim.intervals(x, method="bootstrap",
                                                            resamples=permutations, **piece)]
    for make in kinds:
        whole = make(permutations=30)
        pieces = [make(permutations=b - a, first=a, total=30) for a, b in zip(ends, ends[1:])]
        numpy.random.default_rng(1).shuffle(pieces)
        sent = [pickle.loads(pickle.dumps(piece)) for piece in pieces]
        merged = qkvsim.merge(sent)
        assert merged == whole and merged.to_dict() == whole.to_dict()
        assert qkvsim.merge([qkvsim.merge(pieces[:1])]) == pieces[0] != whole
    with pytest.raises(ValueError, match="no piece has permutations 10 to 19"):
        qkvsim.merge([qkvsim.baseline(x, permutations=10, first=k, total=30) for k in (0, 20)])
    with pytest.raises(ValueError, match="given Analysis, Baseline"):
        qkvsim.merge([qkvsim.analyze(x), qkvsim.baseline(x, permutations=3)])
    with pytest.raises(ValueError, match="given none"):
        qkvsim.merge([])


def test_pair_groups_are_put_together(x):
    whole = qkvsim.analyze(x)
    pieces = [qkvsim.analyze(x, pair_groups=some)
              for some in (["K-V"], ["V-V", "Q-Q", "Q-V"], ["Q-K", "K-K"])]
    merged = qkvsim.merge(pieces)
    assert merged == whole and merged.rows == whole.rows and merged.to_dict() == whole.to_dict()
    part = qkvsim.merge(pieces[:2])
    assert part.rows == ("Q-Q", "Q-V", "K-V", "V-V")
    assert part == qkvsim.analyze(x, pair_groups=["Q-Q", "Q-V", "K-V", "V-V"])
    with pytest.raises(ValueError, match=r"pair group 4 \(K-V\) was computed in pieces 0 and 1"):
        qkvsim.merge([pieces[0], whole])


def test_pair_groups_are_dealt_to_pieces(x):
    heads = {"groups": {"Q": 4, "K": 4, "V": 4}, "heads": 2}
    whole = qkvsim.analyze(x, **heads)
    pieces = [whole.layout.piece(k, 5) for k in range(5)]
    assert sorted(sum(pieces, ())) == sorted(whole.layout.rows[:whole.layout.pair_groups])
    assert qkvsim.merge([qkvsim.analyze(x, **heads, pair_groups=piece) for piece in pieces]) == whole
    with pytest.raises(ValueError, match="piece 5, but there are pieces 0 to 4"):
        whole.layout.piece(5, 5)


def test_pairs_are_pickled_and_compared(x):
    found = qkvsim.pairs(x, top=5, metric="pearson")
    again = pickle.loads(pickle.dumps(found))
    assert again == found and again.to_dict() == found.to_dict() and len(again) == 5
    assert again.observations == 60 and found != qkvsim.pairs(x, top=4, metric="pearson")
    assert found != qkvsim.pairs(x, top=5, metric="cosine")


def test_an_accumulator_with_blocks_has_intervals(x):
    stream, other = qkvsim.Accumulator(blocks=16), qkvsim.Accumulator(blocks=16)
    whole = qkvsim.Accumulator(blocks=16)
    for k in range(0, 60, 5):
        stream.update(x[k:k + 5], observations=[0, 1])
        other.update(x[k:k + 5], observations=[2, 3, 4])
    whole.update(x, segments=numpy.arange(60) // 5)
    assert stream.blocks == other.blocks == whole.blocks == 12
    found, expected = whole.intervals(level=0.9), qkvsim.intervals(x, blocks=12, level=0.9)
    for summary in ("low", "high", "estimate", "se"):
        numpy.testing.assert_allclose(found.statistic("offset_share", summary=summary),
                                   expected.statistic("offset_share", summary=summary), rtol=1e-9)
    both = stream.intervals(other)
    assert numpy.isfinite(both.difference("offset_share", summary="low")).all()
    again = pickle.loads(pickle.dumps(stream))
    assert again == stream and again.intervals(other) == both
    assert [again.observations, again.blocks, pickle.loads(pickle.dumps(again)).blocks] == [24, 12, 12]
    with pytest.raises(qkvsim.InvalidArgument, match="blocks"):
        qkvsim.Accumulator(blocks=3).update(x)
    empty = qkvsim.Accumulator()
    with pytest.raises(qkvsim.InvalidArgument, match="others has no observations yet"):
        stream.intervals(empty)
    with pytest.raises(qkvsim.InvalidArgument, match="others is an Accumulator, not a ndarray"):
        stream.intervals(x)


@pytest.mark.parametrize("name", [lambda k: k, lambda k: 2 ** 40 + k, lambda k: f"chapter {k}"],
                         ids=["numbers", "large numbers", "names"])
def test_a_document_goes_on_in_the_next_chunk(x, name):
    """Runs of 5 rows, in chunks of 7."""
    documents = numpy.array([name(k // 5) for k in range(60)])
    whole, stream = qkvsim.Accumulator(blocks=16), qkvsim.Accumulator(blocks=16)
    whole.update(x, segments=documents)
    for k in range(0, 60, 7):
        stream.update(x[k:k + 7], segments=documents[k:k + 7])
    assert stream.block_observations.tolist() == whole.block_observations.tolist() == [5] * 12


def test_with_blocks_a_document_counts_where_none_of_it_is_selected(x):
    stream = qkvsim.Accumulator(blocks=16)
    for k in range(12):
        stream.update(x[5 * k:5 * k + 5], observations=[0, 3] if k % 2 else [])
    assert stream.block_observations.tolist() == [0, 2] * 6
    with pytest.raises(qkvsim.InvalidArgument, match="selects no observation"):
        qkvsim.Accumulator().update(x, observations=[])


def test_parts_of_an_accumulator_are_joined_to_the_whole(x):
    ranges = range(0, 3), range(3, 4), range(4, 12)
    parts, whole = [qkvsim.Accumulator(rows=rows) for rows in ranges], qkvsim.Accumulator()
    for chunk in numpy.array_split(x, 3):
        for each in (*parts, whole):
            each.update(chunk)
    sent = [pickle.loads(pickle.dumps(part)) for part in parts]
    assert [part.rows for part in sent] == list(ranges) and whole.rows == range(12)
    joined = qkvsim.Accumulator.join(sent)
    assert joined == whole and joined.rows == range(12) and sent == parts
    assert joined.analyze() == whole.analyze()
    with pytest.raises(qkvsim.InvalidArgument, match="join it with the others"):
        parts[0].analyze()
    with pytest.raises(qkvsim.InvalidArgument, match=r"parts\[1\] begins with row 4, expected 3"):
        qkvsim.Accumulator.join([parts[0], parts[2]])
    with pytest.raises(qkvsim.InvalidArgument, match=r"parts\[0\] is an Accumulator, not a int"):
        qkvsim.Accumulator.join([1])
    with pytest.raises(qkvsim.InvalidArgument, match="0 parts"):
        qkvsim.Accumulator.join([])
    for rows in (3, range(0), range(0, 4, 2), slice(3)):
        with pytest.raises(qkvsim.InvalidArgument, match="rows is a range of features"):
            qkvsim.Accumulator(rows=rows)
    assert qkvsim.Accumulator(rows=range(3)).rows is None


def test_an_empty_accumulator_takes_in_what_it_may_hold(x):
    whole, blocks = qkvsim.Accumulator(), qkvsim.Accumulator(blocks=16)
    for k in range(0, 60, 3):
        whole.update(x[k:k + 3])
        blocks.update(x[k:k + 3])
    part = qkvsim.Accumulator(rows=range(2, 5))
    part.merge(whole)
    assert [part.rows, part.observations, part.layout] == [range(2, 5), 60, whole.layout]
    fewer = qkvsim.Accumulator(blocks=32)
    fewer.merge(blocks)
    assert fewer.observations == 60 and fewer.block_observations.tolist() == [6] * 10
    assert whole.block_observations.size == qkvsim.Accumulator().block_observations.size == 0
    with pytest.raises(qkvsim.InvalidArgument, match="with blocks cannot take in one without"):
        qkvsim.Accumulator(blocks=16).merge(whole)


def test_a_rollup_of_the_callers_is_a_row(x):
    plain = qkvsim.analyze(x)
    layout = plain.layout.with_rollup("across", ["Q-V", "Q-K"])
    made = qkvsim.analyze(x, groups=layout)
    assert made.rows == (*plain.rows, "across") and "across" not in plain.layout.rows
    expected = plain.histogram("pearson")[[1, 2]].sum(axis=0)
    assert made.histogram("pearson", "across").tolist() == expected.tolist()
    assert pickle.loads(pickle.dumps(layout)) == layout != plain.layout
    heads = qkvsim.analyze(x, heads={"Q": 2, "K": 1, "V": 1}).layout
    assert heads.with_rollup("mine", ["Q0-Q1"]).parts == {"Q": 2, "K": 1, "V": 1}
    for name, pair_groups, message in (("Q-K", ["Q-Q"], "Q-K"), ("twice", ["Q-K"] * 2, "listed before"),
                                       ("none", ["Q-X"], "no row 'Q-X'"),
                                       ("a\0b", ["Q-K"], "the character 0")):
        with pytest.raises(qkvsim.InvalidArgument, match=message):
            plain.layout.with_rollup(name, pair_groups)
    with pytest.raises(qkvsim.InvalidArgument, match="the character 0"):
        qkvsim.analyze(x, groups={"Q\0": 6, "K": 3, "V": 3})


def test_results_and_the_package_say_how_they_compute(x):
    assert qkvsim.analyze(x.astype("f4")).precision == "f32"
    assert qkvsim.analyze(x.astype("f4"), precision="f64").precision == "f64"
    about = qkvsim.about()
    assert about["version"] == qkvsim.__version__ and about["blas"].startswith("OpenBLAS")
    assert about["kernels"] in ("portable", "avx2", "avx512") and "libqkvsim" in about["library"]


def test_pairs_of_a_stream_are_those_of_its_matrix(x):
    stream = qkvsim.Accumulator()
    stream.update(x[:31])
    stream.update(x[31:])
    found, expected = stream.pairs(top=7, metric="pearson"), qkvsim.pairs(x, top=7, metric="pearson")
    matrix = stream.similarity(metric="pearson")
    assert [found.i.tolist(), found.j.tolist()] == [expected.i.tolist(), expected.j.tolist()]
    assert found.value.tolist() == [matrix[i, j] for i, j in zip(found.i, found.j)]
    assert found.observations == 60 and len(stream.pairs(threshold=0, pair_groups=["Q-K"])) == 16
    with pytest.raises(qkvsim.InvalidArgument, match="give a threshold, top, or both"):
        stream.pairs()


def test_a_difference_is_of_two_accumulators(x):
    one, other = qkvsim.Accumulator(), qkvsim.Accumulator()
    one.update(x[:40])
    other.update(x[40:])
    numpy.testing.assert_allclose(one.difference(other), numpy.cov(x[:40].T) - numpy.cov(x[40:].T),
                               atol=1e-9)
    with pytest.raises(qkvsim.InvalidArgument, match="less is an Accumulator"):
        one.difference(x)


def test_pairs_are_drawn_where_they_stand(x):
    pytest.importorskip("matplotlib").use("Agg")
    found = qkvsim.pairs(x, top=9, metric="pearson", groups=numpy.arange(12) % 2)
    points = found.plot().axes[0].collections[0]
    place = numpy.argsort([*range(0, 12, 2), *range(1, 12, 2)])  # of a feature, by its group
    ends = numpy.sort([place[found.i], place[found.j]], axis=0)
    numpy.testing.assert_array_equal(points.get_offsets().T, ends[::-1, ::-1])
    numpy.testing.assert_array_equal(points.get_array(), found.value[::-1])
    assert qkvsim.pairs(x, threshold=1).plot() is not None


def test_each_kind_of_result_is_drawn(x):
    pytest.importorskip("matplotlib").use("Agg")
    results = [qkvsim.analyze(x), qkvsim.baseline(x, permutations=9), qkvsim.intervals(x),
               qkvsim.compare(x, targets=slice(0, 20), permutations=9),
               qkvsim.compare(x, targets=slice(0, 20))]
    for one in results:
        figure = one.plot(rows=["Q-Q", "Q-K"])
        drawn = sum(len(ax.collections) + len(ax.patches) + len(ax.lines) for ax in figure.axes)
        assert drawn > 0
    low, high = (results[2].statistic("mean", "pearson", end)[:2] for end in ("low", "high"))
    lines = results[2].plot(statistic="mean", metric="pearson", rows=["Q-Q", "Q-K"]).axes[0]
    ends = numpy.array([path.vertices[:, 0] for path in lines.collections[0].get_paths()])
    numpy.testing.assert_allclose(ends, numpy.stack([low, high], 1))
    table = results[0]._repr_html_()
    assert table.count("<svg") == 12 and "NaN" not in table
