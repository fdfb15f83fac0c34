"""A study is what the program makes of the same data; its figures are Figures."""
import json
import os
import pickle
import subprocess

import numpy
import pytest

import qkvsim
from qkvsim._library import path

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..")
PROGRAM = os.environ.get("QKVSIM_PROGRAM", os.path.join(
    os.path.dirname(os.path.abspath(path)), "..", "tools", "qkvsim"))
DATA = os.path.join(ROOT, "examples", "data")


def program(*arguments):
    if not os.path.exists(PROGRAM):
        pytest.skip(f"there is no {PROGRAM}")
    done = subprocess.run([PROGRAM, "analyze", *map(str, arguments), "--json", "-", "--quiet"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def compared(study, written):
    """Both without warnings, which are the program's own, and without the names of files."""
    made = json.loads(json.dumps(study.to_dict()))
    for document in (made, written):
        for layer in document["layers"]:
            del layer["warnings"], layer["name"]
            for part in layer["input"]["parts"]:
                del part["file"]
        for key in ("targets", "segments"):  # which were arrays, and files
            del document["options"][key]
    assert made == written


def test_one_layer_is_the_programs(x, tmp_path):
    numpy.save(tmp_path / "x.npy", x)
    compared(qkvsim.study(x), program(tmp_path / "x.npy"))
    compared(qkvsim.analyze(x), program(tmp_path / "x.npy"))


def test_everything_at_once_is_the_programs(x, tmp_path):
    numpy.save(tmp_path / "x.npy", x.astype("f4"))
    numpy.save(tmp_path / "rows.npy", numpy.arange(0, 60, 3))
    numpy.savetxt(tmp_path / "segments.txt", numpy.arange(60) // 15, "%d")
    study = qkvsim.study(
        x.astype("f4"), groups={"Q": 6, "K": 3, "V": 3}, heads={"Q": 2, "K": 1, "V": 1},
        targets=slice(0, 60, 3), metrics=["cosine", "spearman"], bins=10, permutations=9,
        scheme="shift", seed=5, compare=9, relabel="label-shift", interval="jackknife", blocks=10,
        contrasts=[("Q0-Q0", "V0-V0")], segments=numpy.arange(60) // 15)
    written = program(
        tmp_path / "x.npy", "--groups", "Q=6,K=3,V=3", "--heads", "Q=2,K=1,V=1", "--targets",
        tmp_path / "rows.npy", "--metrics", "cosine,spearman", "--bins", 10, "--permutations", 9,
        "--scheme", "shift", "--seed", 5, "--compare", 9, "--relabel", "label-shift", "--interval",
        "jackknife", "--blocks", 10, "--contrast", "Q0-Q0,V0-V0", "--segments",
        tmp_path / "segments.txt")
    compared(study, written)
    pytest.importorskip("pandas")
    assert {"offset_share_low", "mean_p", "condition"} <= set(study.to_frame().columns)


def test_layers_are_the_programs(x, tmp_path):
    for layer in range(3):
        numpy.save(tmp_path / f"{layer}.npy", x + layer)
    written = program(*(tmp_path / f"{layer}.npy" for layer in range(3)), "--interval",
                      "bootstrap", "--resamples", 20, "--block", 4)
    study = qkvsim.study([x, x + 1, x + 2], interval="bootstrap", resamples=20, block=4)
    assert [layer["name"] for layer in written["layers"]] == ["0", "1", "2"]
    compared(study, written)
    assert len(study) == 3 and study["1"].analysis == qkvsim.analyze(x + 1)
    assert pickle.loads(pickle.dumps(qkvsim.study([x, x + 1]))) == qkvsim.study([x, x + 1])


def test_the_capture_of_the_examples_is_the_programs():
    data = numpy.load(os.path.join(DATA, "smollm2-135m-layer10-qkv.npy"), mmap_mode="r")
    rows = numpy.loadtxt(os.path.join(DATA, "alice-rows.txt"), dtype=int)
    groups = {"Q": 576, "K": 192, "V": 192}
    compared(qkvsim.study(data, groups=groups, targets=rows),
             program(os.path.join(DATA, "smollm2-135m-layer10-qkv.npy"), "--groups",
                     "Q=576,K=192,V=192", "--targets", os.path.join(DATA, "alice-rows.txt")))


def test_a_layer_that_knows_its_tokens_finds_them(x):
    class Layer:
        name, parts, heads = 3, {"Q": x[:, :6], "K": x[:, 6:]}, {"Q": 2, "K": 2}

        def where(self, token):
            assert token == " Alice"
            return numpy.arange(60) < 20

    class Capture:
        layers = {3: Layer()}

    study = qkvsim.study(Capture(), targets=" Alice", heads=True)
    assert [one.analysis.observations for one in study[0].conditions] == [20, 40]
    assert study[0].analysis.layout.groups == ("Q0", "Q1", "K0", "K1")
    with pytest.raises(ValueError, match="the data are no capture"):
        qkvsim.study(x, targets=" Alice")


def test_options_that_need_another_say_so(x):
    for options, message in ((dict(compare=9), "compare needs targets"),
                             (dict(contrasts=[("Q-Q", "V-V")]), "contrasts needs interval"),
                             (dict(contrasts=[("Q-Q", "W-W")], interval="jackknife"),
                              "contrasts has no row 'W-W'"),
                             (dict(heads=True), "heads=True is for a capture")):
        with pytest.raises(ValueError, match=message):
            qkvsim.study(x, **options)


def test_figures_are_returned_and_drawn_into_given_axes(x, tmp_path):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.figure import Figure
    study = qkvsim.study([x, x + 1], targets=slice(0, 20), permutations=5, interval="jackknife",
                         heads=2)
    for kind in ("histograms", "heads", "layers", None):
        figure = study.plot(kind)
        assert isinstance(figure, Figure)
        figure.savefig(tmp_path / "figure.png")
        pyplot.close(figure)
    figure, axes = pyplot.subplots(1, 2)
    assert qkvsim.analyze(x).plot(rows="Q-K", ax=axes) is figure
    with pytest.raises(ValueError, match="ax is 1 axes and there are 12 panels"):
        qkvsim.analyze(x).plot(ax=axes[0])
    pyplot.close("all")


def test_a_layer_is_drawn_framed_compared_and_pickled(x):
    pytest.importorskip("matplotlib").use("Agg")
    study = qkvsim.study([x, x * 2], targets=slice(0, 20))
    layer = study[1]
    again = pickle.loads(pickle.dumps(layer))
    assert again == layer and layer != study[0] and "1, 6 rows" in repr(again)
    assert len(layer.to_frame()) == 2 * 6 * 2 and layer._repr_html_() in study._repr_html_()
    assert len(layer.plot().axes) == 12 and len(layer.plot("heads").axes) == 3
    with pytest.raises(qkvsim.InvalidArgument, match='"histograms" or "heads", not \'layers\''):
        layer.plot("layers")


def test_histograms_are_compared(x):
    first = qkvsim.histogram(qkvsim.similarity(x), mask=qkvsim.mask(12))
    assert first == pickle.loads(pickle.dumps(first))
    assert first != qkvsim.histogram(qkvsim.similarity(2 * x - 1), mask=qkvsim.mask(12))
