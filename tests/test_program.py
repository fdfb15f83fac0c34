"""The qkvsim program as scripts rely on it: results, JSON keys, exit statuses, hostile files.

Usage: test_program.py path/to/qkvsim path/to/examples/data
"""
import csv
import fcntl
import io
import json
import math
import os
import pty
import random
import re
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import unicodedata
import unittest

try:
    import numpy
except ImportError:
    print("numpy is missing: the tests of the program are skipped")
    sys.exit(77)

PROGRAM = DATA = None
PAIR_GROUPS = ["Q-Q", "Q-K", "Q-V", "K-K", "K-V", "V-V"]
STATISTICS = {"defined", "undefined", "mean", "variance", "skewness", "kurtosis", "min", "max",
              "tail", "histogram"}


def safetensors(tensors, header=None):
    """A file of float32 tensors; `header` replaces what the header says."""
    entries, data = {}, b""
    for name, values in tensors.items():
        raw = values.astype("<f4").tobytes()
        entries[name] = {"dtype": "F32", "shape": list(values.shape),
                         "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = header if header is not None else json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text + data


def npy(header, data, version=b"\x01\x00", magic=b"\x93NUMPY"):
    """An .npy file whose header says what it is told to."""
    text = header.encode() + b" " * (-(len(header) + 11) % 64) + b"\n"
    return magic + version + struct.pack("<H", len(text)) + text + data


class Program(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.random = numpy.random.default_rng(4)
        self.values = self.random.normal(size=(40, 12)).astype("float32") + 0.5
        self.input = self.path("input.npy")
        numpy.save(self.input, self.values)

    def tearDown(self):
        self.folder.cleanup()

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def write(self, name, content):
        with open(self.path(name), "wb") as file:
            file.write(content)
        return self.path(name)

    def run_program(self, *arguments, **options):
        return subprocess.run([os.path.abspath(PROGRAM), *map(str, arguments)], capture_output=True, timeout=300,
                              check=False, **options)

    def succeed(self, *arguments, **options):
        result = self.run_program(*arguments, **options)
        self.assertEqual(result.returncode, 0, result.stderr.decode())
        return result.stdout.decode()

    @staticmethod
    def peak_memory(*arguments):
        """In kilobytes, of one run; measured by a process whose only child it is."""
        script = ("import resource, subprocess, sys; "
                  "subprocess.run(sys.argv[1:], check=True); "
                  "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
        result = subprocess.run([sys.executable, "-c", script, PROGRAM, *arguments],
                                capture_output=True, check=True, timeout=300)
        return int(result.stdout)

    @staticmethod
    def uncounted():
        """For a process whose files are cut off: a build that counts coverage would spoil its counts."""
        return {**os.environ, "GCOV_PREFIX": "/dev/null"}

    def refused(self, *arguments, status=1, says="", prints=False):
        """The program fails with a status and one line that begins with its name."""
        result = self.run_program(*arguments)
        text = result.stderr.decode()
        self.assertEqual(result.returncode, status, text)
        self.assertTrue(text.startswith("qkvsim: "), text)
        self.assertIn(says, text)
        self.assertEqual(result.stdout != b"", prints)
        return text

    def succeed_on_a_terminal(self, columns, *arguments):
        """What a terminal of so many columns shows."""
        try:
            controller, terminal = pty.openpty()
        except OSError as error:  # a chroot without devpts
            self.skipTest(f"no terminal to be had: {error}")
        try:
            fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 50, columns, 0, 0))
            with subprocess.Popen([PROGRAM, *map(str, arguments)], stdout=terminal,
                                  stderr=subprocess.DEVNULL) as process:
                os.close(terminal)
                content = b""
                while True:
                    try:
                        more = os.read(controller, 65536)
                    except OSError:  # how Linux says that the other end is closed
                        more = b""
                    if not more:
                        break
                    content += more
            self.assertEqual(process.returncode, 0)
        finally:
            os.close(controller)
        return content.decode()

    @staticmethod
    def p_cell(p, permutations):
        """How tables print the p of so many permutations."""
        least = 1 / (permutations + 1)
        if p is None:
            return "-"
        if abs(p - least) > 1e-9 * least:
            return "%.3f" % p
        unit = 10 ** (math.floor(math.log10(least)) - 1)  # two digits, rounded up
        return "<= %.2g" % (math.ceil(least / unit - 1e-9) * unit)

    def cells(self, line):
        """The cells of a table's line."""
        return re.split("  +", line.strip())

    def document(self, *arguments, command="analyze"):
        return json.loads(self.succeed(command, *arguments, "--json", "-", "--quiet"))

    def layers_of(self, *arguments, command="analyze"):
        return self.document(*arguments, command=command)["layers"]

    def analyze(self, *arguments):
        """What a run of one layer came to."""
        (layer,) = self.layers_of(*arguments)
        return layer

    @staticmethod
    def results(layer):
        """All of a layer but where it was read."""
        return {key: value for key, value in layer.items() if key not in ("name", "input")}

    def matrix(self, *arguments):
        self.succeed("matrix", *arguments, "--output", self.path("matrix.npy"), "--quiet")
        return numpy.load(self.path("matrix.npy"))


class Results(Program):
    def test_capture_has_the_lessons_shares(self):
        result = self.analyze(os.path.join(DATA, "smollm2-135m-layer10-qkv.npy"),
                              "--groups", "Q=576,K=192,V=192", "--bins", 20,
                              "--targets", os.path.join(DATA, "alice-rows.txt"))
        targets, others = result["conditions"]
        self.assertEqual([targets["name"], others["name"]], ["targets", "non-targets"])
        self.assertEqual([targets["observations"], others["observations"]], [32, 992])
        shares = {}
        for group in targets["pair_groups"]:
            cosine, pearson = group["cosine"], group["pearson"]
            outer = cosine["histogram"][0] + cosine["histogram"][-1]
            shares[group["name"]] = round(100 * outer / cosine["defined"])
            outer = pearson["histogram"][0] + pearson["histogram"][-1]
            self.assertLess(outer / pearson["defined"], 0.001)
        self.assertEqual((shares["Q-Q"], shares["K-K"], shares["V-V"]), (46, 57, 35))

    def test_json_has_every_promised_key(self):
        document = self.document(self.input, "--permutations", 5, "--seed", 3, "--scheme", "feature")
        self.assertEqual(document.keys(), {"qkvsim", "schema", "command", "options", "layers"})
        self.assertEqual((document["schema"], document["command"]), (1, "analyze"))
        (result,) = document["layers"]
        self.assertLessEqual({"name", "input", "groups", "bins", "conditions"}, result.keys())
        self.assertEqual(result["input"], result["input"] | {"observations": 40, "features": 12})
        self.assertEqual(result["bins"], result["bins"] | {"count": 100, "low": -1, "high": 1})
        self.assertEqual([(g["name"], g["features"]) for g in result["groups"]],
                         [("Q", 4), ("K", 4), ("V", 4)])
        (condition,) = result["conditions"]
        self.assertEqual(condition["name"], "all")
        self.assertLessEqual({"scheme": "feature", "permutations": 5, "seed": 3}.items(),
                             condition["baseline"].items())
        self.assertLessEqual({"cosine", "pearson"}, condition["undefined_features"].keys())
        self.assertEqual([g["name"] for g in condition["pair_groups"]], PAIR_GROUPS)
        self.assertEqual([g["code"] for g in condition["pair_groups"]], [1, 2, 3, 4, 6, 9])
        for group in condition["pair_groups"]:
            self.check_pair_group(group)

    def check_pair_group(self, group):
        self.assertLessEqual({"mean_variance_part", "mean_offset_part", "offset_share"},
                             group["offset"].keys())
        for metric in ("cosine", "pearson"):
            self.assertLessEqual(STATISTICS, group[metric].keys())
            self.assertEqual(sum(group[metric]["histogram"]), group[metric]["defined"])
            baseline = group["baseline"][metric]
            for summary in ("mean", "sd", "min", "max"):
                self.assertEqual(len(baseline["histogram_" + summary]), 100)
            for statistic in ("mean", "variance", "skewness", "kurtosis", "tail"):
                self.assertLessEqual({"mean", "sd", "z", "p"}, baseline[statistic].keys())

    def test_json_is_the_definition_in_float64(self):
        values = self.values.astype("float64")
        centred = values - values.mean(axis=0)
        groups = {g["name"]: g for g in self.analyze(self.input)["conditions"][0]["pair_groups"]}
        for metric, columns in (("cosine", values), ("pearson", centred)):
            unit = columns / numpy.linalg.norm(columns, axis=0)
            block = (unit.T @ unit)[:4, 4:8]
            self.assertAlmostEqual(groups["Q-K"][metric]["mean"], block.mean(), 6)
            self.assertAlmostEqual(groups["Q-K"][metric]["variance"], block.var(), 6)
            self.assertAlmostEqual(groups["Q-K"][metric]["max"], block.max(), 6)
            self.assertEqual(groups["Q-K"]["pairs"], 16)

    def test_seeds_of_64_bits_are_printed_exactly(self):
        for seed in (0, 2**63 - 1, 2**63, 2**64 - 1):
            arguments = ["analyze", self.input, "--targets", "0-9", "--permutations", 3, "--compare", 3,
                         "--interval", "bootstrap", "--resamples", 20, "--seed", seed]
            text = self.succeed(*arguments, "--json", "-")
            self.assertEqual(text.count(f'"seed": {seed}'), text.count('"seed"'))
            document = json.loads(text)
            self.assertEqual(document["options"]["seed"], seed)
            (result,) = document["layers"]
            self.assertEqual(result["comparison"]["seed"], seed)
            for condition in result["conditions"]:
                self.assertEqual(condition["baseline"]["seed"], seed)
            self.assertIn(f"seed {seed}", self.succeed(*arguments))
        self.assertNotEqual(self.analyze(self.input, "--permutations", 3, "--seed", 2**64 - 1),
                            self.analyze(self.input, "--permutations", 3, "--seed", 2**64 - 2))

    def test_json_keeps_every_string_as_it_is(self):
        for name in ('"', '""', '\\u0001', '"\\u00011"', "\\", "é"):
            (group, _, _) = self.analyze(self.input, "--groups", f"{name}=4,K=4,V=4")["groups"]
            self.assertEqual(group["name"], name)

    def test_absent_values_are_null(self):
        numpy.save(self.input, numpy.ones((10, 6), "float32"))
        for group in self.analyze(self.input)["conditions"][0]["pair_groups"]:
            self.assertIsNone(group["pearson"]["mean"])
            self.assertIsNone(group["cosine"]["skewness"])
            self.assertEqual(group["pearson"]["defined"], 0)

    def test_matrix_is_corrcoef(self):
        expected = numpy.corrcoef(self.values.T.astype("float64"))
        numpy.testing.assert_allclose(self.matrix(self.input, "--metric", "pearson"), expected,
                                      atol=1e-6)

    def test_matrix_has_rank_correlations(self):
        ranks = numpy.argsort(numpy.argsort(self.values, axis=0), axis=0)  # there are no ties
        numpy.testing.assert_allclose(self.matrix(self.input, "--metric", "spearman"),
                                      numpy.corrcoef(ranks.T), atol=1e-6)

    def test_every_npy_comes_to_the_same(self):
        expected = self.matrix(self.input)
        for dtype in (">f4", "<f8", ">f8"):
            for order in "CF":
                path = self.path("other.npy")
                numpy.save(path, numpy.array(self.values, dtype=dtype, order=order))
                numpy.testing.assert_allclose(self.matrix(path), expected, atol=1e-6)
        half = self.values.astype("float16")
        numpy.save(self.path("half.npy"), half.astype(">f2"))
        numpy.save(self.path("wide.npy"), half.astype("float32"))
        numpy.testing.assert_array_equal(self.matrix(self.path("half.npy")),
                                         self.matrix(self.path("wide.npy")))

    def test_later_npy_versions_are_read(self):
        for version in ((2, 0), (3, 0)):
            with open(self.path("version.npy"), "wb") as file:
                numpy.lib.format.write_array(file, self.values, version=version)
            numpy.testing.assert_array_equal(self.matrix(self.path("version.npy")),
                                             self.matrix(self.input))

    def test_safetensors_parts_are_the_fused_tensor(self):
        tensors = {"q": self.values[:, :4], "k": self.values[:, 4:8], "v": self.values[:, 8:]}
        path = self.write("parts.safetensors", safetensors(tensors))
        parts = self.matrix(path, "--tensor", "q", "--tensor", "k", "--tensor", "v")
        numpy.testing.assert_array_equal(parts, self.matrix(self.input))
        result = self.analyze(path, "--tensor", "Q=q", "--tensor", "K=k", "--tensor", "V=v")
        self.assertEqual([g["name"] for g in result["groups"]], ["Q", "K", "V"])

    def test_mask_is_the_outer_product_above_the_diagonal(self):
        self.succeed("mask", "--groups", "Q=4,K=3,V=2", "--output", self.path("mask.npy"))
        codes = numpy.repeat([1, 2, 3], [4, 3, 2])
        numpy.testing.assert_array_equal(numpy.load(self.path("mask.npy")),
                                         numpy.triu(numpy.outer(codes, codes), 1))

    def test_info_says_what_is_in_a_file(self):
        for values, says in ((self.values.astype(">f8"), "40 x 12  float64  C order, other byte order"),
                             (numpy.asfortranarray(self.values), "40 x 12  float32  Fortran order"),
                             (self.values > 0, "40 x 12  bool  C order"),
                             (numpy.zeros((1,) * 9, "uint8"), "1 x 1 x 1 x 1 x 1 x 1 x ... "
                              "(9 dimensions)  uint8  C order"),
                             (numpy.array(7), "a single number  int64  C order")):
            numpy.save(self.input, values)
            self.assertTrue(self.succeed("info", self.input).endswith("  " + says + "\n"), says)

    def test_targets_in_every_form_are_the_same(self):
        rows = [3, 17, 20, 21, 22]
        mask = numpy.zeros(40, bool)
        mask[rows] = True
        numpy.save(self.path("rows.npy"), numpy.array(rows))
        numpy.save(self.path("mask.npy"), mask)
        text = self.write("rows.txt", b"3\n17\n22\n20\n21\n")
        expected = self.analyze(self.input, "--targets", "3,17,20-22")
        for form in (self.path("rows.npy"), self.path("mask.npy"), text):
            self.assertEqual(self.analyze(self.input, "--targets", form), expected)

    def test_targets_may_have_spaces_in_their_list(self):
        expected = self.analyze(self.input, "--targets", "3,17,20-22")
        for rows in ("3, 17, 20-22", " 3 ,17,20 - 22 "):
            self.assertEqual(self.analyze(self.input, "--targets", rows), expected)
        for rows in ("3 17", "3, ,17", " ", "3, 20 - "):
            self.refused("analyze", self.input, "--targets", rows, status=2, says="item ")

    def test_info_goes_on_after_a_bad_file(self):
        other = self.path("other.npy")
        numpy.save(other, self.values[:5])
        bad, absent = self.write("bad.npy", b"nonsense"), self.path("absent.npy")
        result = self.run_program("info", self.input, bad, absent, other)
        self.assertEqual(result.returncode, 1)
        output, errors = result.stdout.decode(), result.stderr.decode().splitlines()
        self.assertIn(f"{self.input}\n  40 x 12  float32", output)
        self.assertIn(f"{other}\n  5 x 12  float32", output)
        self.assertEqual(len(errors), 2, errors)
        self.assertIn("bad.npy", errors[0])
        self.assertIn("absent.npy", errors[1])

    def test_tables_have_the_width_of_their_characters(self):
        def columns(text):
            return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF")
                       for c in text)
        groups = "注意力=4,K\u0301=4,😀=4"
        table = self.succeed("mask", "--groups", groups).splitlines()
        self.assertEqual(len({columns(line) for line in table}), 1, table)
        for width in (30, 44):
            table = self.succeed_on_a_terminal(width, "analyze", self.input, "--groups", groups)
            self.assertLessEqual(max(columns(line) for line in table.splitlines()), width)
        names = [self.path(name * 12 + ".npy") for name in ("查询", "键值")]
        for name in names:
            numpy.save(name, self.values)
        table = self.succeed_on_a_terminal(60, "analyze", *names).replace("\r", "").splitlines()
        shown = [line for line in table if line.startswith("...")]
        self.assertEqual(len(shown), 2, table)
        self.assertLessEqual(max(map(columns, table)), 62)  # six values take that much

    def test_threads_change_nothing(self):
        arguments = [self.input, "--permutations", 7]
        expected = self.analyze(*arguments, "--threads", 1)
        for threads in (2, 3, 7):
            self.assertEqual(self.analyze(*arguments, "--threads", threads), expected)

    def test_the_table_has_offsets_only_of_cosines(self):
        for metrics, offset in (("cosine,pearson", True), ("pearson", False), ("spearman", False)):
            table = self.succeed("analyze", self.input, "--metrics", metrics)
            self.assertEqual("offset" in table, offset)

    def test_csv_and_figures_are_written_whole(self):
        for name, start in (("out.csv", b""), ("out.svg", b"<?xml"), ("out.pdf", b"%PDF"),
                            ("out.png", b"\x89PNG")):
            option = "--csv" if name.endswith("csv") else "--figure"
            self.succeed("analyze", self.input, option, self.path(name))
            with open(self.path(name), "rb") as file:
                content = file.read()
            self.assertGreater(len(content), 100)
            self.assertTrue(content.startswith(start))
        self.assertEqual(sorted(os.listdir(self.folder.name)),
                         ["input.npy", "out.csv", "out.pdf", "out.png", "out.svg"])


class Types(Program):
    """Every type that holds numbers is read as the numbers that it holds."""
    def typed(self, dtype, raw, shape=(40, 12)):
        """A .safetensors file with the tensor x of raw bytes."""
        header = {"x": {"dtype": dtype, "shape": shape, "data_offsets": [0, len(raw)]}}
        return self.write("typed.safetensors", safetensors({}, json.dumps(header).encode()) + raw)

    def dots(self, *arguments):
        return self.matrix(*arguments, "--metric", "dot")

    def test_integers_are_read_exactly(self):
        for code in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"):
            limits = numpy.iinfo(code)
            values = self.random.integers(max(limits.min, -2**53), min(limits.max, 2**53),
                                          size=(40, 12), dtype=code, endpoint=True)
            real = "float64" if numpy.dtype(code).itemsize > 2 else "float32"
            values[0, :2] = (max(limits.min, -2**53), min(limits.max, 2**53))
            numpy.save(self.path("real.npy"), values.astype(real))
            expected = self.dots(self.path("real.npy"))
            self.assertEqual(expected.dtype, real)
            for order in ("<", ">"):
                for layout in "CF":
                    numpy.save(self.path("integers.npy"), numpy.array(values, order + code, order=layout))
                    numpy.testing.assert_array_equal(self.dots(self.path("integers.npy")), expected)
            path = self.typed(code.upper()[0] + str(8 * int(code[1])), values.astype("<" + code).tobytes())
            numpy.testing.assert_array_equal(self.dots(path, "--tensor", "x"), expected)
        self.assertIn("features, uint64\n", self.succeed("analyze", path, "--tensor", "x"))

    def test_integers_that_float64_does_not_hold_are_named(self):
        for code, value in (("i8", 2**53 + 1), ("i8", -2**53 - 1), ("i8", 2**63 - 1), ("u8", 2**64 - 1)):
            for layout in "CF":
                values = numpy.zeros((40, 12), code, order=layout)
                values[:2] = 2**62  # a power of two is held
                values[17, 9] = value
                numpy.save(self.input, values)
                self.refused("analyze", self.input, says=f"row 17, column 9: {value} (")

    def test_float8_is_read_exactly(self):
        def e4m3(bits):
            sign, exponent, fraction = -1 if bits >> 7 else 1, bits >> 3 & 15, bits & 7
            if exponent == 0:
                return sign * fraction * 2.0**-9
            return sign * (8 + fraction) * 2.0**(exponent - 10)
        numbers = [b for b in range(256) if b & 127 != 127]
        bits = numpy.array((numbers * 2)[:480], "uint8").reshape(40, 12)
        numpy.save(self.path("real.npy"), numpy.vectorize(e4m3)(bits).astype("float32"))
        path = self.typed("F8_E4M3", bits.tobytes())
        numpy.testing.assert_array_equal(self.dots(path, "--tensor", "x"),
                                         self.dots(self.path("real.npy")))
        self.assertIn("features, float8 (E4M3)\n", self.succeed("analyze", path, "--tensor", "x"))
        numbers = [b for b in range(256) if b & 124 != 124]
        bits = numpy.array((numbers * 3)[:480], "uint8").reshape(40, 12)
        numpy.save(self.path("real.npy"), (bits.astype("uint16") << 8).view("float16"))
        path = self.typed("F8_E5M2", bits.tobytes())
        numpy.testing.assert_array_equal(self.dots(path, "--tensor", "x"),
                                         self.dots(self.path("real.npy")))
        for dtype, nan in (("F8_E4M3", 127), ("F8_E4M3", 255), ("F8_E5M2", 125), ("F8_E5M2", 252)):
            bits = numpy.ones((40, 12), "uint8")
            bits[3, 5] = nan
            self.refused("analyze", self.typed(dtype, bits.tobytes()), "--tensor", "x",
                         says="row 3, column 5")

    def test_bfloat16_of_ml_dtypes_is_read(self):
        bits = (self.values.view("uint32") >> 16).astype("uint16")
        numpy.save(self.path("real.npy"), (bits.astype("uint32") << 16).view("float32"))
        for order in "<>":
            header = HostileNpy.HEADER.replace("<f4", order + "V2")
            path = self.write("brain.npy", npy(header, bits.astype(order + "u2").tobytes()))
            numpy.testing.assert_array_equal(self.dots(path), self.dots(self.path("real.npy")))
            self.assertIn("40 x 12  bfloat16  C order", self.succeed("info", path))
        self.assertIn("features, bfloat16\n", self.succeed("analyze", path))
        rows = self.write("rows.npy", npy(HostileNpy.HEADER.replace("<f4", "<V2").replace(", 12", ","),
                                          bytes(80)))
        self.refused("analyze", self.input, "--targets", rows, says="neither integers nor booleans")

    def test_leading_dimensions_are_folded_where_asked(self):
        for shape in ((4, 10, 12), (2, 2, 10, 12), (40, 12)):
            numpy.save(self.path("deep.npy"), self.values.reshape(shape))
            numpy.testing.assert_array_equal(self.matrix(self.path("deep.npy"), "--fold"),
                                             self.matrix(self.input))
        path = self.write("deep.safetensors", safetensors({"x": self.values.reshape(4, 10, 12)}))
        self.assertEqual(self.results(self.analyze(path, "--tensor", "x", "--fold")),
                         self.results(self.analyze(self.input)))
        self.refused("analyze", path, "--tensor", "x", says="x: 4 x 10 x 12 (--fold makes it 40 x 12)")
        numpy.save(self.path("deep.npy"), numpy.asfortranarray(self.values.reshape(4, 10, 12)))
        self.refused("analyze", self.path("deep.npy"), "--fold", says="ascontiguousarray")
        numpy.save(self.path("flat.npy"), self.values.reshape(480))
        self.refused("analyze", self.path("flat.npy"), "--fold", says="flat.npy: 480\n")
        numpy.save(self.path("deep.npy"), numpy.ones((4, 0, 12), "float32"))
        self.refused("analyze", self.path("deep.npy"), "--fold", says="0 x 12")

    def test_types_that_are_no_numbers_say_what_to_do(self):
        for values, says in ((self.values.astype("complex64"), "x.real"), (self.values > 0, "booleans"),
                             (self.values.astype("S4"), "only float16"),
                             (self.values.astype("longdouble"), "astype('float64')"),
                             (numpy.array([[{}]], dtype=object), "Python objects"),
                             (numpy.zeros((4, 2), "V2"), "bfloat16"),
                             (numpy.zeros(4, [("a", "f4"), ("b", "f4")]), "fields")):
            numpy.save(self.path("other.npy"), values, allow_pickle=True)
            self.refused("analyze", self.path("other.npy"), says=says)
        self.refused("analyze", self.typed("BOOL", bytes(480)), "--tensor", "x", says="or integers")

    def test_files_of_other_formats_are_told(self):
        import pickle
        import zipfile
        archive, torch = io.BytesIO(), io.BytesIO()
        numpy.savez(archive, x=self.values)
        with zipfile.ZipFile(torch, "w") as file:
            file.writestr("archive/data.pkl", b"x")
        for content, suffix, says in (
                (archive.getvalue(), "npz", "an .npz archive (unzip"),
                (torch.getvalue(), "pt", "a PyTorch file"),
                (pickle.dumps([1, 2], 2) + bytes(99), "pt", "a PyTorch file"),
                (pickle.dumps(list(range(99)), 4), "pkl", "a Python pickle"),
                (b"GGUF\3\0\0\0" + bytes(99), "gguf", "a GGUF model"),
                (b"\x08\x07\x12\x07pytorch" + bytes(99), "onnx", "an ONNX model"),
                (b"\x89HDF\r\n\x1a\n" + bytes(99), "h5", "an HDF5 file"),
                (b' {"a": [1, 2, 3]}' + bytes(9), "json", "JSON"),
                (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "npy", "git lfs pull"),
                (safetensors({"x": self.values}), "bin", "a safetensors file")):
            for name in ("file." + suffix, "file.npy"):
                if suffix == "onnx" or "PyTorch" in says and content[0] == 0x80:
                    name = "file." + suffix
                self.refused("info", self.write(name, content), says=says, prints=True)
                self.refused("analyze", self.path(name), says=f"{name}: it is ")
            if "safetensors" not in says and suffix not in ("onnx", "pt"):
                path = self.write("file.safetensors", content)
                self.refused("analyze", path, "--tensor", "x", says=says)
        with open(self.input, "rb") as file:
            path = self.write("file.safetensors", file.read())
        self.refused("analyze", path, "--tensor", "x", says="an .npy file (give it a name")


class ModelFiles(Program):
    """Files with the layers of a model."""
    PARTS = (("Q", 0, 4), ("K", 4, 9), ("V", 9, 12))

    def setUp(self):
        super().setUp()
        self.layers = {number: self.random.normal(size=(40, 12)).astype("float32") + number / 9
                       for number in (10, 2, 1, 0)}

    def model(self, name="model.safetensors", **changes):
        """A file with the parts of each layer; a change replaces a tensor, None leaves it out."""
        tensors = {}
        for number, values in self.layers.items():
            for part, begin, end in self.PARTS:
                tensors[f"layers.{number}.{part}_proj"] = values[:, begin:end]
                tensors[f"layers.{number}.{part}_proj.bias"] = values[:1, begin:end]
        for number, tensor in changes.items():
            tensors["layers.%s_proj" % number.replace("_", ".")] = tensor
        return self.write(name, safetensors({k: v for k, v in tensors.items() if v is not None}))

    @staticmethod
    def patterns(layer="*"):
        return [word for part in "QKV" for word in ("--tensor", f"{part}=layers.{layer}.{part}_proj")]

    def files(self):
        paths = []
        for number, values in self.layers.items():
            paths.append(self.path(f"layer{number}.npy"))
            numpy.save(paths[-1], values)
        return paths


class Output(Program):
    """JSON, CSV and their description are one system."""
    ANALYSES = ([], ["--metrics", "pearson"], ["--interval", "jackknife", "--permutations", 5],
                ["--targets", "0-14", "--metrics", "cosine,pearson,spearman", "--permutations", 5,
                 "--compare", 5, "--interval", "bootstrap", "--resamples", 20, "--contrast", "Q0-Q1,V0-V0",
                 "--contrast", "K0-V0,Q0-K0", "--heads", "Q=2,K=1,V=1", "--groups", "Q=4,K=4,V=4"],
                ["--targets", "0-14", "--metrics", "pearson,spearman", "--compare", 19, "--centred"],
                ["--targets", "0-14", "--interval", "jackknife", "--pair-groups", "Q-Q,Q-K"],
                ["--targets", "0-14", "--compare", 99, "--exceedances", 5, "--seed", 2**64 - 1])
    PAIRS = (["--top", 5], ["--threshold", 0.1, "--top", 3, "--per-pair-group", "--metric", "pearson"])

    def documents(self):
        """Of every command with every part."""
        numpy.save(self.path("other.npy"), self.values[::-1])
        tensors = self.write("model.safetensors", safetensors({"x.q": self.values}))
        self.succeed("accumulate", self.input, self.path("other.npy"), "--output", self.path("state"))
        yield self.document(self.path("state"))
        yield self.document(self.path("state"), "--top", 3, command="pairs")
        self.succeed("analyze", self.input, "--pair-groups", "Q-K", "--save", self.path("result"), "--quiet")
        yield self.document(self.path("state"), self.path("result"), command="info")
        for command, all_options in (("analyze", self.ANALYSES), ("pairs", self.PAIRS)):
            for options in all_options:
                yield self.document(self.input, *options, command=command)
            yield self.document(self.input, self.path("other.npy"), *all_options[0], command=command)
            yield self.document(tensors, "--tensor", "x.*", *all_options[0], command=command)

    @staticmethod
    def page(name):
        with open(os.path.join(DATA, "..", "..", "docs", name), encoding="utf-8") as file:
            return file.read()

    def keys(self, node):
        if isinstance(node, dict):
            return set(node).union(*map(self.keys, node.values()))
        return set().union(*map(self.keys, node)) if isinstance(node, list) else set()

    def strict(self, node):
        """A schema that refuses keys it does not name."""
        if isinstance(node, list):
            return [self.strict(item) for item in node]
        if not isinstance(node, dict):
            return node
        closed = {"additionalProperties": False} if node.get("type") == "object" else {}
        return {key: self.strict(value) for key, value in node.items()} | closed

    def test_documents_follow_their_schema(self):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("python3-jsonschema is missing")
        schemas = {}
        for command in ("analyze", "pairs", "info"):
            schema = self.strict(json.loads(self.page(f"qkvsim-{command}.schema.json")))
            jsonschema.Draft202012Validator.check_schema(schema)
            schemas[command] = jsonschema.Draft202012Validator(schema)
        for document in self.documents():
            schemas[document["command"]].validate(document)

    def test_schemas_have_no_key_that_is_never_written(self):
        written = {"analyze": set(), "pairs": set(), "info": set()}
        for document in self.documents():
            written[document["command"]] |= self.keys(document)

        def named(node):
            if isinstance(node, list):
                return set().union(*map(named, node))
            if not isinstance(node, dict):
                return set()
            own = set(node["properties"]) if node.get("type") == "object" else set()
            return own.union(*map(named, node.values()))
        for command, keys in written.items():
            self.assertEqual(named(json.loads(self.page(f"qkvsim-{command}.schema.json"))), keys)

    def test_every_key_is_documented(self):
        words = set(re.findall("[a-z_]+", " ".join(re.findall("`([^`]*)`", self.page("program.md")))))
        for document in self.documents():
            self.assertLessEqual(self.keys(document), words)

    def test_options_are_those_of_the_command(self):
        known = {name.replace("-", "_") for name in re.findall(r"--([a-z-]+)", self.succeed("--help"))}
        without_numbers = {"json", "csv", "figure", "output", "quiet", "threads", "help", "version", "progress",
                           "resume", "checkpoint", "save", "layer", "part", "divide"}
        of = {command: self.document(self.input, "--top", 1, command=command)["options"].keys()
              if command == "pairs" else self.document(self.input)["options"].keys()
              for command in ("analyze", "pairs")}
        self.assertEqual(of["analyze"] | of["pairs"], known - without_numbers)
        for command, keys in of.items():
            for name in known - without_numbers - keys:
                self.refused(command, self.input, "--" + name.replace("_", "-"), 1, status=2,
                             says="is no option of " + command)

    def test_options_are_what_was_given(self):
        options = self.document(self.input, *self.ANALYSES[3], "--seed", 2**64 - 1)["options"]
        self.assertEqual(options, options | {
            "targets": "0-14", "metrics": ["cosine", "pearson", "spearman"], "seed": 2**64 - 1,
            "statistic": "cosine.offset_share", "permutations": 5, "compare": 5, "bins": 100,
            "interval": "bootstrap", "resamples": 20, "blocks": None, "scheme": "all",
            "contrast": ["Q0-Q1,V0-V0", "K0-V0,Q0-K0"], "heads": "Q=2,K=1,V=1", "groups": "Q=4,K=4,V=4"})
        path = self.write("parts.safetensors", safetensors({"q": self.values[:, :5],
                                                            "k": self.values[:, 5:]}))
        document = self.document(path, "--tensor", "Q=q", "--tensor", "K=k")
        self.assertEqual(document["options"]["tensor"], ["Q=q", "K=k"])
        (layer,) = document["layers"]
        self.assertEqual(layer["input"]["parts"], [
            {"file": path, "tensor": "q", "dtype": "float32", "features": 5},
            {"file": path, "tensor": "k", "dtype": "float32", "features": 7}])

    def fields(self, node, metric, prefix=()):
        """The rule of docs/program.md: what a line of one metric has of a row's object."""
        found = {}
        for key, value in node.items():
            others = {"cosine", "pearson", "spearman"} - {metric}
            if key in others or (key == "offset" and metric != "cosine") or key.startswith("histogram"):
                continue
            keys = prefix if key in (metric, "offset") else (*prefix, key)
            if isinstance(value, dict):
                found |= self.fields(value, metric, keys)
            elif "interval" in prefix:
                for end, number in zip(("low", "high"), value or (None, None)):
                    found["_".join((*keys, end))] = number
            elif not isinstance(value, str):
                found["_".join(keys)] = value
        return found

    def expected_lines(self, document):
        """(what a line is about, its numbers)"""
        for layer in document["layers"]:
            for condition in layer["conditions"]:
                for kind in ("pair_group", "rollup"):
                    for row in condition[kind + "s"]:
                        yield (layer["name"], condition["name"], kind, row["name"]), row
                for pair in condition.get("contrasts", []):
                    yield (layer["name"], condition["name"], "contrast",
                           f"{pair['a']} - {pair['b']}"), pair
            parts = [layer[key] for key in ("comparison", "selection_contrast") if key in layer]
            for kind in ("pair_group", "rollup"):
                for rows in zip(*(part[kind + "s"] for part in parts)):
                    yield (layer["name"], "targets - non-targets", kind, rows[0]["name"]), {
                        metric: {key: value for row in rows for key, value in row[metric].items()}
                        for metric in document["options"]["metrics"]}

    def test_csv_is_the_json_by_one_rule(self):
        numpy.save(self.path("other.npy"), self.values[::-1])
        for inputs in ([self.input], [self.input, self.path("other.npy")]):
            for options in self.ANALYSES:
                document = self.document(*inputs, *options)
                text = self.succeed("analyze", *inputs, *options, "--csv", "-")
                lines = list(csv.DictReader(io.StringIO(text)))
                subjects = ["layer", "condition", "kind", "pair_group"]
                columns, count = {*subjects, "observations", "metric"}, 0
                for subject, row in self.expected_lines(document):
                    for metric in document["options"]["metrics"]:
                        numbers = self.fields(row, metric)
                        columns |= numbers.keys()
                        line = lines[count]
                        count += 1
                        self.assertEqual((*(line[key] for key in subjects), line["metric"]),
                                         (*subject, metric))
                        self.assertEqual({key: float(value) for key, value in line.items() if value
                                          and key not in (*subjects, "metric", "observations")},
                                         {key: value for key, value in numbers.items()
                                          if value is not None})
                self.assertEqual(count, len(lines))
                self.assertEqual(columns, lines[0].keys())

    def test_the_offset_split_is_in_lines_of_the_cosine(self):
        text = self.succeed("analyze", self.input, "--interval", "jackknife", "--csv", "-")
        for line in csv.DictReader(io.StringIO(text)):
            offset = {value for key, value in line.items() if "offset" in key or "energy" in key}
            self.assertEqual(offset != {""}, line["metric"] == "cosine")

    def test_the_columns_of_pairs_are_their_keys(self):
        for options in self.PAIRS:
            (layer,) = self.layers_of(self.input, *options, command="pairs")
            lines = list(csv.DictReader(io.StringIO(
                self.succeed("pairs", self.input, *options, "--csv", "-"))))
            self.assertEqual(lines, [{"layer": "input", "metric": layer["metric"]}
                                     | {key: "%.17g" % value if key == "value" else str(value)
                                        for key, value in pair.items()} for pair in layer["pairs"]])

    def test_figures_are_the_same_bytes_of_the_same_date(self):
        def figure(name, epoch):
            environment = {**os.environ, "SOURCE_DATE_EPOCH": epoch} if epoch else {
                key: value for key, value in os.environ.items() if key != "SOURCE_DATE_EPOCH"}
            result = self.run_program("analyze", self.input, "--quiet", "--figure", self.path(name),
                                      env=environment)
            self.assertEqual(result.returncode, 0 if epoch != "now" else 1, result.stderr)
            if epoch == "now":
                self.assertIn(b"SOURCE_DATE_EPOCH wants seconds", result.stderr)
                return None
            with open(self.path(name), "rb") as file:
                return file.read()
        first = figure("a.pdf", "86400")
        self.assertIn(b"19700102000000", first)
        self.assertEqual(figure("b.pdf", "86400"), first)
        self.assertNotEqual(figure("b.pdf", "172800"), first)
        self.assertNotIn(b"19700102", figure("b.pdf", None))
        figure("c.pdf", "now")
        self.assertFalse(os.path.exists(self.path("c.pdf")))
        for end in ("svg", "png"):
            self.assertEqual(figure("a." + end, None), figure("b." + end, "86400"))


class Layers(ModelFiles):
    """Several layers in one run are the runs of each layer alone."""
    def test_a_pattern_gives_the_single_runs_in_natural_order(self):
        model = self.model()
        for options in ([], ["--targets", "0-7"], ["--permutations", 5, "--heads", "Q=2,K=1,V=1"]):
            layers = self.layers_of(model, *self.patterns(), *options)
            self.assertEqual([layer["name"] for layer in layers], ["0", "1", "2", "10"])
            for layer in layers:
                single = self.analyze(model, *self.patterns(layer["name"]), *options)
                self.assertEqual(layer | {"name": "model"}, single)

    def test_several_files_are_the_single_runs(self):
        paths = self.files()
        layers = self.layers_of(*paths, "--groups", "Q=4,K=5,V=3")
        self.assertEqual([layer["name"] for layer in layers],
                         ["layer0", "layer1", "layer2", "layer10"])
        for layer in layers:
            single = self.analyze(self.path(layer["name"] + ".npy"), "--groups", "Q=4,K=5,V=3")
            self.assertEqual(layer, single)

    def test_patterns_over_several_files_name_file_and_layer(self):
        models = [self.model("a.safetensors"), self.model("b.safetensors")]
        names = [layer["name"] for layer in self.layers_of(*models, *self.patterns())]
        self.assertEqual(names, [f"{file}:{layer}" for file in "ab"
                                 for layer in (0, 1, 2, 10)])

    def test_a_fixed_tensor_stands_beside_a_pattern(self):
        layers = self.layers_of(self.model(), "--tensor", "Q=layers.*.Q_proj", "--tensor",
                             "K=layers.2.K_proj", "--pair-groups", "K-Q")
        single = self.analyze(self.path("model.safetensors"), "--tensor", "Q=layers.10.Q_proj",
                              "--tensor", "K=layers.2.K_proj", "--pair-groups", "Q-K")
        self.assertEqual(layers[3]["conditions"], single["conditions"])
        self.assertEqual([p["name"] for p in single["conditions"][0]["pair_groups"]], ["Q-K"])

    def test_a_single_match_is_a_list_of_one(self):
        self.layers = {5: self.layers[2]}
        self.assertEqual([layer["name"] for layer in self.layers_of(self.model(), *self.patterns())], ["5"])

    def test_patterns_without_a_match_are_refused(self):
        model = self.model()
        self.refused("analyze", model, "--tensor", "layers.*.O_proj", says="layers.*.O_proj")
        self.refused("analyze", model, *self.patterns(), "--tensor", "O=x*", says="x*")
        self.refused("analyze", model, "--tensor", "*.*", status=2)
        self.refused("analyze", self.input, "--tensor", "layers.*", status=2)
        self.refused("matrix", model, "--tensor", "layers.*.Q_proj", "--output", "-", status=2)

    def test_a_part_that_some_layers_lack_is_named(self):
        text = self.refused("analyze", self.model(**{"2_K": None}), *self.patterns(), says="layer 2")
        self.assertIn("layers.2.K_proj", text)
        self.assertIn("3 of the 4", text)

    def test_shapes_that_disagree_are_named(self):
        wide = self.model(**{"2_K": self.layers[2][:, :6]})
        text = self.refused("analyze", wide, *self.patterns(), says="part 2 of 2 has 6")
        self.assertIn("that of 0 has 5", text)
        numpy.save(self.path("layer3.npy"), self.layers[2][:30])
        text = self.refused("analyze", *self.files(), self.path("layer3.npy"), says="30")
        self.assertIn("40", text)

    def test_nothing_is_written_where_a_later_layer_fails(self):
        paths = self.files()
        self.layers[10][3, 3] = numpy.nan
        self.files()
        before = sorted(os.listdir(self.folder.name))
        text = self.refused("analyze", *paths, "--json", self.path("a.json"), "--csv",
                            self.path("a.csv"), "--figure", self.path("a.svg"))
        self.assertIn("layer10.npy", text)
        self.assertEqual(sorted(os.listdir(self.folder.name)), before)

    def test_nan_in_a_patterns_layer_names_file_and_layer(self):
        self.layers[10][3, 3] = numpy.nan
        model = self.model()
        for arguments in (["analyze"], ["pairs", "--top", 1]):
            self.refused(*arguments, model, *self.patterns(), says="model.safetensors: layer 10")

    def test_csv_names_the_layer_first(self):
        rows = self.succeed("analyze", *self.files(), "--csv", "-").splitlines()
        self.assertTrue(rows[0].startswith("layer,condition,"))
        self.assertEqual(len(rows), 1 + 4 * 6 * 2)
        self.assertEqual([row.split(",")[0] for row in rows[1::12]],
                         ['"layer0"', '"layer1"', '"layer2"', '"layer10"'])

    def test_table_and_figure_go_over_layers(self):
        for end, start in (("svg", b"<?xml"), ("pdf", b"%PDF"), ("png", b"\x89PNG")):
            table = self.succeed("analyze", *self.files(), "--targets", "3-9", "--figure",
                                 self.path("layers." + end), "--statistic", "pearson.variance")
            with open(self.path("layers." + end), "rb") as file:
                self.assertTrue(file.read().startswith(start))
        lines = [line.split() for line in table.splitlines()]
        self.assertEqual([line[0] for line in lines if line and line[0].startswith("layer")],
                         2 * ["layer", "layer0", "layer1", "layer2", "layer10"])
        result = self.analyze(self.path("layer0.npy"), "--targets", "3-9")
        values = [p["pearson"]["variance"] for p in result["conditions"][0]["pair_groups"]]
        shown = next(line for line in lines if line and line[0] == "layer0")
        self.assertEqual(shown[1:], ["%.4f" % value for value in values])

    def test_the_table_over_layers_has_estimates_with_intervals(self):
        arguments = ["analyze", *self.files(), "--interval", "jackknife", "--statistic", "mean"]
        table = self.succeed(*arguments).splitlines()
        self.assertIn("all: 40 observations; cosine mean: estimates with 95 % intervals by jackknife",
                      table)
        for layer in self.layers_of(*arguments[1:]):
            (line,) = [line for line in table if line.startswith(layer["name"] + "  ")]
            for cell, group in zip(self.cells(line)[1:], layer["conditions"][0]["pair_groups"]):
                numbers = (group["cosine"]["interval_estimate"]["mean"],
                           *group["cosine"]["interval"]["mean"])
                self.assertEqual(cell, "%.4f [%.4f .. %.4f]" % numbers)
        narrow = self.succeed_on_a_terminal(80, *arguments)
        self.assertNotIn("[", narrow)
        self.assertEqual(len(self.cells(narrow.splitlines()[4])), 7)

    def test_layers_of_one_name_have_their_paths_and_lose_no_value(self):
        folders = [self.path("model%d-%s" % (number, 60 * "x")) for number in (1, 2)]
        paths = [os.path.join(folder, "layer.npy") for folder in folders]
        for folder, path in zip(folders, paths):
            os.mkdir(folder)
            numpy.save(path, self.layers[2])
        layers = self.layers_of(*paths, self.files()[0])
        self.assertEqual([layer["name"] for layer in layers],
                         sorted([*paths, self.path("layer10.npy")]))
        pair_groups = layers[-1]["conditions"][0]["pair_groups"]
        values = ["-" if share is None else "%.4f" % share
                      for share in (group["offset"]["offset_share"] for group in pair_groups)]
        for table in (self.succeed("analyze", *paths),
                      self.succeed_on_a_terminal(80, "analyze", *paths),
                      self.succeed_on_a_terminal(30, "analyze", *paths)):
            shown = [line.split() for line in table.splitlines()]
            self.assertIn(["layer", *PAIR_GROUPS], shown)
            lines = [line for line in shown if line and line[0].endswith("layer.npy")]
            self.assertEqual([line[1:] for line in lines], [values, values])
        self.assertTrue(lines[0][0].startswith("..."))

    def test_hostile_layer_names_stay_text(self):
        name = "layers.\x1b[31m\n\"<&'.q"
        path = self.write("hostile.safetensors", safetensors({name: self.layers[2]}))
        table = self.succeed("analyze", path, "--tensor", "layers.*.q")
        self.assertNotIn("\x1b", table)
        lines = self.succeed("analyze", path, "--tensor", "layers.*.q", "--csv", "-")
        self.assertEqual(len(lines.splitlines()), 13)
        (layer,) = self.layers_of(path, "--tensor", "layers.*.q")
        self.assertEqual(layer["name"], "?[31m?\"<&'")

    def test_memory_is_that_of_one_layer(self):
        paths = []
        for number in range(12):
            paths.append(self.path(f"large{number}.npy"))
            numpy.save(paths[-1], self.random.normal(size=(8192, 192)))
        one, all_layers = (self.peak_memory("analyze", *of, "--quiet", "--json", self.path("memory.json"))
                           for of in (paths[:1], paths))
        self.assertLess(all_layers, 1.5 * one)


class Shards(ModelFiles):
    """One model over several files is the model in one."""

    def shards(self, stem="model", split=None):
        """The tensors of model() in two files, and their index."""
        with open(self.model("whole.safetensors"), "rb") as file:
            content = file.read()
        size = struct.unpack("<Q", content[:8])[0]
        tensors = {}
        for name, entry in json.loads(content[8:8 + size]).items():
            begin, end = (8 + size + offset for offset in entry["data_offsets"])
            tensors[name] = numpy.frombuffer(content[begin:end], "<f4").reshape(entry["shape"])
        paths, weight_map = [], {}
        for number in (1, 2):
            name = f"{stem}-0000{number}-of-00002.safetensors"
            part = {k: v for i, (k, v) in enumerate(tensors.items())
                    if (i % 3 == 0) == (number == 1) or k == split}
            paths.append(self.write(name, safetensors(part)))
            weight_map.update(dict.fromkeys(part, name))
        index = {"metadata": {"total_size": 1}, "weight_map": weight_map}
        return paths, self.write(stem + ".safetensors.index.json", json.dumps(index).encode())

    def test_shards_and_their_index_are_the_whole_model(self):
        paths, index = self.shards()
        whole = self.path("whole.safetensors")
        for tensors in (self.patterns(), self.patterns(2)):
            for command in (["analyze", "--csv", "-"], ["pairs", "--top", 5, "--csv", "-"]):
                expected = self.succeed(*command, whole, *tensors)
                for model in (paths, paths[::-1], [index]):
                    self.assertEqual(self.succeed(*command, *model, *tensors),
                                     expected.replace('"whole', '"model'))
        tensors = ["--tensor", "layers.2.Q_proj", "--tensor", "layers.2.K_proj"]
        expected = self.matrix(whole, *tensors)
        for model in (paths, [index]):
            numpy.testing.assert_array_equal(self.matrix(*model, *tensors), expected)
        for number in (0, 1, 2, 10):
            numpy.testing.assert_array_equal(
                self.matrix(index, index, "--parts", "--tensor", f"layers.{number}.Q_proj", "--tensor",
                            f"layers.{number}.K_proj"), self.matrix(*paths, *[
                                word.replace("2", str(number)) for word in tensors]))

    def test_two_sharded_models_are_named(self):
        first, second = self.shards("a"), self.shards("b")
        for models in ([*first[0], *second[0]], [first[1], second[1]], [*first[0], second[1]]):
            names = [layer["name"] for layer in self.layers_of(*models, *self.patterns(2))]
            self.assertEqual(names, ["a", "b"])
            names = [layer["name"] for layer in self.layers_of(*models, *self.patterns())]
            self.assertEqual(names, [f"{model}:{layer}" for model in "ab" for layer in (0, 1, 2, 10)])
        self.refused("matrix", first[1], second[1], "--tensor", "layers.2.Q_proj", "--output", "-",
                     status=2, says="takes one input, not 2")

    def test_a_tensor_in_two_files_or_in_none_is_named(self):
        paths, index = self.shards(split="layers.2.K_proj")
        for model in (paths, [index]):
            text = self.refused("analyze", *model, *self.patterns(), says="layers.2.K_proj: ")
            self.assertIn(f"in two files: layers.2.K_proj: {paths[0]} and {paths[1]}", text)
        paths, index = self.shards()
        self.refused("analyze", index, "--tensor", "layers.3.Q_proj", says=index + ": layers.3.Q_proj")
        self.refused("analyze", *paths, "--tensor", "layers.3.Q_proj",
                     says="model-*-of-00002.safetensors: layers.3.Q_proj")
        self.refused("analyze", index, status=2, says="--tensor is missing")
        os.remove(paths[1])
        self.refused("analyze", index, *self.patterns(), says=paths[1])

    def test_a_shard_is_no_output(self):
        paths, index = self.shards()
        for path in [*paths, index]:
            self.refused("analyze", index, *self.patterns(), "--json", path, status=2,
                         says="would overwrite what is read")

    def test_info_lists_every_shard(self):
        paths, index = self.shards()
        text = self.succeed("info", index)
        for path in [index, *paths]:
            self.assertIn(path + "\n", text)
        self.assertIn("layers.10.V_proj  F32  40 x 3\n", text)

    def test_a_bad_index_is_refused(self):
        for content in (b"", b"{", b"[]", b"{}", b'{"weight_map": {}}', b'{"weight_map": []}',
                        b'{"weight_map": {"a": 1}}', b'{"weight_map": {"a": ""}}',
                        b'{"weight_map": {"a": ".."}}', b'{"weight_map": {"a": "../whole.safetensors"}}',
                        b'{"weight_map": {"a": "/etc/passwd"}}', b"[" * 100000,
                        b'{"weight_map": {"a": "bad.safetensors.index.json"}}', b'\xff\xfe{}',
                        b'{"weight_map": {"a": "x", "a": "y"}}'):
            path = self.write("bad.safetensors.index.json", content)
            self.refused("analyze", path, *self.patterns(), status=2 if b"bad." in content else 1)
            result = self.run_program("info", path)
            self.assertEqual(result.returncode, 1)
            self.assertIn(b"qkvsim: ", result.stderr)


class Parts(Program):
    """Parts of one layer in files of their own."""
    def setUp(self):
        super().setUp()
        self.parts = {"q": self.values[:, :4], "k": self.values[:, 4:8], "v": self.values[:, 8:]}
        self.paths = []
        for name, values in self.parts.items():
            self.paths.append(self.path(name + ".npy"))
            numpy.save(self.paths[-1], values)

    def test_parts_are_the_fused_input(self):
        fused = self.analyze(self.input, "--groups", "Q=4,K=4,V=4")
        self.assertEqual(self.results(self.analyze(*self.paths, "--parts", "--groups", "Q=4,K=4,V=4")),
                         self.results(fused))
        numpy.testing.assert_array_equal(self.matrix(*self.paths, "--parts"),
                                         self.matrix(self.input))
        named = self.analyze(*self.paths, "--parts")
        self.assertEqual([g["name"] for g in named["groups"]], ["q", "k", "v"])
        self.assertEqual([p["cosine"] for p in named["conditions"][0]["pair_groups"]],
                         [p["cosine"] for p in fused["conditions"][0]["pair_groups"]])

    def test_parts_may_be_tensors_of_two_models(self):
        a = self.write("a.safetensors", safetensors({"x": self.parts["q"]}))
        b = self.write("b.safetensors", safetensors({"x": self.parts["k"]}))
        result = self.analyze(a, b, "--parts", "--tensor", "Q=x", "--tensor", "K=x",
                              "--pair-groups", "Q-K")
        expected = self.analyze(self.input, "--pair-groups", "K-Q")
        self.assertEqual(result["conditions"][0]["pair_groups"],
                         expected["conditions"][0]["pair_groups"])

    def test_parts_that_do_not_fit_are_refused(self):
        numpy.save(self.path("short.npy"), self.values[:39, :4])
        text = self.refused("analyze", *self.paths, self.path("short.npy"), "--parts", says="39")
        self.assertIn("40", text)
        self.refused("analyze", self.write("a.safetensors", safetensors(self.parts)), "--parts",
                     "--tensor", "q", "--tensor", "k", status=2, says="2 --tensor")
        self.refused("analyze", *self.paths, "--parts", "--tensor", "q*", status=2)

    def test_every_file_of_the_parts_is_named(self):
        heading = "q.npy + k.npy + v.npy: 40 observations x 12 features, float32\n"
        self.assertTrue(self.succeed("analyze", *self.paths, "--parts").startswith(heading))
        self.assertTrue(self.succeed("pairs", *self.paths, "--parts", "--top", 1)
                        .startswith(heading))
        numpy.save(self.paths[1], self.parts["k"].astype("float64"))
        self.assertIn("features, mixed types\n", self.succeed("analyze", *self.paths, "--parts"))
        self.parts["k"][3, 2] = numpy.nan
        numpy.save(self.paths[1], self.parts["k"])
        for command in (["analyze"], ["matrix", "--output", "-"]):
            self.refused(*command, *self.paths, "--parts",
                         says="part 1, row 3, column 6: " + " + ".join(self.paths))

    def test_only_the_pair_groups_asked_for_are_computed(self):
        result = self.analyze(self.input, "--pair-groups", "V-Q,K-K")
        self.assertEqual([p["name"] for p in result["conditions"][0]["pair_groups"]],
                         ["Q-V", "K-K"])
        self.assertEqual(len(self.succeed("analyze", self.input, "--pair-groups", "V-Q", "--csv",
                                          "-").splitlines()), 3)
        for names in ("Q-X", "Q", "", "Q-K,", "Q-K,K-Q"):
            self.refused("analyze", self.input, "--pair-groups", names, status=2)


class Inference(Program):
    """What says how sure a result is: baselines, intervals, contrasts, comparisons."""
    P_VALUES = {"p", "p_less", "p_greater", "p_bh", "p_bh_all", "p_max", "p_max_all",
                "p_fitted", "p_least"}
    REPLICATED = ["mean", "variance", "skewness", "kurtosis", "tail"]
    OF_COSINES = ["offset_share", "offset_share_raw", "offset_energy", "variance_energy",
                  "mean_offset_square", "noise_fraction"]
    OF_CORRELATIONS = ["mean_square"]

    def setUp(self):
        super().setUp()
        self.values = self.random.normal(size=(120, 24)).astype("float32")
        self.values[:, :8] += self.random.normal(size=8)
        self.values[:, 8:] += 0.5
        common = self.random.normal(size=(120, 1))
        self.values += common * numpy.repeat([0.3, 0.5, 1], 8)
        numpy.save(self.input, self.values)

    @staticmethod
    def energies(values):
        """The corrected energies of offset and variance of Q-Q, of columns 0 to 7, by definition."""
        values = values[:, :8].astype("float64")
        norms = numpy.linalg.norm(values, axis=0)
        offsets = numpy.sqrt(len(values)) * values.mean(axis=0) / norms
        centred = (values - values.mean(axis=0)) / norms
        above, n = numpy.triu_indices(8, 1), len(values)
        corrected = offsets**2 - (1 - offsets**2) / (n - 1)
        offset = numpy.outer(corrected, corrected)[above].sum()
        noise = numpy.outer(1 - offsets**2, 1 - offsets**2)[above].sum()
        variance = ((n - 1) * ((centred.T @ centred)[above] ** 2).sum() - noise) / (n - 2)
        return numpy.array([offset, variance])

    def test_baselines_have_adjusted_p_values_and_the_offset_share(self):
        (condition,) = self.analyze(self.input, "--permutations", 19)["conditions"]
        for group in condition["pair_groups"]:
            for metric, statistics in (("cosine", self.REPLICATED + ["offset_share"]),
                                       ("pearson", self.REPLICATED)):
                for statistic in statistics:
                    self.assertLessEqual({"mean", "sd", "z"} | self.P_VALUES,
                                         group["baseline"][metric][statistic].keys())
            self.assertNotIn("offset_share", group["baseline"]["pearson"])
        p = [group["baseline"]["cosine"]["variance"]["p"] for group in condition["pair_groups"]]
        adjusted = [g["baseline"]["cosine"]["variance"]["p_bh"] for g in condition["pair_groups"]]
        order = numpy.argsort(p)[::-1]
        expected = numpy.minimum.accumulate(numpy.array(p)[order] * 6 / numpy.arange(6, 0, -1))
        numpy.testing.assert_allclose(numpy.array(adjusted)[order], numpy.minimum(expected, 1))

    def test_every_statistic_is_in_every_part(self):
        options = ["--targets", "0-39", "--compare", 9, "--interval", "jackknife", "--permutations",
                   9, "--contrast", "Q0-Q0,Q1-Q1", "--heads", "Q=2,K=2,V=2", "--pair-groups",
                   "Q0-Q0,Q0-Q1,Q1-Q1"]
        result = self.analyze(self.input, *options)
        for metric, more in (("cosine", self.OF_COSINES), ("pearson", self.OF_CORRELATIONS)):
            statistics = set(self.REPLICATED + more)
            for condition in result["conditions"]:
                for row in condition["pair_groups"] + condition["rollups"]:
                    own = row["offset"] if metric == "cosine" else row[metric]
                    self.assertLessEqual(set(more), own.keys())
                    self.assertLessEqual(set(more), own["interval"].keys())
                    self.assertEqual(row["baseline"][metric].keys() & set(
                        self.REPLICATED + self.OF_COSINES + self.OF_CORRELATIONS), statistics)
                self.assertLessEqual(statistics, condition["head_matrices"][metric].keys())
                self.assertEqual(condition["contrasts"][0][metric].keys(), statistics)
            for row in result["comparison"]["pair_groups"]:
                self.assertEqual(row[metric]["differences"].keys(), statistics)
            for row in result["selection_contrast"]["rollups"]:
                self.assertEqual(row[metric].keys(), statistics)
        header = self.succeed("analyze", self.input, *options, "--csv", "-").split("\n")[0].split(",")
        for statistic in self.REPLICATED + self.OF_COSINES + self.OF_CORRELATIONS:
            self.assertLessEqual({statistic, f"interval_{statistic}_low", f"baseline_{statistic}_p_max",
                                  f"differences_{statistic}_matched_mean"}, set(header))

    def test_every_statistic_can_be_chosen(self):
        for statistic in self.REPLICATED + self.OF_COSINES + self.OF_CORRELATIONS + ["min", "max"]:
            for options in (["--interval", "jackknife", "--permutations", 9],
                            ["--heads", "Q=2,K=2,V=2", "--figure", self.path("heads.svg")]):
                self.succeed("analyze", self.input, "--statistic", statistic, *options)
        self.assertIn("pearson mean square", self.succeed(
            "analyze", self.input, "--statistic", "mean_square", "--permutations", 9))
        self.assertIn("spearman mean square", self.succeed(
            "analyze", self.input, "--metrics", "cosine,spearman", "--statistic", "mean_square",
            "--permutations", 9))

    def test_segments_change_places(self):
        count = numpy.load(self.input).shape[0]
        segments = self.path("documents.txt")
        with open(segments, "w") as file:
            file.write("\n".join(str(row * 4 // count) for row in range(count)))
        options = ["--permutations", 99, "--exchange", "segments", "--segments", segments]
        for scheme in ("feature", "observations", "flip"):
            (condition,) = self.analyze(self.input, *options, "--scheme", scheme)["conditions"]
            self.assertEqual(condition["baseline"]["exchange"], "segments")
            self.assertIn("scheme %s by segments" % scheme,
                          self.succeed("analyze", self.input, *options, "--scheme", scheme))
        for wrong in (["--scheme", "shift"], ["--scheme", "all"],
                      ["--scheme", "feature", "--compare", 9, "--targets", "0-9", "--relabel", "label-shift"]):
            self.refused("analyze", self.input, *options, *wrong, status=2, says="--exchange")
        self.refused("analyze", self.input, "--permutations", 9, "--scheme", "flip", "--exchange", "segments",
                     status=2, says="--segments")

    def test_covariates_are_taken_out(self):
        count = numpy.load(self.input).shape[0]
        position = numpy.arange(count, dtype="float64")
        numpy.save(self.path("position.npy"), numpy.stack([position, 3 - position], axis=1))
        options = ["--permutations", 9, "--covariates", self.path("position.npy")]
        for scheme in ("feature", "observations", "flip"):
            (condition,) = self.analyze(self.input, *options, "--scheme", scheme)["conditions"]
            self.assertEqual(condition["baseline"]["covariates"], 1)
        self.refused("analyze", self.input, *options, status=2, says="--covariates")
        numpy.save(self.path("short.npy"), numpy.ones((count - 1, 1)))
        self.refused("analyze", self.input, "--permutations", 9, "--scheme", "flip", "--covariates",
                     self.path("short.npy"), says="%d, not %d" % (count - 1, count))

    def test_every_scheme_gives_a_baseline_of_its_own(self):
        found = []
        for scheme in ("all", "feature", "shift", "group", "observations", "observations-shift", "flip"):
            (condition,) = self.analyze(self.input, "--permutations", 19, "--scheme",
                                        scheme)["conditions"]
            self.assertEqual(condition["baseline"]["scheme"], scheme)
            q_q, q_k = condition["pair_groups"][:2]
            found.append(q_k["baseline"]["pearson"]["variance"])
            self.assertIsNotNone(found[-1]["z"])
            within = q_q["baseline"]["pearson"]["variance"]["z"]
            self.assertEqual(within is None, scheme.startswith("observations") or scheme == "flip")
        self.assertEqual(len({summary["mean"] for summary in found}), 7)

    def test_segments_bound_the_lags_of_schemes(self):
        numpy.save(self.path("segments.npy"), numpy.repeat([1, 2], 60))
        for scheme in ("shift", "observations-shift"):
            options = ["--permutations", 5, "--scheme", scheme]
            self.assertNotEqual(self.analyze(self.input, *options),
                                self.analyze(self.input, *options, "--segments",
                                             self.path("segments.npy")))
        self.refused("analyze", self.input, "--permutations", 5, "--segments",
                     self.path("segments.npy"), status=2)

    def test_spearman_is_pearson_of_the_ranks(self):
        self.values[:, 3] = numpy.round(self.values[:, 3])
        numpy.save(self.input, self.values)
        ranks = numpy.array([[(column < x).sum() + ((column == x).sum() + 1) / 2 for x in column]
                             for column in self.values.T]).T
        numpy.save(self.path("ranks.npy"), ranks.astype("float32"))
        (found,) = self.analyze(self.input, "--metrics", "spearman")["conditions"]
        (expected,) = self.analyze(self.path("ranks.npy"), "--metrics", "pearson")["conditions"]
        for group, of_ranks in zip(found["pair_groups"], expected["pair_groups"]):
            self.assertNotIn("cosine", group)
            for statistic in ("mean", "variance", "min", "max"):
                self.assertAlmostEqual(group["spearman"][statistic],
                                       of_ranks["pearson"][statistic], 5)
        every = self.analyze(self.input, "--metrics", "cosine,pearson,spearman", "--figure",
                             self.path("three.png"))["conditions"][0]["pair_groups"]
        for group, alone in zip(every, found["pair_groups"]):
            self.assertEqual(group["spearman"]["histogram"], alone["spearman"]["histogram"])

    def test_the_offset_share_is_its_definition(self):
        (condition,) = self.analyze(self.input)["conditions"]
        energies = self.energies(self.values)
        self.assertAlmostEqual(condition["pair_groups"][0]["offset"]["offset_share"],
                               energies[0] / energies.sum(), 5)

    def test_jackknife_is_the_delete_a_block_one(self):
        (condition,) = self.analyze(self.input, "--interval", "jackknife", "--blocks",
                                    12)["conditions"]
        pearson = condition["pair_groups"][0]["pearson"]

        def mean(values):
            return numpy.corrcoef(values[:, :8].T.astype("float64"))[numpy.triu_indices(8, 1)].mean()

        left = numpy.array([mean(numpy.delete(self.values, range(10 * b, 10 * b + 10), 0))
                            for b in range(12)])
        estimate = 12 * mean(self.values) - 11 * left.mean()
        error = numpy.sqrt(11 / 12 * ((left - left.mean()) ** 2).sum())
        self.assertAlmostEqual(pearson["interval_estimate"]["mean"], estimate, 5)
        self.assertAlmostEqual(pearson["interval_se"]["mean"], error, 5)
        quantile = 2.200985  # of Student's t with 11 degrees of freedom
        low, high = pearson["interval"]["mean"]
        self.assertAlmostEqual(low, estimate - quantile * error, 4)
        self.assertAlmostEqual(high, estimate + quantile * error, 4)
        self.assertLessEqual({"method": "jackknife", "level": 0.95, "replicates": 12,
                              "block_length": 10}.items(), condition["interval"].items())

    def test_the_interval_of_a_share_is_fiellers(self):
        (condition,) = self.analyze(self.input, "--interval", "jackknife", "--blocks",
                                    12)["conditions"]
        offset = condition["pair_groups"][0]["offset"]
        whole = self.energies(self.values)
        left = numpy.array([self.energies(numpy.delete(self.values, range(10 * b, 10 * b + 10), 0))
                            for b in range(12)])
        energies = 12 * whole - 11 * left.mean(axis=0)
        share = energies[0] / energies.sum()
        self.assertAlmostEqual(offset["interval_estimate"]["offset_share"], share, 5)
        self.assertAlmostEqual(offset["interval_estimate"]["offset_energy"], energies[0], 4)
        shares = numpy.linspace(0, 1, 100001)
        weights = numpy.array([1 - shares, -shares])  # Fieller: O (1 - share) - V share is 0
        error = numpy.sqrt(11 / 12 * (((left - left.mean(axis=0)) @ weights) ** 2).sum(axis=0))
        quantile = 2.200985  # of Student's t with 11 degrees of freedom
        within = shares[abs(energies @ weights) <= quantile * error]
        low, high = offset["interval"]["offset_share"]
        self.assertAlmostEqual(low, within.min(), 4)
        self.assertAlmostEqual(high, within.max(), 4)
        self.assertAlmostEqual(offset["interval_se"]["offset_share"],
                               numpy.interp(share, shares, error) / energies.sum(), 5)

    def test_every_metric_has_intervals(self):
        for options in (["jackknife"], ["bootstrap", "--resamples", 30, "--block", 4, "--level",
                                        0.9]):
            (condition,) = self.analyze(self.input, "--interval", *options)["conditions"]
            for group in condition["pair_groups"]:
                for metric in ("cosine", "pearson"):
                    for key in ("interval", "interval_estimate", "interval_se"):
                        self.assertLessEqual(set(self.REPLICATED), group[metric][key].keys())
                    low, high = group[metric]["interval"]["variance"]
                    self.assertLess(low, high)
                low, high = group["offset"]["interval"]["offset_share"]
                self.assertLess(low, high)

    def test_contrasts_are_differences_of_pair_groups(self):
        (condition,) = self.analyze(self.input, "--interval", "jackknife", "--contrast", "Q-Q,V-V",
                                    "--contrast", "V-K,Q-K")["conditions"]
        groups = {g["name"]: g for g in condition["pair_groups"]}
        names = [(c["a"], c["b"]) for c in condition["contrasts"]]
        self.assertEqual(names, [("Q-Q", "V-V"), ("K-V", "Q-K")])
        for contrast in condition["contrasts"]:
            for metric in ("cosine", "pearson"):
                for statistic in self.REPLICATED:
                    self.assertEqual(contrast[metric][statistic].keys(),
                                     {"difference", "estimate", "se", "low", "high", "p"})
                variance = [groups[contrast[side]][metric]["variance"] for side in "ab"]
                self.assertAlmostEqual(contrast[metric]["variance"]["difference"],
                                       variance[0] - variance[1], 12)
            share = [groups[contrast[side]]["offset"]["offset_share"] for side in "ab"]
            self.assertAlmostEqual(contrast["cosine"]["offset_share"]["difference"],
                                   share[0] - share[1], 12)
        self.assertLess(condition["contrasts"][0]["cosine"]["offset_share"]["p"], 0.05)

    def test_selections_are_contrasted(self):
        result = self.analyze(self.input, "--targets", "0-49", "--interval", "jackknife")
        targets, others = result["conditions"]
        contrast = result["selection_contrast"]
        self.assertEqual([g["name"] for g in contrast["pair_groups"]], PAIR_GROUPS)
        for group, first, second in zip(contrast["pair_groups"], targets["pair_groups"],
                                        others["pair_groups"]):
            self.assertAlmostEqual(group["pearson"]["mean"]["difference"],
                                   first["pearson"]["mean"] - second["pearson"]["mean"], 12)
            square = group["cosine"]["mean_offset_square"]
            self.assertLess(square["low"], square["high"])
            self.assertIsNone(group["cosine"]["variance"]["low"])

    def test_comparison_has_distances_differences_and_bands(self):
        result = self.analyze(self.input, "--targets", "0-39", "--compare", 19, "--seed", 3)
        comparison = result["comparison"]
        self.assertLessEqual({"permutations": 19, "subsets": 19, "seed": 3,
                              "relabel": "labels"}.items(), comparison.items())
        targets, others = result["conditions"]
        for group, first, second in zip(comparison["pair_groups"], targets["pair_groups"],
                                        others["pair_groups"]):
            self.assertEqual(group["name"], first["name"])
            for metric in ("cosine", "pearson"):
                self.check_distances(group[metric], first[metric], second[metric])

    def test_permutations_may_stop_early(self):
        numpy.save(self.input, self.random.normal(size=(40, 6)))
        options = ("--permutations", 5000, "--scheme", "feature", "--targets", "0-19", "--compare",
                   5000, "--metrics", "pearson", "--exceedances", 3, "--pair-groups", "Q-K")
        result = self.analyze(self.input, *options)
        for made in (*(c["baseline"] for c in result["conditions"]), result["comparison"]):
            self.assertEqual(made["exceedances"], 3)
            self.assertLess(made["permutations"], 5000)
        null = result["conditions"][0]["pair_groups"][0]["baseline"]["pearson"]["mean"]
        self.assertIsNone(null["p_max"])
        self.assertAlmostEqual(null["p_bh"], null["p"], 12)
        self.assertAlmostEqual(min(1, 2 * min(null["p_less"], null["p_greater"])), null["p"], 12)
        self.assertIn("(false discovery rate)", self.succeed(
            "analyze", self.input, "--heads", "Q=2,K=2,V=2", "--permutations", 50,
            "--exceedances", 3))

    def test_a_small_p_is_fitted_beyond_what_is_counted(self):
        null = self.analyze(self.input, "--permutations", 299)["conditions"][0]["pair_groups"][0][
            "baseline"]["cosine"]["variance"]
        self.assertEqual(null["p"], 1 / 300)
        self.assertGreaterEqual(null["p_fitted"], 0.1 / 300)
        self.assertLess(null["p_fitted"], 1 / 300)
        self.assertEqual(null["p_least"], 1 / 300)

    def test_the_table_marks_the_least_p_of_a_row_and_a_fit(self):
        fitted = ("--permutations", 299, "--statistic", "cosine.variance")
        null = self.analyze(self.input, *fitted)["conditions"][0]["pair_groups"][0]["baseline"][
            "cosine"]["variance"]
        (line, *_) = (line for line in self.succeed("analyze", self.input, *fitted).splitlines()
                      if line.startswith("Q-Q"))
        self.assertRegex(line, r"<= 0\.0034, fit (<= )?0\.0[0-9]+$")
        self.assertAlmostEqual(float(line.split()[-1]) / null["p_fitted"], 1, delta=0.06)
        numpy.save(self.input, numpy.repeat(self.random.normal(size=(12, 3)), 3, axis=1)
                   + 0.1 * self.random.normal(size=(12, 9)))
        lags = ("--permutations", 60, "--scheme", "observations-shift", "--pair-groups", "Q-K")
        result = self.analyze(self.input, *lags)
        null = result["conditions"][0]["pair_groups"][0]["baseline"]["cosine"]["mean"]
        self.assertEqual((result["conditions"][0]["baseline"]["enumerated"], null["p_least"]),
                         (False, 1 / 12))
        self.assertIn("no_small_p", [warning["code"] for warning in result["warnings"]])
        self.assertNotIn("no_small_p", [warning["code"] for warning in self.analyze(
            self.input, "--permutations", 60)["warnings"]])

    def test_all_relabellings_are_taken_where_they_are_few(self):
        for asked, made in ((118, 118), (119, 119), (500, 119)):
            comparison = self.analyze(self.input, "--targets", "0-39", "--compare", asked,
                                      "--relabel", "label-shift")["comparison"]
            self.assertEqual(comparison["permutations"], made)
            self.assertEqual(comparison["enumerated"], asked >= 119)

    def test_a_comparison_may_relabel_centred_observations(self):
        arguments = ("--targets", "0-39", "--compare", 19, "--metrics", "pearson")
        plain = self.analyze(self.input, *arguments)["comparison"]
        centred = self.analyze(self.input, *arguments, "--centred")["comparison"]
        self.assertEqual((plain["centred"], centred["centred"]), (False, True))
        for one, other in zip(plain["pair_groups"], centred["pair_groups"]):
            one, other = (group["pearson"]["differences"]["variance"] for group in (one, other))
            self.assertEqual(one["value"], other["value"])
            self.assertNotEqual(one["sd"], other["sd"])
        self.assertIn("19 relabellings (labels, centred)",
                      self.succeed("analyze", self.input, *arguments, "--centred"))

    def test_the_figure_of_a_comparison_is_written(self):
        for targets in ("0-39", "0-79", "0-59"):
            self.succeed("analyze", self.input, "--targets", targets, "--compare", 5, "--figure",
                         self.path("compared.png"))
            with open(self.path("compared.png"), "rb") as file:
                self.assertTrue(file.read().startswith(b"\x89PNG"))

    def test_the_figure_has_the_larger_selection_at_the_smaller_ones_size(self):
        """Also without --compare: of the same 20 subsets, and of the numbers alone."""
        for targets in ("0-39", "0-99", "0-59"):
            drawn = []
            for compare in ([], ["--compare", 20], ["--compare", 21]):
                options = ["--targets", targets, *compare, "--figure", self.path("figure.svg")]
                result = self.analyze(self.input, *options)
                self.assertEqual("comparison" in result, compare != [])
                with open(self.path("figure.svg"), "rb") as file:
                    drawn.append(file.read())
            self.assertEqual(drawn[0], drawn[1])
            self.assertEqual(drawn[1] == drawn[2], targets == "0-59")

    def test_the_figure_draws_nothing_where_subsets_have_no_values(self):
        """A single observation has no correlations, though all observations of the other have."""
        self.succeed("analyze", self.input, "--targets", "7", "--metrics", "pearson", "--figure",
                     self.path("figure.svg"))
        with open(self.path("figure.svg"), encoding="utf-8") as file:
            dashed = re.findall(r'stroke-dasharray[^>]* d="([^"]*)"', file.read())
        self.assertEqual(len(dashed), 1 + 6)  # in the legend and in each panel
        for path in dashed:
            self.assertEqual(len(set(re.findall(r"[\d.]+", path)[1::2])), 1, path)

    def check_distances(self, distances, first, second):
        for name in ("kolmogorov_smirnov", "wasserstein", "jensen_shannon"):
            self.assertLessEqual({"value", "p", "matched_mean", "matched_sd", "matched_value",
                                  "matched_min", "matched_max", "p_bh", "p_bh_all", "p_max",
                                  "p_max_all", "p_fitted", "p_least"}, distances[name].keys())
        f = numpy.cumsum(first["histogram"]) / first["defined"]
        g = numpy.cumsum(second["histogram"]) / second["defined"]
        self.assertAlmostEqual(distances["kolmogorov_smirnov"]["value"], abs(f - g).max(), 12)
        self.assertAlmostEqual(distances["wasserstein"]["value"], 0.02 * abs(f - g).sum(), 8)
        for statistic in self.REPLICATED:
            difference = distances["differences"][statistic]
            self.assertLessEqual({"value", "mean", "sd", "z"} | self.P_VALUES, difference.keys())
            matched = difference["matched"]
            self.assertLessEqual(matched["min"], matched["mean"])
            self.assertLessEqual(matched["mean"], matched["max"])
        variance = distances["differences"]["variance"]["matched"]
        self.assertTrue(variance["min"] < variance["mean"] < variance["max"])
        self.assertGreater(variance["sd"], 0)
        self.assertAlmostEqual(distances["differences"]["mean"]["value"],
                               first["mean"] - second["mean"], 12)
        band = distances["band"]
        self.assertAlmostEqual(sum(band["histogram_mean"]), first["defined"], 6)
        self.assertTrue(numpy.all(numpy.array(band["histogram_min"]) <= band["histogram_max"]))

    def test_segments_bound_blocks_and_lags(self):
        numbers = numpy.repeat([4, 9, 4], 40).astype("int32")
        numpy.save(self.path("segments.npy"), numbers)
        text = self.write("segments.txt", b"".join(b"%d\n" % n for n in numbers))
        for options in (["--interval", "jackknife"],
                        ["--targets", "0-39", "--compare", 9, "--relabel", "label-shift"]):
            whole = self.analyze(self.input, *options)
            parted = self.analyze(self.input, *options, "--segments", self.path("segments.npy"))
            self.assertEqual(parted, self.analyze(self.input, *options, "--segments", text))
            self.assertNotEqual(parted, whole)

    def test_bad_segments_are_named(self):
        for content, says in ((b"1\n" * 119, "119"), (b"1\n" * 121, "121"), (b"", "0, not 120"),
                              (b"1\n" * 119 + b"x\n", "line 120"), (b"1\n" * 119 + b"9e9\n", "120"),
                              (b"1\n" * 119 + b"2147483648\n", "2147483648")):
            text = self.refused("analyze", self.input, "--interval", "jackknife", "--segments",
                                self.write("bad.txt", content), says=says)
            self.assertIn("bad.txt", text)

    def test_threads_change_nothing(self):
        options = ["--targets", "0-39", "--compare", 5, "--interval", "bootstrap", "--resamples",
                   20, "--permutations", 5, "--contrast", "Q-Q,V-V"]
        one = self.analyze(self.input, *options, "--threads", 1)
        self.assertEqual(self.analyze(self.input, *options, "--threads", 3), one)

    def test_the_table_shows_all_of_it(self):
        table = self.succeed("analyze", self.input, "--targets", "0-39", "--compare", 9,
                             "--interval", "jackknife", "--permutations", 9, "--contrast",
                             "Q-Q,V-V")
        for words in ("baseline of 9 permutations", "Q-Q - V-V", "targets against non-targets",
                      "targets less non-targets", "95 % intervals", "jackknife of"):
            self.assertIn(words, table)
        table = [line for line in table.splitlines() if not line.startswith("warning: ")]
        self.assertLessEqual(max(map(len, table)), 115)

    def test_p_and_null_are_of_the_chosen_statistic(self):
        """Of the offset share they are those of the raw one, which exists in every permutation."""
        for statistic, name, line in (([], "offset share", 0),
                                      (["--statistic", "variance"], "cosine variance", 0),
                                      (["--statistic", "pearson.mean"], "pearson mean", 1)):
            arguments = [self.input, "--permutations", 99, "--interval", "jackknife", *statistic]
            (condition,) = self.analyze(*arguments)["conditions"]
            table = self.succeed("analyze", *arguments).splitlines()
            tested = "raw offset share" if name == "offset share" else name
            self.assertIn(f"p: of the {tested}, two-sided", table)
            (titles,) = [i for i, text in enumerate(table) if text.startswith("pairs of")]
            self.assertEqual(self.cells(table[titles])[-3:],
                             ["interval" if statistic else "offset share", "null", "p"])
            metric, key = ("pearson", "mean") if line else ("cosine", name.split()[-1])
            for i, group in enumerate(condition["pair_groups"]):
                own = group[metric] if statistic else group["offset"]
                key = key if statistic else "offset_share"
                null = group["baseline"][metric][key + ("" if statistic else "_raw")]
                observed = own[key + ("" if statistic else "_raw")]
                shown = self.cells(table[titles + 1 + 2 * i + line])
                self.assertEqual(shown[-1], self.p_cell(null["p"], 99))
                self.assertEqual(shown[-2], "%.4f %s %.4f" % (
                    observed, ">" if observed > null["mean"] else "<", null["mean"]))
                self.assertEqual(shown[-3], "%.4f [%.4f .. %.4f]" % (
                    own["interval_estimate"][key], *own["interval"][key]))

    def test_permutations_are_counted_where_all_different_ones_are_taken(self):
        arguments = [self.input, "--groups", "A=12,B=12", "--permutations", 199, "--scheme",
                     "observations-shift"]
        for targets, heading in (([], "all the other 119 permutations for all"),
                                 (["--targets", "0-29"], "all the other 29 permutations for targets, "
                                  "all the other 89 permutations for non-targets")):
            result = self.analyze(*arguments, *targets)
            for condition in result["conditions"]:
                self.assertLessEqual({"permutations": condition["observations"] - 1,
                                      "enumerated": True}.items(), condition["baseline"].items())
            self.assertNotIn("few_permutations", [w["code"] for w in result["warnings"]])
            table = self.succeed("analyze", *arguments, *targets)
            self.assertIn(f"baseline of {heading}, scheme observations-shift, seed 0\n", table)
            (line,) = [x for x in table.splitlines() if x.startswith("A-A")][:1]
            self.assertEqual(self.cells(line)[-2:], ["-", "-"])  # nothing changes within a group

    def test_no_p_is_shown_smaller_than_it_can_be_known(self):
        options = ["--targets", "0-39", "--interval", "jackknife", "--contrast", "Q-Q,V-V"]
        result = self.analyze(self.input, *options, "--permutations", 19, "--compare", 99)
        table = self.succeed("analyze", self.input, *options, "--permutations", 19, "--compare", 99)
        tiny = [c["contrasts"][0]["cosine"]["offset_share"]["p"] for c in result["conditions"]]
        self.assertLess(min(tiny), 1e-6)
        shown = [self.cells(line)[-1] for line in table.splitlines() if line.startswith("Q-Q - V-V")]
        self.assertEqual(shown, ["< 0.001" if p < 0.001 else "%.3f" % p for p in tiny])
        self.assertIn("  <= 0.05\n", table)
        self.assertNotRegex(table, r"\d[eE]-\d")

    def test_differences_of_selections_have_the_p_of_relabellings(self):
        arguments = [self.input, "--targets", "0-39", "--metrics", "cosine,pearson,spearman"]
        self.assertNotIn("less non-targets", self.succeed("analyze", *arguments))
        statistics = [("cosine", "offset_share"), ("cosine", "mean_offset_square"),
                      ("pearson", "mean_square"), ("spearman", "mean_square")]
        for options in (["--interval", "jackknife"], ["--compare", 99],
                        ["--interval", "jackknife", "--compare", 99]):
            result = self.analyze(*arguments, *options)
            table = self.succeed("analyze", *arguments, *options)
            table = table[table.index("less non-targets"):].splitlines()
            titles = 2 if "--compare" in options else 1
            self.assertEqual("p" in self.cells(table[titles]), "--compare" in options)
            for i, (metric, statistic) in enumerate(statistics):
                cells = self.cells(table[titles + 1 + i])
                values = [(c["pair_groups"][0][metric] if metric != "cosine" else
                           c["pair_groups"][0]["offset"])[statistic] for c in result["conditions"]]
                at = 2 if i == 0 else 1
                self.assertEqual(cells[at:at + 2], ["%.4f" % value for value in values])
                if "--compare" not in options:
                    continue
                null = result["comparison"]["pair_groups"][0][metric]["differences"][statistic]
                self.assertEqual(cells[-1], self.p_cell(null["p"], 99))
                self.assertEqual(cells[-2], "%.4f %s %.4f" % (
                    null["value"], ">" if null["value"] > null["mean"] else "<", null["mean"]))

    def test_the_heading_has_each_conditions_replicates(self):
        for options, replicates in (
                (["jackknife"], "20 blocks"),
                (["jackknife", "--targets", "0-59"], "20 blocks"),
                (["jackknife", "--targets", "0-19"], "10 blocks for targets, 20 for non-targets"),
                (["jackknife", "--targets", "0-14"], "0 blocks for targets, 20 for non-targets"),
                (["bootstrap", "--resamples", 30, "--targets", "0-19"], "30 resamples")):
            table = self.succeed("analyze", self.input, "--interval", *options).splitlines()
            self.assertTrue("replicates: " + replicates in table, table[:5])

    def test_a_narrow_terminal_breaks_long_lines_at_spaces(self):
        arguments = ["analyze", self.input, "--interval", "jackknife", "--permutations", 9,
                     "--heads", "Q=2,K=2,V=2"]
        heading = self.succeed(*arguments).split("\n\n")[0]
        for columns in (24, 40, 60):
            lines = (self.succeed_on_a_terminal(columns, *arguments).replace("\r", "")
                     .split("\n\n")[0].splitlines())
            self.assertLessEqual(max(map(len, lines)), columns)
            self.assertEqual(" ".join(lines), " ".join(heading.splitlines()))

    def test_a_narrow_terminal_keeps_the_p_column(self):
        arguments = ["analyze", self.input, "--permutations", 9, "--interval", "jackknife"]
        for heads in ([], ["--heads", "Q=2,K=2,V=2"]):
            every = ["pairs of", "pairs", "metric", "mean", "sd", "-1 .. 1", "offset share", "null",
                     "p"]
            (titles,) = [line for line in self.succeed(*arguments, *heads).splitlines()
                         if line.startswith("pairs of")]
            self.assertEqual(re.split("  +", titles), every)
            for columns, lost in ((80, {"pairs", "sd"}), (64, {"pairs", "sd"}), (45, {"pairs", "sd"})):
                table = self.succeed_on_a_terminal(columns, *arguments, *heads).splitlines()
                self.assertLessEqual(max(map(len, table)), columns)
                (titles,) = [line for line in table if line.startswith("pairs of")]
                shown = re.split("  +", titles)
                self.assertEqual(shown[-1], "p")
                self.assertFalse(lost & set(shown), shown)


class Warnings(Program):
    """What the table says below, and JSON in "warnings"."""
    def slow(self, n, correlation, dtype="float32"):
        """Features that follow an AR(1) process, as the input."""
        values = self.random.normal(size=(n, 24))
        for t in range(1, n):
            values[t] = correlation * values[t - 1] + (1 - correlation**2) ** 0.5 * values[t]
        self.values = values.astype(dtype)
        numpy.save(self.input, self.values)

    def correlation(self, rows=slice(None)):
        """The features' mean correlation of a row with the next."""
        centred = self.values[rows].astype("float64")
        centred = centred - centred.mean(axis=0)
        return ((centred[1:] * centred[:-1]).mean(axis=0) / (centred**2).mean(axis=0)).mean()

    def warnings(self, *options):
        """By their codes; the table says the same, but for those of numbers it does not show."""
        table = self.succeed("analyze", self.input, *options)
        found = {}
        for warning in self.analyze(self.input, *options)["warnings"]:
            found.setdefault(warning["code"], []).append(warning["text"])
            self.assertEqual("warning: " + warning["text"] + "\n" in table,
                             warning["code"] != "few_permutations")
        return found

    def test_nothing_is_said_of_rows_that_are_independent(self):
        self.slow(1010, 0)
        for options in ([], ["--interval", "jackknife", "--statistic", "mean_square"],
                        ["--permutations", 999, "--scheme", "shift"],
                        ["--permutations", 999, "--scheme", "feature"],
                        ["--targets", "0-504", "--compare", 999, "--relabel", "label-shift"]):
            self.assertEqual(self.warnings(*options), {})

    def test_lags_and_intervals_want_twenty_correlation_times(self):
        for dtype in ("float16", "float32", "float64"):
            for n, few in ((1200, False), (100, True)):
                self.slow(n, 0.9, dtype)
                r = self.correlation()
                times = n * (1 - r) / (1 + r)
                for options, code in ((["--permutations", 9, "--scheme", "shift"], "short_lags"),
                                      (["--permutations", 9, "--scheme", "observations-shift"],
                                       "short_lags"),
                                      (["--targets", "0-9", "--compare", 9, "--relabel",
                                        "label-shift"], "short_lags"),
                                      (["--interval", "jackknife"],
                                       "few_independent_observations")):
                    found = self.warnings(*options)
                    self.assertEqual(code in found, few, (options, found))
                    if few:
                        self.assertIn("%.1f " % times, found[code][0])
                        self.assertIn("(neighbours correlate by %.2f, a mean over 24 features)" % r,
                                      found[code][0])

    def test_segments_bound_what_lags_span(self):
        self.slow(1200, 0.7)
        segments = self.write("segments.txt", b"".join(b"%d\n" % (i // 12) for i in range(1200)))
        options = ["--permutations", 9, "--scheme", "shift"]
        self.assertNotIn("short_lags", self.warnings(*options))
        self.assertIn("short_lags", self.warnings(*options, "--segments", segments))

    def test_few_segments_to_exchange_are_said(self):
        self.slow(400, 0.9)
        for length, few in ((20, False), (25, True)):
            segments = self.write("segments.txt", b"".join(b"%d\n" % (i // length)
                                                           for i in range(400)))
            exchanged = ["--segments", segments, "--exchange", "segments"]
            for options in (["--permutations", 19, "--scheme", "flip"],
                            ["--targets", "0-%d" % (length * 8 - 1), "--compare", 19]):
                found = self.warnings(*exchanged, *options)
                self.assertEqual("few_segments" in found, few)
                self.assertNotIn("clustered_targets", found)

    def test_exchanging_rows_that_resemble_their_neighbours_is_said(self):
        clustered, scattered = "0-99", ",".join(str(i) for i in range(0, 400, 4))
        for correlation in (0, 0.7):
            self.slow(400, correlation)
            for scheme in ("feature", "observations", "all", "group"):
                self.assertEqual("dependent_observations" in self.warnings(
                    "--permutations", 9, "--scheme", scheme),
                    correlation > 0 and scheme in ("feature", "observations"))
            for targets in (clustered, scattered):
                self.assertEqual("clustered_targets" in self.warnings(
                    "--targets", targets, "--compare", 9),
                    correlation > 0 and targets == clustered)

    def test_selections_of_unequal_size_are_said(self):
        self.slow(200, 0)
        (text,) = self.warnings("--targets", "0-31")["unequal_sizes"]
        self.assertIn("targets have n = 32, non-targets n = 168", text)
        self.assertNotIn("unequal_sizes", self.warnings("--targets", "0-99"))

    def test_why_there_is_no_interval_is_said(self):
        self.slow(200, 0)
        found = self.warnings("--targets", "0-14", "--interval", "jackknife")["no_interval"]
        self.assertEqual(found[0], "targets: no interval: fewer than 8 blocks of 2 observations")
        (text,) = self.warnings("--statistic", "max", "--interval", "jackknife")["no_interval"]
        self.assertIn("the mean's", text)
        (text,) = self.warnings("--statistic", "tail", "--interval", "jackknife")["no_interval"]
        self.assertIn("all: no interval of the cosine tail in 6 of 6 rows: those known hold", text)
        found = self.warnings("--statistic", "offset_energy", "--interval", "jackknife", "--targets",
                              "0-98")["no_interval"]
        self.assertIn("targets: no interval of the offset energy in 6 of 6 rows: there are fewer "
                      "than 100 observations", found[0])

    def test_p_over_all_statistics_wants_999_permutations(self):
        self.slow(100, 0)
        for permutations in (998, 999):
            self.assertEqual("few_permutations" in self.warnings("--permutations", permutations),
                             permutations == 998)

    def test_layers_are_warned_of_once(self):
        self.slow(100, 0.9)
        numpy.save(self.path("other.npy"), self.values[::-1])
        options = [self.input, self.path("other.npy"), "--interval", "jackknife"]
        table = self.succeed("analyze", *options)
        self.assertEqual(table.count("warning: "), 1)
        self.assertIn("warning: layer input: all: the observations are worth", table)
        for layer in self.layers_of(*options):
            self.assertEqual(len(layer["warnings"]), 1)


class Heads(Program):
    HEADS = ["--groups", "Q=12,K=6,V=6", "--heads", "Q=4,K=2,V=2"]

    def setUp(self):
        super().setUp()
        self.values = self.random.normal(size=(60, 24)).astype("float32")
        self.values += self.random.normal(size=24)
        numpy.save(self.input, self.values)

    def test_matrices_hold_every_pair_group(self):
        result = self.analyze(self.input, *self.HEADS)
        (condition,) = result["conditions"]
        names = [group["name"] for group in result["groups"]]
        self.assertEqual(names, ["Q0", "Q1", "Q2", "Q3", "K0", "K1", "V0", "V1"])
        matrices = condition["head_matrices"]
        self.assertEqual(matrices.keys(), {"cosine", "pearson"})
        for metric, statistics in matrices.items():
            for statistic, matrix in statistics.items():
                self.assertEqual(numpy.shape(matrix), (8, 8))
                for group in condition["pair_groups"]:
                    a, b = (names.index(name) for name in group["name"].split("-"))
                    value = (group[metric] if statistic in group[metric]
                             else group["offset"])[statistic]
                    self.assertEqual([matrix[a][b], matrix[b][a]], [value, value])

    def test_rollups_are_their_pair_groups_together(self):
        (condition,) = self.analyze(self.input, *self.HEADS)["conditions"]
        rollups = {row["name"]: row for row in condition["rollups"]}
        for name in ("Q-Q", "Q-K", "V-V", "Q-K within heads", "Q-K across heads"):
            self.assertIn(name, rollups)
            self.assertIsNone(rollups[name]["code"])
        served = [group for group in condition["pair_groups"]
                  if group["name"] in ("Q0-K0", "Q1-K0", "Q2-K1", "Q3-K1")]
        row = rollups["Q-K within heads"]
        self.assertEqual(row["pairs"], 4 * 9)
        for metric in ("cosine", "pearson"):
            self.assertEqual(row[metric]["histogram"],
                             numpy.sum([g[metric]["histogram"] for g in served], axis=0).tolist())
            self.assertAlmostEqual(row[metric]["mean"],
                                   numpy.mean([g[metric]["mean"] for g in served]), 12)

    def test_rollups_have_baselines_intervals_and_contrasts(self):
        result = self.analyze(self.input, *self.HEADS, "--permutations", 9, "--interval",
                              "jackknife", "--contrast", "Q-Q within heads,V-V within heads",
                              "--targets", "0-29", "--compare", 9)
        for condition in result["conditions"]:
            for row in condition["rollups"]:
                self.assertIsNotNone(row["baseline"]["cosine"]["variance"]["p_max"])
                self.assertEqual(len(row["offset"]["interval"]["offset_share"]), 2)
            self.assertEqual(condition["contrasts"][0]["a"], "Q-Q within heads")
            self.assertIsNotNone(condition["contrasts"][0]["cosine"]["mean_offset_square"]["se"])
            self.assertIsNone(condition["contrasts"][0]["cosine"]["offset_share"]["se"])
        self.assertEqual([row["name"] for row in result["comparison"]["rollups"]],
                         [row["name"] for row in result["conditions"][0]["rollups"]])

    def test_a_name_of_two_readings_is_the_row_that_has_it(self):
        """A-B-C is A-B with C, the row's own name; A with B-C is called B-C-A here."""
        (condition,) = self.analyze(self.input, "--groups", "B-C=6,A=6,A-B=6,C=6", "--pair-groups",
                                    "A-B-C")["conditions"]
        self.assertEqual([row["name"] for row in condition["pair_groups"]], ["A-B-C"])

    def test_pair_groups_chosen_leave_only_whole_rollups(self):
        names = "Q0-K0,Q1-K0,Q2-K1,Q3-K1"
        (condition,) = self.analyze(self.input, *self.HEADS, "--pair-groups", names)["conditions"]
        self.assertEqual([row["name"] for row in condition["rollups"]], ["Q-K within heads"])

    def test_a_table_of_780_pair_groups_shows_the_rollups_and_20(self):
        numpy.save(self.input, self.random.normal(size=(20, 78)).astype("float32"))
        arguments = ["analyze", self.input, "--heads", "Q=13,K=13,V=13"]
        table = self.succeed(*arguments, "--statistic", "pearson.mean", "--json",
                             self.path("all.json"))
        with open(self.path("all.json"), encoding="utf-8") as file:
            (condition,) = json.load(file)["layers"][0]["conditions"]
        self.assertEqual(len(condition["pair_groups"]), 780)
        self.assertIn("20 of 780 pair groups, those of largest pearson mean", table)
        shown = [line.split()[0] for line in table.splitlines() if " cosine " in line]
        rollups = [row["name"] for row in condition["rollups"]]
        self.assertEqual(len(shown), len(rollups) + 20)
        ranked = sorted(condition["pair_groups"], key=lambda g: -abs(g["pearson"]["mean"] or 0))
        self.assertEqual(shown[len(rollups):], [group["name"] for group in ranked[:20]])
        self.assertEqual(len(self.succeed(*arguments, "--csv", "-").splitlines()),
                         1 + 2 * (780 + len(rollups)))

    def test_figures_of_heads_are_written(self):
        for end, start in (("svg", b"<?xml"), ("pdf", b"%PDF"), ("png", b"\x89PNG")):
            for statistic in ("offset_share", "variance", "pearson.mean", "max"):
                self.succeed("analyze", self.input, *self.HEADS, "--targets", "0-29",
                             "--statistic", statistic, "--figure", self.path("heads." + end))
                with open(self.path("heads." + end), "rb") as file:
                    self.assertTrue(file.read().startswith(start))

    def drawn(self, *options):
        """The bytes of a figure."""
        self.succeed("analyze", self.input, *self.HEADS, *options, "--figure", self.path("heads.svg"))
        with open(self.path("heads.svg"), "rb") as file:
            return file.read()

    def test_figures_of_heads_compare_selections_at_equal_size(self):
        """But corrected statistics, which n does not bias, and extremes, which have no subsets."""
        for statistic, figures in (("offset_share_raw", 6), ("tail", 6), ("offset_share", 2),
                                   ("pearson.mean_square", 2), ("max", 2)):
            drawn = {self.drawn("--targets", targets, "--statistic", statistic, *compare)
                     for targets in ("0-9", "0-49")
                     for compare in ((), ("--compare", 3), ("--compare", 9))}
            self.assertEqual(len(drawn), figures, statistic)

    def test_differences_of_heads_are_drawn_with_their_intervals_and_p(self):
        options = ["--targets", "0-29"]
        drawn = [self.drawn(*options, *more)
                 for more in ((), ("--interval", "jackknife"),
                              ("--interval", "jackknife", "--compare", 9),
                              ("--interval", "jackknife", "--compare", 19))]
        self.assertEqual(drawn[1], drawn[2])  # 9 relabellings cannot reach p <= 0.05
        self.assertEqual(len(set(drawn)), 3)

    def test_permutations_leave_matrices_of_heads_as_they_are(self):
        self.assertEqual(self.drawn(), self.drawn("--permutations", 99))

    def test_undefined_values_leave_holes_in_matrix_and_figure(self):
        self.values[:, :3] = 1
        numpy.save(self.input, self.values)
        (condition,) = self.analyze(self.input, *self.HEADS, "--figure",
                                    self.path("holes.png"))["conditions"]
        self.assertIsNone(condition["head_matrices"]["pearson"]["mean"][0][5])
        self.assertIsNotNone(condition["head_matrices"]["cosine"]["mean"][0][5])

    def test_p_is_adjusted_where_pair_groups_are_many_or_picked(self):
        groups = self.HEADS[:2]
        for options, key in ((self.HEADS, "p_max"), (groups, "p"),
                             (groups + ["--pair-groups", "Q-Q"], "p"),
                             (self.HEADS + ["--scheme", "observations"], "p_max"),
                             (groups + ["--pair-groups", "Q-Q,V-V"], "p_max")):
            arguments = [self.input, *options, "--permutations", 99, "--seed", 3]
            (condition,) = self.analyze(*arguments)["conditions"]
            pair_groups, rollups = ([row["baseline"]["cosine"]["offset_share_raw"][key]
                                     for row in condition.get(rows, ())]
                                    for rows in ("pair_groups", "rollups"))
            heading = "p: of the raw offset share, two-sided"
            if key == "p_max":
                heading += f", adjusted for {sum(p is not None for p in pair_groups)} pair groups"
                if rollups:
                    heading += f"; roll-ups: for {sum(p is not None for p in rollups)}"
            table = self.succeed("analyze", *arguments).splitlines()
            self.assertTrue(heading in table, heading + "\n" + "\n".join(table[:9]))
            shown = [self.cells(line)[-1] for line in table if " cosine " in line]
            first = rollups or pair_groups
            self.assertEqual(shown[:len(first)], [self.p_cell(p, 99) for p in first])

    def test_the_comparison_shows_adjusted_p_values(self):
        arguments = [self.input, "--targets", "0-29", "--compare", 99]
        for options, heading, key in (
                (self.HEADS, ", adjusted for 36 pair groups; roll-ups: for 16\n", "p_max"),
                (self.HEADS[:2], "", "p")):
            table = self.succeed("analyze", *arguments, *options)
            heading = ("p: from 99 relabellings (labels), seed 0, of a distance as large"
                       + (heading or "\n"))
            self.assertTrue(heading in table, heading)
            shown = table[table.index("targets against"):].splitlines()[3::2]
            compared = self.analyze(*arguments, *options)["comparison"]
            for line, row in zip(shown, compared.get("rollups") or compared["pair_groups"]):
                self.assertTrue(line.startswith(row["name"] + "  "))
                self.assertEqual(self.cells(line)[-5::2],
                                 [self.p_cell(row["cosine"][distance][key], 99) for distance in
                                  ("kolmogorov_smirnov", "wasserstein", "jensen_shannon")])


class Pairs(Program):
    """The strongest pairs, against the matrix that the program writes itself."""
    def pairs(self, *arguments):
        (layer,) = self.layers_of(*arguments, command="pairs")
        return layer

    def expected(self, metric="cosine", strength=numpy.abs, least=-2.0, targets=()):
        """(i, j, value) of all pairs that are strong enough, the strongest first."""
        matrix = self.matrix(self.input, "--metric", metric, *targets).astype("float64")
        i, j = numpy.triu_indices(12, 1)
        strengths = strength(matrix[i, j])
        order = numpy.lexsort((j, i, -strengths))
        return [(int(i[k]), int(j[k]), matrix[i[k], j[k]]) for k in order
                if strengths[k] >= least]

    def assert_pairs(self, result, expected):
        self.assertEqual([(p["i"], p["j"], p["value"]) for p in result["pairs"]], expected)

    def test_top_and_threshold_are_those_of_the_matrix(self):
        self.assert_pairs(self.pairs(self.input, "--top", 7), self.expected()[:7])
        for metric in ("cosine", "pearson"):
            result = self.pairs(self.input, "--threshold", 0.2, "--metric", metric)
            self.assertEqual(result["metric"], metric)
            expected = self.expected(metric, least=0.2)
            self.assertGreater(len(expected), 2)
            self.assert_pairs(result, expected)
            result = self.pairs(self.input, "--threshold", 0.2, "--metric", metric, "--top", 2)
            self.assert_pairs(result, expected[:2])
        ranked = self.pairs(self.input, "--top", 66, "--metric", "spearman")
        ranks = numpy.argsort(numpy.argsort(self.values, axis=0), axis=0)
        for pair in ranked["pairs"]:
            expected = numpy.corrcoef(ranks[:, pair["i"]], ranks[:, pair["j"]])[0, 1]
            self.assertAlmostEqual(pair["value"], expected, 5)

    def test_a_threshold_may_have_a_sign(self):
        signs = {"positive": numpy.positive, "negative": numpy.negative, "both": numpy.abs}
        for sign, strength in signs.items():
            result = self.pairs(self.input, "--threshold", 0.1, "--sign", sign, "--metric", "pearson")
            self.assert_pairs(result, self.expected("pearson", strength, 0.1))

    def test_features_have_names(self):
        result = self.pairs(self.input, "--top", 66, "--heads", "Q=2,K=1,V=1", "--groups",
                            "Q=4,K=4,V=4")
        self.assertEqual(result["input"], result["input"] | {"observations": 40, "features": 12})
        names = 2 * ["Q0"] + 2 * ["Q1"] + 4 * ["K0"] + 4 * ["V0"]
        places = [0, 1, 0, 1, 0, 1, 2, 3, 0, 1, 2, 3]
        self.assertEqual(len(result["pairs"]), 66)
        for pair in result["pairs"]:
            self.assertEqual((pair["group_i"], pair["column_i"]),
                             (names[pair["i"]], places[pair["i"]]))
            self.assertEqual((pair["group_j"], pair["column_j"]),
                             (names[pair["j"]], places[pair["j"]]))
            self.assertEqual(pair["pair_group"], names[pair["i"]] + "-" + names[pair["j"]])

    def test_pair_groups_are_chosen_and_have_their_own_top(self):
        everything = self.pairs(self.input, "--top", 66)["pairs"]
        chosen = self.pairs(self.input, "--top", 20, "--pair-groups", "V-Q,K-K")["pairs"]
        within = [pair for pair in everything if pair["pair_group"] in ("Q-V", "K-K")]
        self.assertEqual(chosen, within[:20])
        each = self.pairs(self.input, "--top", 3, "--per-pair-group")["pairs"]
        self.assertEqual(len(each), 18)
        for name in PAIR_GROUPS:
            self.assertEqual([pair for pair in each if pair["pair_group"] == name],
                             [pair for pair in everything if pair["pair_group"] == name][:3])

    def test_targets_are_the_observations_in_use(self):
        for targets in ("3-9,20", "0-39"):
            result = self.pairs(self.input, "--top", 9, "--targets", targets)
            self.assert_pairs(result, self.expected(targets=("--targets", targets))[:9])
        self.assertEqual(result["input"]["observations"], 40)

    def test_the_table_begins_with_the_first(self):
        result = self.pairs(self.input, "--top", 40)["pairs"]
        table = self.succeed("pairs", self.input, "--top", 40).splitlines()
        first = "{group_i}:{column_i} {group_j}:{column_j} {i} {j} {value:.6f}".format(**result[0])
        self.assertEqual(table[3].split()[2:], first.split())
        self.assertEqual(len(table), 3 + 30 + 1)

    def test_layers_stand_side_by_side(self):
        numpy.save(self.path("other.npy"), -self.values[::-1] ** 3)
        files = (self.input, self.path("other.npy"))
        layers = self.layers_of(*files, "--top", 5, command="pairs")
        self.assertEqual([layer["name"] for layer in layers], ["input", "other"])
        for path, layer in zip(files, layers):
            self.assertEqual(layer["pairs"], self.pairs(path, "--top", 5)["pairs"])
        rows = self.succeed("pairs", *files, "--top", 5, "--csv", "-").splitlines()
        self.assertEqual([row.split(",")[0] for row in rows],
                         ["layer"] + 5 * ['"input"'] + 5 * ['"other"'])
        self.assertIn("other:", self.succeed("pairs", *files, "--top", 5))

    def test_nothing_found_is_an_empty_list(self):
        self.assertEqual(self.pairs(self.input, "--threshold", 1)["pairs"], [])
        self.assertIn("0 pairs", self.succeed("pairs", self.input, "--threshold", 1))

    def test_too_many_are_counted(self):
        self.refused("pairs", self.input, "--threshold", 0, "--limit", 65, says="66 pairs")
        self.refused("pairs", self.input, "--top", 67, says="66 pairs")

    def test_wrong_usage_is_status_2(self):
        for arguments, says in (((), "--threshold V, --top K"),
                                (("--top", 0), "--top"),
                                (("--top", "many"), "many"),
                                (("--threshold", "nan"), "nan"),
                                (("--threshold", 1.01), "1.01"),
                                (("--threshold", "0.5x"), "0.5x"),
                                (("--threshold", -0.5), "--sign negative --threshold 0.5"),
                                (("--threshold", 0.5, "--per-pair-group"), "--per-pair-group"),
                                (("--threshold", 0.5, "--sign", "none"), "none"),
                                (("--threshold", 0.5, "--limit", 0), "--limit"),
                                (("--top", 3, "--metric", "dot"), "dot"),
                                (("--top", 3, "--pair-groups", "Q-X"), "Q-X"),
                                (("--top", 3, "--bins", 7), "--bins")):
            self.refused("pairs", self.input, *arguments, status=2, says=says)
        self.refused("pairs", "--top", 3, status=2, says="input")
        self.refused("analyze", self.input, "--top", 3, status=2, says="--top")


class WrongUsage(Program):
    def test_wrong_usage_is_status_2(self):
        for arguments in ([], ["nonsense"], ["analyze"], ["analyze", self.input, "--nonsense"],
                          ["analyze", self.input, "--bins"],
                          ["analyze", self.input, "--bins", "many"],
                          ["analyze", self.input, "--scheme", "nonsense"],
                          ["analyze", self.input, "--metrics", "nonsense"],
                          ["analyze", self.input, "--permutations", "-1"],
                          ["analyze", self.input, "--permutations", "9", "--seed", "x"],
                          ["analyze", self.input, "--permutations", "9", "--seed", "-1"],
                          ["analyze", self.input, "--permutations", "9", "--seed", "+1"],
                          ["analyze", self.input, "--permutations", "9", "--seed", 2**64],
                          ["mask", "--groups", "A=1,B-C=1,A-B=1,C=1"],
                          ["mask", "--groups", "A=2,B-C=2,A-B=2,C=2", "--heads", "A=2,B-C=2,A-B=2,C=2"],
                          ["analyze", self.input, "--threads", "-2"],
                          ["analyze", self.input, "--on-nonfinite", "nonsense"],
                          ["analyze", self.input, "--groups", "Q="],
                          ["analyze", self.input, "--figure", self.path("figure.doc")],
                          ["analyze", self.input, "--statistic", "nonsense"],
                          ["analyze", self.input, "--statistic", "pearson.offset_share"],
                          ["analyze", self.input, "--statistic", "pearson.noise_fraction"],
                          ["analyze", self.input, "--statistic", "cosine.mean_square"],
                          ["analyze", self.input, "--metrics", "cosine", "--statistic",
                           "mean_square"],
                          ["analyze", self.input, "--metrics", "pearson", "--statistic",
                           "offset_energy"],
                          ["analyze", self.input, "--metrics", "cosine", "--statistic",
                           "pearson.mean"],
                          ["matrix", self.input, self.input, "--output", "-"],
                          ["matrix", self.input, "--metric", "nonsense"]):
            with self.subTest(arguments=arguments):
                self.refused(*arguments, status=2)

    def test_messages_say_what_would_be_right(self):
        for arguments, says in ((["analyze", self.input, "--scheme", "observation"],
                                 "observation (it is one of all, feature, shift, group, observations, observations-shift, flip)"),
                                (["matrix", self.input, "--metric", "cos"],
                                 "cos (it is one of cosine, pearson, covariance, dot, spearman)"),
                                (["analyze", self.input, "--metric", "cosine"],
                                 "--metric is no option of analyze but of matrix, pairs"),
                                (["matrix", self.input, self.input, "--output", "-"], "--parts"),
                                (["mask", "--groups", "Q=4,Q=8"], 'both named "Q"'),
                                (["analyze", self.input, "-bins", 9], "unknown option: -b (see"),
                                (["analyze", self.input, "--quiet=9"], "option: --quiet=9 (see"),
                                (["analyze", self.input, "--nonsense"], "option: --nonsense (see")):
            with self.subTest(arguments=arguments):
                self.refused(*arguments, status=2, says=says)
        for shape, says in (((480,), "480"),
                            ((4, 10, 12), "4 x 10 x 12 (--fold makes it 40 x 12)")):
            numpy.save(self.input, self.values.reshape(shape))
            self.refused("analyze", self.input, says="not observations x features: " + self.input
                         + ": " + says)
        path = self.write("a.safetensors", safetensors({"x": self.values.reshape(4, 10, 12)}))
        self.refused("analyze", path, "--tensor", "x", says="a.safetensors: x: 4 x 10 x 12 (--fold")

    def test_help_is_asked_for_in_any_way(self):
        expected = self.succeed("--help")
        for arguments in (["-h"], ["help"]):
            self.assertEqual(self.succeed(*arguments), expected)
        for command in ("analyze", "matrix", "pairs", "mask", "info"):
            expected = self.succeed("help", command)
            self.assertEqual(self.succeed(command, "--help"), expected)
            self.assertEqual(self.succeed(command, "-h"), expected)
        self.refused("help", "nonsense", status=2, says="unknown command: nonsense")
        self.refused("help", "pairs", "mask", status=2, says="one command: mask")

    def test_options_that_want_another_say_which(self):
        """Each line: the options, and what the message must name."""
        for arguments, wanted in ((["--compare", "9"], "--targets"),
                                  (["--targets", "1-9", "--relabel", "labels"], "--compare"),
                                  (["--targets", "1-9", "--centred"], "--compare"),
                                  (["--targets", "1-9", "--compare", "9", "--centred"],
                                   "--metrics pearson"),
                                  (["--exceedances", "5"], "--permutations or --compare"),
                                  (["--blocks", "9"], "--interval jackknife"),
                                  (["--interval", "bootstrap", "--blocks", "9"], "jackknife"),
                                  (["--interval", "jackknife", "--resamples", "99"], "bootstrap"),
                                  (["--interval", "jackknife", "--block", "9"], "bootstrap"),
                                  (["--level", "0.9"], "--interval"),
                                  (["--contrast", "Q-Q,V-V"], "--interval"),
                                  (["--scheme", "all"], "--permutations"),
                                  (["--scheme", "all", "--permutations", "0"], "--permutations"),
                                  (["--seed", "0"], "--permutations"),
                                  (["--seed", "0", "--interval", "jackknife"], "bootstrap"),
                                  (["--segments", "x.npy"], "--interval")):
            with self.subTest(arguments=arguments):
                self.refused("analyze", self.input, *arguments, status=2, says=wanted)

    def test_two_outputs_are_two_files(self):
        path, link = self.write("one.svg", b""), self.path("two.svg")
        os.symlink(path, link)
        new, other_new = self.path("new.svg"), self.path("./new.svg")
        for first, second in (("new.svg", "new.svg"), ("new.svg", "./new.svg"), (new, other_new),
                              (path, path), (path, link), (link, path)):
            for one, other in (("--json", "--csv"), ("--json", "--figure"), ("--csv", "--figure")):
                self.refused("analyze", self.input, one, first, other, second, status=2,
                             says=f"{one} and {other} cannot share {second}")
        self.refused("pairs", self.input, "--top", 1, "--json", path, "--csv", path, status=2,
                     says="--json and --csv")
        self.succeed("analyze", self.input, "--json", "/dev/null", "--csv", "/dev/null")

    def test_messages_quote_the_item(self):
        self.refused("analyze", self.input, "--heads", "Q=0,K=1,V=1", status=2, says="item 1: Q=0")
        self.refused("analyze", self.input, "--groups", "Q=4,K", status=2, says="item 2: K")
        self.refused("analyze", self.input, "--targets", "3,10-5", status=2, says="item 2: 10-5")
        self.refused("analyze", self.input, "--targets", "3,,5", status=2, says="item 2: ")

    def test_values_out_of_range_are_refused(self):
        for arguments in (["--targets", "1-9", "--compare", "0"], ["--interval", "nonsense"],
                          ["--targets", "1-9", "--compare", "9", "--relabel", "nonsense"],
                          ["--interval", "jackknife", "--level", "1"],
                          ["--interval", "jackknife", "--level", "nan"],
                          ["--interval", "jackknife", "--blocks", "7"],
                          ["--interval", "bootstrap", "--resamples", "19"],
                          ["--interval", "jackknife", "--contrast", "Q-Q"],
                          ["--interval", "jackknife", "--contrast", "Q-Q,Q-Q"],
                          ["--interval", "jackknife", "--contrast", "Q-Q,Q-X"],
                          ["--interval", "jackknife", "--contrast", "Q-Q,V-V,K-K"],
                          ["--interval", "jackknife", "--contrast", "Q-Q,V-V", "--pair-groups",
                           "Q-Q"],
                          ["--permutations", "9", "--scheme", "observations", "--pair-groups",
                           "Q-Q,V-V"]):
            with self.subTest(arguments=arguments):
                self.refused("analyze", self.input, *arguments, status=2)
        for arguments, number in ((["--interval", "jackknife", "--blocks", "41"], "41"),
                                  (["--interval", "bootstrap", "--block", "41"], "41"),
                                (["--interval", "bootstrap", "--block", "40"],
                                 "40 observations in 1 segments have 1 such block")):
            with self.subTest(arguments=arguments):
                self.refused("analyze", self.input, *arguments, says=number)
        self.refused("analyze", self.input, "--interval", "jackknife", "--blocks", "20", "--targets",
                     "0-9", says="blocks is 20 for 10 observations")
        self.refused("analyze", self.input, "--interval", "jackknife", "--blocks", "20", "--targets",
                     "0-9", says="input.npy: targets")
        self.refused("analyze", self.input, "--interval", "jackknife", "--blocks", "20", "--targets",
                     "0-29", says="input.npy: non-targets")
        self.refused("analyze", self.input, "--heads", "Q=3,K=2,V=2", status=2,
                     says="the 4 features of Q do not split into 3 equal heads")


class Help(Program):
    """Every option of the table in tools/parse_options.c stands wherever the program speaks of options."""
    COMMANDS = ["analyze", "matrix", "pairs", "accumulate", "merge", "mask", "info"]

    def setUp(self):
        super().setUp()
        table = os.path.join(DATA, "..", "..", "tools", "parse_options.c")
        with open(table, encoding="utf-8") as file:
            rows = re.search(r"struct rule \{.*?^\};", file.read(), re.DOTALL | re.MULTILINE).group()
        self.options = re.findall(r'\{ \{ "([a-z-]+)"', rows)
        self.assertGreater(len(self.options), 40)

    def test_help_has_every_option_and_fits_a_line(self):
        text = self.succeed("help")
        self.assertEqual(sorted(re.findall(r"^  --([a-z-]+)", text, re.MULTILINE)),
                         sorted(self.options))
        for line in text.splitlines():
            self.assertLessEqual(len(line), 100)

    def test_help_of_a_command_has_what_the_command_takes(self):
        for command in self.COMMANDS:
            text = self.succeed("help", command)
            listed = re.findall(r"^  --([a-z-]+)", text, re.MULTILINE)
            for option in self.options:
                result = self.run_program(command, "--" + option, "1", "--help")
                strange = b"is no option of " in result.stderr
                self.assertEqual(option in listed, not strange, (command, option))

    def test_the_manual_page_has_every_option(self):
        page = self.succeed("help", "--man")
        named = re.findall(r"^\.B \\-\\-([a-z\\-]+)", page, re.MULTILINE)
        self.assertEqual(sorted(name.replace("\\", "") for name in named), sorted(self.options))
        if shutil.which("groff"):
            result = subprocess.run(["groff", "-man", "-Tascii", "-ww", "-z"], check=True,
                                    input=page.encode(), capture_output=True)
            self.assertEqual(result.stderr, b"")

    def complete(self, *words):
        script = self.write("completion", self.succeed("help", "--completion").encode())
        line = 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _qkvsim; ' \
               'printf "%s\n" "${COMPREPLY[@]}"'
        result = subprocess.run(["bash", "-c", line, script, "qkvsim", *words], check=True,
                                capture_output=True)
        self.assertEqual(result.stderr, b"")
        return result.stdout.decode().split()

    @unittest.skipUnless(shutil.which("bash"), "bash is missing")
    def test_bash_completes_commands_and_every_option(self):
        self.assertEqual(self.complete("ma"), ["matrix", "mask"])
        self.assertEqual(self.complete("help", "pa"), ["pairs"])
        self.assertEqual(self.complete("pairs", "--per"), ["--per-pair-group"])
        self.assertEqual(self.complete("pairs", "x"), [])
        completed = set()
        for command in self.COMMANDS:
            text = self.succeed("help", command)
            words = self.complete(command, "--")
            self.assertEqual(sorted(words), sorted(re.findall(r"^  (--[a-z-]+)", text, re.MULTILINE)))
            completed.update(words)
        self.assertEqual(completed, {"--" + option for option in self.options})


class Failures(Program):
    def test_missing_files_are_named(self):
        self.refused("analyze", self.path("absent.npy"), says="absent.npy")
        self.refused("analyze", self.folder.name,
                     says=f"a folder and not a file: {self.folder.name} (of shards, accumulate takes it)")
        self.refused("analyze", "/dev/null", says="neither a file nor a pipe: /dev/null")
        self.refused("analyze", "-", says="/dev/stdin")
        self.refused("analyze", self.write("empty.npy", b""), says="empty.npy")

    def test_a_wrong_value_is_told_with_all_that_it_could_be(self):
        for option, values in (("--statistic", "offset_share, .*, mean, variance, skewness, kurtosis, tail, min, max"),
                               ("--scheme", "all, .*, flip")):
            text = self.refused("analyze", self.input, option, "wrong", status=2)
            self.assertRegex(text, rf"unknown value of {option}: wrong \(it is one of {values}\)\n\Z")

    def test_a_file_cut_short_while_it_is_read_is_named(self):
        numpy.save(self.input, numpy.ones((4000, 12)))
        targets = self.path("targets")  # the program waits for them with the input open
        os.mkfifo(targets)
        for command in (["analyze"], ["matrix", "--output", self.path("m.npy")], ["pairs", "--top", 9]):
            numpy.save(self.input, numpy.ones((4000, 12)))
            with subprocess.Popen([PROGRAM, *map(str, command), self.input, "--targets", targets],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
                with open(targets, "wb") as file:
                    os.truncate(self.input, 200)
                    file.write(b"1\n2\n3999\n")
                output, errors = process.communicate(timeout=300)
            self.assertEqual((process.returncode, output), (1, b""))
            self.assertEqual(errors.decode(), "qkvsim: the file was cut short while it was read: "
                             + self.input + "\n")
        self.assertEqual(sorted(os.listdir(self.folder.name)), ["input.npy", "targets"])

    def test_groups_that_do_not_fit_are_named(self):
        self.refused("analyze", self.input, "--groups", "Q=5,K=5,V=5", status=2, says="15")

    def test_targets_out_of_range_are_named(self):
        self.refused("analyze", self.input, "--targets", "3,40", says="40")
        self.refused("analyze", self.input, "--targets", "0-39")
        self.refused("analyze", self.input, "--targets", self.write("none.txt", b""))
        self.refused("analyze", self.input, "--targets", self.write("words.txt", b"1\ntwo\n"),
                     says="line 2")

    def test_nan_is_named_or_left_out(self):
        self.values[17, 9] = numpy.nan
        numpy.save(self.input, self.values)
        text = self.refused("analyze", self.input, says="17")
        self.assertIn("9", text)
        dropped = self.analyze(self.input, "--on-nonfinite", "drop-observation")
        self.assertEqual(dropped["conditions"][0]["observations"], 39)
        undefined = self.analyze(self.input, "--on-nonfinite", "undefined-feature")
        self.assertEqual(undefined["conditions"][0]["undefined_features"]["pearson"], [9])

    def test_a_full_disk_is_a_failure(self):
        for option in ("--json", "--csv"):
            with open("/dev/full", "wb") as full:
                result = subprocess.run([PROGRAM, "analyze", self.input, option, "-"], stdout=full,
                                        stderr=subprocess.PIPE, timeout=300, check=False)
            self.assertEqual(result.returncode, 1, option)
            self.assertTrue(result.stderr.startswith(b"qkvsim: "))
        with open("/dev/full", "wb") as full:
            result = subprocess.run([PROGRAM, "analyze", self.input], stdout=full,
                                    stderr=subprocess.PIPE, timeout=300, check=False)
        self.assertEqual(result.returncode, 1)

    def test_a_file_over_the_size_allowed_is_a_failure(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512))
        for command in (["analyze", "--json"], ["matrix", "--output"]):
            result = self.run_program(*command, self.path("out"), self.input, preexec_fn=limit,
                                      env=self.uncounted())
            self.assertEqual(result.returncode, 1, result.stderr)
            self.assertIn(b"File too large", result.stderr)
            self.assertEqual(os.listdir(self.folder.name), ["input.npy"])

    def test_a_failed_output_leaves_no_file(self):
        self.refused("analyze", self.input, "--json", self.path("no/such/folder.json"))
        self.values[0, 0] = numpy.inf
        numpy.save(self.input, self.values)
        for option, name in (("--json", "a.json"), ("--csv", "a.csv"), ("--figure", "a.svg")):
            self.refused("analyze", self.input, option, self.path(name))
        self.refused("matrix", self.input, "--output", self.path("a.npy"))
        self.assertEqual(os.listdir(self.folder.name), ["input.npy"])

    def test_an_output_keeps_the_permissions_of_the_file_it_replaces(self):
        path = self.write("old.json", b"old")
        for permissions in (0o600, 0o660):
            os.chmod(path, permissions)
            self.succeed("analyze", self.input, "--json", path)
            self.assertEqual(os.stat(path).st_mode & 0o777, permissions)

    def test_a_failed_output_leaves_the_old_file(self):
        path = self.write("old.json", b"old")
        self.values[0, 0] = numpy.inf
        numpy.save(self.input, self.values)
        self.refused("analyze", self.input, "--json", path)
        with open(path, "rb") as file:
            self.assertEqual(file.read(), b"old")


class Outputs(Program):
    """Where outputs go: whole files, or what a path is, and never to what is read."""
    def ordinary_user(self):
        """What makes a process a user's without privileges, who may write to the folder alone; there
        goes what a build that counts coverage has counted, too."""
        if os.geteuid() != 0:
            return {}
        os.chmod(self.folder.name, 0o777)
        user = {"user": 65534, "group": 65534, "extra_groups": [],
                "env": {**os.environ, "GCOV_PREFIX": self.path("counts")}}
        if self.run_program("--version", **user).returncode:
            self.skipTest("a user without privileges reaches no program in this build's folder")
        return user

    def ordinary(self, *arguments):
        return self.run_program(*arguments, **self.ordinary_user())

    def test_an_input_is_no_output(self):
        with open(self.input, "rb") as file:
            content = file.read()
        other, segments = self.path("other.npy"), self.write("segments.txt", b"1\n" * 40)
        numpy.save(other, self.values)
        targets = self.write("targets.txt", b"3\n4\n")
        os.symlink(self.input, self.path("link"))
        os.symlink(self.path("link"), self.path("link.svg"))
        os.link(self.input, self.path("hard.svg"))
        os.mkdir(self.path("folder"))
        for arguments in (["matrix", self.input, "--output", self.input],
                          ["matrix", self.input, "--output", self.path("link")],
                          ["matrix", self.path("link"), "--output", self.input],
                          ["matrix", self.input, other, "--parts", "--output", other],
                          ["matrix", self.input, "--output", self.path("folder/../input.npy")],
                          ["matrix", self.input, "--targets", targets, "--output", targets],
                          ["analyze", self.input, "--json", self.input],
                          ["analyze", self.input, other, "--csv", self.path("hard.svg")],
                          ["analyze", self.input, "--figure", self.path("link.svg")],
                          ["analyze", self.input, "--figure", self.path("hard.svg")],
                          ["analyze", self.input, "--interval", "jackknife", "--segments", segments,
                           "--json", segments],
                          ["pairs", self.input, "--top", 1, "--csv", self.input],
                          ["pairs", other, self.input, "--top", 1, "--json", self.input]):
            with self.subTest(arguments=arguments):
                self.refused(*arguments, status=2, says="would overwrite what is read")
        with open(self.input, "ab") as appended:
            for arguments in (["info", self.input], ["analyze", self.input],
                              ["matrix", self.input, "--output", "-"]):
                result = subprocess.run([PROGRAM, *arguments], stdout=appended, timeout=300,
                                        stderr=subprocess.PIPE, check=False)
                self.assertEqual(result.returncode, 2)
                self.assertIn(b"standard output would overwrite" if "--output" not in arguments
                              else b"--output would overwrite", result.stderr)
        with open(self.input, "rb") as file:
            self.assertEqual(file.read(), content)
        self.succeed("analyze", self.input, "--targets", "3,4", "--csv", self.path("3,4"))

    def test_table_and_file_are_two_places(self):
        with open(self.path("both"), "wb") as both:
            result = subprocess.run([PROGRAM, "analyze", self.input, "--json", self.path("both")],
                                    stdout=both, stderr=subprocess.PIPE, timeout=300, check=False)
        self.assertEqual(result.returncode, 2)
        self.assertIn(b"--json and standard output cannot share", result.stderr)

    def test_descriptors_and_pipes_are_written_as_what_they_are(self):
        expected = self.succeed("analyze", self.input, "--json", "-")
        os.symlink("/dev/stdout", self.path("link"))
        for path in ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", self.path("link")):
            result = self.ordinary("analyze", self.input, "--json", path)
            self.assertEqual(result.stdout.decode(), expected, result.stderr)
        self.assertTrue(os.path.islink(self.path("link")))
        result = subprocess.run(["sh", "-c", '"$0" analyze "$1" --quiet --json /proc/$$/fd/1; true',
                                 PROGRAM, self.input], capture_output=True, timeout=300, check=True)
        self.assertEqual((result.stdout.decode(), result.stderr), (expected, b""))
        result = self.ordinary("analyze", self.input, "--json", "/dev/null", "--csv", "/dev/null")
        self.assertEqual(result.returncode, 0, result.stderr)
        script = '"$0" analyze "$1" --quiet --json >(cat >"$2/piped") && "$0" analyze "$1" --quiet ' \
                 '--json /dev/fd/7 7>"$2/opened"; mkfifo "$2/fifo"; cat "$2/fifo" >"$2/named" & ' \
                 '"$0" analyze "$1" --quiet --json "$2/fifo"; wait; sleep 0.1'
        result = subprocess.run(["bash", "-c", script, PROGRAM, self.input, self.folder.name],
                                capture_output=True, timeout=300, check=False,
                                **self.ordinary_user())
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        for name in ("piped", "opened", "named"):
            with open(self.path(name), encoding="utf-8") as file:
                self.assertEqual(file.read(), expected, name)
        self.refused("analyze", self.input, "--json", "/dev/fd/0", says="/dev/fd/0: Bad file")
        self.refused("analyze", self.input, "--json", "/dev/fd/99", says="/dev/fd/99: Bad file")
        self.refused("analyze", self.input, "--json", "/dev/stdout", "--csv", "-", status=2,
                     says="cannot share standard output")

    def test_what_is_on_standard_output_stays(self):
        expected = self.succeed("analyze", self.input, "--csv", "-")
        for path in ("-", "/dev/stdout", "/dev/fd/1"):
            with open(self.path("log"), "wb") as log:
                log.write(b"before\n")
                log.flush()
                subprocess.run([PROGRAM, "analyze", self.input, "--csv", path], stdout=log,
                               timeout=300, check=True)
            with open(self.path("log"), encoding="utf-8") as file:
                self.assertEqual(file.read(), "before\n" + expected)

    def test_a_link_is_followed(self):
        for target in ("there.json", "absent.json"):
            self.write("there.json", b"old")
            link = self.path("to-" + target)
            os.symlink(target, link)
            self.succeed("analyze", self.input, "--json", link)
            self.assertTrue(os.path.islink(link))
            with open(self.path(target), encoding="utf-8") as file:
                self.assertIn("layers", json.load(file))
        os.symlink("loop", self.path("loop"))
        self.refused("analyze", self.input, "--json", self.path("loop"), says="loop: Too many")

    def test_names_may_be_as_long_as_names_can_be(self):
        for size, says in ((255, None), (256, "File name too long")):
            arguments = ["analyze", self.input, "--json", self.path("x" * size)]
            if says is None:
                self.succeed(*arguments)
            else:
                self.refused(*arguments, says=says)
        self.refused("analyze", self.input, "--json", self.path("no/"), says="no/: Is a directory")
        self.refused("analyze", self.input, "--json", "", says="No such file")

    def test_temporary_files_are_where_tmpdir_says(self):
        absent = {**os.environ, "TMPDIR": self.path("absent")}
        for command in (["analyze"], ["pairs", "--top", 1], ["matrix", "--output", self.path("m")]):
            result = self.run_program(*command, self.input, env=absent)
            self.assertEqual(result.returncode, 0, result.stderr)
        result = self.run_program("analyze", self.input, "--json", "-", env=absent)
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"absent: No such file or directory (TMPDIR", result.stderr)

    def test_a_reader_that_has_seen_enough_ends_the_program_silently(self):
        for arguments in (["--help"], ["analyze", "-h"], ["--version"], ["info"],
                          ["analyze", self.input], ["analyze", self.input, "--json", "-"]):
            reading, writing = os.pipe()
            os.close(reading)
            result = subprocess.run([PROGRAM, *arguments], stdout=writing, stderr=subprocess.PIPE,
                                    timeout=300, check=False)
            os.close(writing)
            self.assertEqual((result.returncode, result.stderr), (1, b""), arguments)


class AddressSpace(Program):
    """OpenBLAS asks for its buffers for ever where there is no room for them."""

    def within(self, kilobytes, threads):
        """The exit status and the message with so much address space."""
        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (kilobytes * 1024, kilobytes * 1024))
        result = subprocess.run([PROGRAM, "analyze", self.input, "--groups", "thirds",
                                 "--threads", str(threads)],
                                capture_output=True, timeout=200, check=False, preexec_fn=limit,
                                env={**os.environ, "OPENBLAS_NUM_THREADS": "4"})
        return result.returncode, result.stderr.decode()

    def test_too_little_is_a_message_and_an_end(self):
        if os.environ.get("QKVSIM_TEST_SANITIZED"):
            self.skipTest("a sanitizer's shadow takes all address space")
        numpy.save(self.input, self.random.normal(size=(300, 600)).astype("float32"))
        # The OpenMP build asks for its buffers before the program begins: nobody can stop it there.
        least = 500000 if b"USE_OPENMP" in self.run_program("info").stdout else 65000
        for kilobytes in [*range(least, 400001, 33500), 600000, 2000000]:
            for threads in 1, 2, 16:
                status, message = self.within(kilobytes, threads)
                if "while loading shared libraries" in message or "giving up" in message:
                    continue  # before the program begins
                self.assertIn(status, (0, 1), message)
                self.assertEqual(status == 1, message.startswith("qkvsim: "), message)
                self.assertIn("out of memory" if status else "", message)
        self.assertEqual(status, 0, message)


    def test_a_small_stack_is_enough(self):
        if os.environ.get("QKVSIM_TEST_SANITIZED"):
            self.skipTest("a sanitizer's frames are larger")
        for threads in "1", "2":
            result = self.run_program("analyze", self.input, "--groups", "Q=8,K=2,V=2", "--heads",
                                      "Q=4,K=1,V=1", "--permutations", 3, "--interval", "jackknife",
                                      "--threads", threads, preexec_fn=lambda: resource.setrlimit(
                                          resource.RLIMIT_STACK, (65536, 65536)))
            self.assertEqual(result.returncode, 0, result.stderr)


class Bench(Program):
    def test_an_output_that_cannot_be_is_refused_before_the_work(self):
        result = self.run_program("bench", "--quick", "--rows", "analyze/64", "--json",
                                  self.path("no/such.json"))
        text = result.stderr.decode()
        if "build it with -Dbench=enabled" in text:
            self.skipTest("qkvsim-bench is not built")
        self.assertEqual(result.returncode, 1)
        self.assertIn("no/such.json", text)
        self.assertEqual(result.stdout, b"")

    def test_kernels_that_there_are_not_are_refused(self):
        result = self.run_program("bench", "--quick", "--kernels", "sse9")
        text = result.stderr.decode()
        if "build it with -Dbench=enabled" in text:
            self.skipTest("qkvsim-bench is not built")
        self.assertEqual(result.returncode, 2)
        self.assertIn("--kernels wants auto, portable, avx2 or avx512: sse9", text)


class HostileNpy(Program):
    HEADER = "{'descr': '<f4', 'fortran_order': False, 'shape': (40, 12), }"

    def refuse(self, content, says=""):
        self.refused("analyze", self.write("hostile.npy", content), says=says)

    def test_the_fixture_itself_is_read(self):
        path = self.write("good.npy", npy(self.HEADER, self.values.tobytes()))
        numpy.testing.assert_array_equal(self.matrix(path), self.matrix(self.input))

    def test_every_truncation_is_refused(self):
        content = npy(self.HEADER, self.values.tobytes())
        for size in [*range(0, 130), len(content) - 1, len(content) - 4, len(content) // 2]:
            with self.subTest(size=size):
                self.refuse(content[:size])

    def test_wrong_magic_and_versions_are_refused(self):
        self.refuse(npy(self.HEADER, self.values.tobytes(), magic=b"\x93NUMPZ"))
        self.refuse(npy(self.HEADER, self.values.tobytes(), version=b"\x09\x00"))

    def test_headers_that_claim_too_much_are_refused(self):
        for shape in ("(41, 12)", "(4000000000, 4000000000)", "(9223372036854775807, 1)",
                      "(9223372036854775807, 9223372036854775807)", "(99999999999999999999999, 2)",
                      "(4611686018427387904, 4)", "(-40, 12)", "(0, 12)", "(40, 0)"):
            with self.subTest(shape=shape):
                self.refuse(npy(self.HEADER.replace("(40, 12)", shape), self.values.tobytes()))

    def test_other_shapes_and_types_are_refused(self):
        for shape in ("()", "(480,)", "(4, 10, 12)", "40", "'40, 12'", "(40, 12", "[40, 12]"):
            with self.subTest(shape=shape):
                self.refuse(npy(self.HEADER.replace("(40, 12)", shape), self.values.tobytes()))
        for descr in ("'|O'", "'|b1'", "'|V2'", "'|V1'", "'<c8'", "'<f16'", "'|S4'", "'<U1'", "'=f4'x", "None",
                      "[('a', '<f4')]", "'<f99999999999999999999'", "''", "'f'"):
            with self.subTest(descr=descr):
                self.refuse(npy(self.HEADER.replace("'<f4'", descr), self.values.tobytes()))

    def test_pickled_objects_are_refused(self):
        numpy.save(self.path("object.npy"), numpy.array([[{}, []]], dtype=object), allow_pickle=True)
        self.refused("analyze", self.path("object.npy"))

    def test_headers_that_are_no_dictionary_are_refused(self):
        for header in ("", "{", "{}", "[]", "{'descr': '<f4'}", "{'shape': (40, 12)}", "\x00" * 50,
                       "{" * 5000, "(" * 5000, self.HEADER + self.HEADER, "'" * 999,
                       self.HEADER.replace("False", "Maybe")):
            with self.subTest(header=header[:60]):
                self.refuse(npy(header, self.values.tobytes()))

    def test_mutations_never_crash(self):
        content = npy(self.HEADER, self.values.tobytes())
        source = random.Random(2026)
        for mutation in range(200):
            changed = mutate(content, source, 128)
            path = self.write("mutated.npy", changed)
            result = self.run_program("info", path)
            self.assertIn(result.returncode, (0, 1, 2), "mutation %d" % mutation)
            result = self.run_program("analyze", path, "--threads", 1, "--quiet")
            self.assertIn(result.returncode, (0, 1, 2), "mutation %d" % mutation)


def mutate(content, source, header_size):
    """Changes a few bytes, nearly all in the header; sometimes cuts or repeats a piece."""
    changed = bytearray(content)
    for _ in range(source.randint(1, 4)):
        at = source.randrange(header_size if source.random() < 0.9 else len(changed))
        changed[at % len(changed)] = source.choice([source.randrange(256), 0, 255, 0x7f,
                                                    ord("9"), ord("-"), ord("("), ord("{"),
                                                    ord("["), ord('"'), ord("\\")])
    if source.random() < 0.2:
        at = source.randrange(min(header_size, len(changed)))
        changed[at:at] = changed[at:at + source.randint(1, 64)]
    if source.random() < 0.2:
        del changed[source.randrange(len(changed)):]
    return bytes(changed)


class HostileSafetensors(Program):
    def setUp(self):
        super().setUp()
        self.tensors = {"a": self.values[:, :6], "b": self.values[:, 6:]}
        self.good = safetensors(self.tensors)

    def refuse(self, content, tensor="a"):
        self.refused("analyze", self.write("hostile.safetensors", content), "--tensor", tensor)

    def entry(self, **changes):
        """A file whose first tensor's entry is changed."""
        header = {"a": {"dtype": "F32", "shape": [40, 6], "data_offsets": [0, 960]},
                  "b": {"dtype": "F32", "shape": [40, 6], "data_offsets": [960, 1920]}}
        header["a"].update(changes)
        return safetensors(self.tensors, json.dumps(header).encode())

    def test_the_fixture_itself_is_read(self):
        path = self.write("good.safetensors", self.entry())
        numpy.testing.assert_array_equal(self.matrix(path, "--tensor", "a", "--tensor", "b"),
                                         self.matrix(self.input))

    def test_a_tensor_that_is_not_there_is_named(self):
        path = self.write("good.safetensors", self.good)
        self.refused("analyze", path, "--tensor", "absent", says="absent")

    def test_truncations_are_refused(self):
        for size in [*range(0, 40), 100, len(self.good) - 1, len(self.good) - 960]:
            with self.subTest(size=size):
                self.refuse(self.good[:size])

    def test_header_lengths_that_lie_are_refused(self):
        for length in (0, 1, len(self.good), 2**31, 2**32, 2**63 - 1, 2**63, 2**64 - 1, 2**64 - 8):
            with self.subTest(length=length):
                self.refuse(struct.pack("<Q", length) + self.good[8:])

    def test_offsets_out_of_range_are_refused(self):
        for offsets in ([0, 10**6], [-960, 0], [960, 0], [0, 959], [0, 961], [0, 0], [0],
                        [0, 960, 1920], [2**63, 2**63 + 960], [2**64 - 960, 2**64], [0.5, 960.5],
                        "0, 960", None, [], [None, None], [1e300, 1e300], [10**6, 10**6 + 960]):
            with self.subTest(offsets=offsets):
                self.refuse(self.entry(data_offsets=offsets))

    def test_overlapping_tensors_are_refused(self):
        self.refuse(self.entry(data_offsets=[480, 1440]))

    def test_shapes_that_lie_are_refused(self):
        for shape in ([40, 7], [240], [4, 10, 6], [-40, -6], [2**32, 2**32], [2**62, 4], [0, 6], [],
                      [40.5, 6], "40, 6", None, [[40, 6]], [2**64, 1], [1e300, 1]):
            with self.subTest(shape=shape):
                self.refuse(self.entry(shape=shape))

    def test_other_types_are_refused(self):
        for dtype in ("I64", "BOOL", "F8_E4M3", "F4", "F8_E8M0", "", None, 4, "F32 ", "f32"):
            with self.subTest(dtype=dtype):
                self.refuse(self.entry(dtype=dtype))

    def test_headers_that_are_no_json_object_are_refused(self):
        for header in (b"", b"{", b"[]", b"1", b"null", b'"a"', b'{"a":', b'{"a": 1}', b'{"a": {}}',
                       b'{"a": []}', b"\xff\xfe{}", b"{}" * 9, b'{"a": {"dtype": "F32"}}'):
            with self.subTest(header=header):
                self.refuse(safetensors(self.tensors, header))

    def test_10_megabytes_of_nested_json_are_refused(self):
        depth = 5 * 1024 * 1024
        for header in (b"[" * depth + b"]" * depth, b'{"a":' * (2 * depth // 5), b"[" * 2 * depth,
                       b'{"a": ' + b"[" * depth + b"]" * depth + b"}"):
            self.refuse(safetensors(self.tensors, header))

    def test_mutations_never_crash(self):
        source = random.Random(2027)
        header_size = 8 + struct.unpack("<Q", self.good[:8])[0]
        for mutation in range(200):
            path = self.write("mutated.safetensors", mutate(self.good, source, header_size))
            result = self.run_program("info", path)
            self.assertIn(result.returncode, (0, 1, 2), "mutation %d" % mutation)
            result = self.run_program("analyze", path, "--tensor", "a", "--threads", 1, "--quiet")
            self.assertIn(result.returncode, (0, 1, 2), "mutation %d" % mutation)


if __name__ == "__main__":
    PROGRAM, DATA = sys.argv.pop(1), sys.argv.pop(1)
    unittest.main()
