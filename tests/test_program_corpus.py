"""Corpora: shards to states, states and pieces of results merged, interrupted runs, bad input.

Usage: test_program_corpus.py path/to/qkvsim path/to/examples/data
"""
import copy
import ctypes
import json
import mmap
import os
import random
import resource
import signal
import struct
import subprocess
import sys
import time
import unittest

import test_program
from test_program import Program, numpy, safetensors
import read_container


class Corpus(Program):
    SHARDS = 7

    def setUp(self):
        super().setUp()
        os.mkdir(self.path("corpus"))
        self.arrays = [self.random.normal(size=(30 + i, 12)).astype("float32") + 0.5
                       for i in range(self.SHARDS)]
        self.shards = [self.shard(f"s{i}.npy", values) for i, values in enumerate(self.arrays)]
        self.state = self.path("corpus.state")

    def shard(self, name, values):
        path = os.path.join(self.path("corpus"), name)
        numpy.save(path, values)
        return path

    def whole(self):
        numpy.save(self.path("whole.npy"), numpy.concatenate(self.arrays))
        return self.path("whole.npy")

    @staticmethod
    def content(path):
        with open(path, "rb") as file:
            return file.read()

    def accumulate(self, *arguments, output=None, **more):
        """The bytes of the state."""
        output = output or self.state
        self.succeed("accumulate", *arguments, "--output", output, **more)
        self.assertFalse(os.path.exists(output + ".part"))
        return self.content(output)

    def table(self, path):
        return read_container.read(self.content(path))[0]

    def assert_close(self, left, right, tolerance=1e-6):
        """Equal, but for rounding of numbers that are not whole."""
        self.assertEqual(type(left), type(right))
        if isinstance(left, dict):
            self.assertEqual(left.keys(), right.keys())
            for key in left:
                if key not in ("input", "name", "histogram", "kurtosis", "skewness", "seed"):
                    self.assert_close(left[key], right[key], tolerance)
        elif isinstance(left, list):
            self.assertEqual(len(left), len(right))
            for a, b in zip(left, right):
                self.assert_close(a, b, tolerance)
        elif isinstance(left, float):
            self.assertAlmostEqual(left, right, delta=tolerance * max(1, abs(left)))
        else:
            self.assertEqual(left, right)

    def left_behind(self):
        """Temporary files."""
        return [name for name in os.listdir(self.folder.name) if name.startswith(".")]


class States(Corpus):
    def test_a_state_gives_the_analysis_of_all_its_shards(self):
        self.accumulate(*self.shards)
        layer = self.analyze(self.state)
        self.assertEqual(layer["input"]["shards"], self.SHARDS)
        self.assertEqual(layer["input"]["observations"], sum(map(len, self.arrays)))
        self.assertEqual(layer["input"]["parts"], [{"file": self.state, "tensor": None, "dtype": "float32",
                                                    "features": 12}])
        self.assert_close(layer, self.analyze(self.whole()))

    def test_figure_csv_and_table_are_as_of_arrays(self):
        self.accumulate(*self.shards)
        table = self.succeed("analyze", self.state, "--csv", self.path("a.csv"), "--figure", self.path("a.svg"))
        of_whole = self.succeed("analyze", self.whole(), "--csv", self.path("b.csv"))
        self.assertEqual(table.splitlines()[1:], of_whole.splitlines()[1:])
        self.assertIn("(7 shards): 231 observations", table)
        self.assertIn(b"<svg", self.content(self.path("a.svg")))
        columns = [self.content(self.path(name)).splitlines()[0] for name in ("a.csv", "b.csv")]
        self.assertEqual(*columns)

    def test_moments_stay_in_their_file(self):
        """Whose pages count, as those of a mapped file, once."""
        def peak(columns):
            self.accumulate(self.shard("a.npy", self.random.normal(size=(20, columns)).astype("float32")))
            return self.peak_memory("analyze", self.state, "--quiet", "--json", self.path("memory.json"))
        most = peak(4800) - peak(12)
        self.assertLess(most, 1.4 * 4 * 4800 ** 2 / 1024)

    def test_another_program_can_read_it(self):
        state = self.accumulate(*self.shards)
        table, (_, packed) = read_container.read(state)
        self.assertEqual([shard["file"] for shard in table["shards"]], self.shards)
        self.assertEqual([shard["observations"] for shard in table["shards"]], [*map(len, self.arrays)])
        numbers = read_container.read_packed(packed)
        moments = numpy.zeros((12, 12))
        moments[numpy.triu_indices(12)] = numbers["MOM2"]
        expected = numpy.cov(numpy.concatenate(self.arrays).T.astype("float64"), bias=True)
        numpy.testing.assert_allclose(numpy.triu(expected), moments / sum(map(len, self.arrays)), atol=1e-6)
        self.assertEqual(read_container.write(table, read_container.read(state)[1])[:8], state[:8])

    def test_the_checksum_is_the_documented_one(self):
        odd = self.random.normal(size=(1398103, 3)).astype("float16")  # 2^20 words, one more, and a part of one
        for path, values in ((self.shards[0], self.arrays[0]), (self.shard("odd.npy", odd), odd)):
            data = values.tobytes()
            checksum = 0
            for word in (values.shape[1], *numpy.frombuffer(data + bytes(-len(data) % 8), "<u8").tolist()):
                checksum = (checksum ^ word) * 0x9e3779b97f4a7c15 % 2**64
                checksum = (checksum << 29 | checksum >> 35) % 2**64
            self.accumulate(path)
            self.assertEqual(self.table(self.state)["shards"][0]["checksum"], f"{checksum:016x}")

    def test_a_folder_and_a_list_name_the_same_shards(self):
        expected = self.accumulate(*self.shards)
        self.shard("s10.npy", self.arrays[0][:5])
        self.write("corpus/notes.txt", b"no shard")
        self.accumulate(self.path("corpus"))
        files = [shard["file"] for shard in self.table(self.state)["shards"]]
        self.assertEqual(files, [*self.shards, os.path.join(self.path("corpus"), "s10.npy")])
        for end in ("\n", "\0"):
            listed = end.join(self.shards) + end
            subprocess.run([test_program.PROGRAM, "accumulate", "-", "--output", self.state], check=True,
                           input=listed.encode())
            self.assertEqual(self.content(self.state), expected)

    def test_lines_of_a_list_may_end_as_on_other_systems(self):
        listed = "\r\n".join(["", *self.shards, "", ""])
        result = self.run_program("accumulate", "-", "--output", self.state, input=listed.encode())
        self.assertEqual(result.stderr, b"")
        self.assertEqual(self.content(self.state), self.accumulate(*self.shards, output=self.path("named.state")))

    def test_a_name_is_kept_whatever_characters_it_has(self):
        for name in ("\1", "\1" + "7" * 20, '\1"', "\1\n", "\r", "\x7f\x85é→", '"},{"'):
            path = self.shard(name + ".npy", self.arrays[0])
            self.accumulate(name + ".npy", cwd=self.path("corpus"))
            self.assertEqual(self.table(self.state)["shards"][0]["file"], name + ".npy")
            self.succeed("analyze", self.state)
            self.succeed("analyze", name + ".npy", "--save", self.path("a.result"), cwd=self.path("corpus"))
            self.succeed("analyze", self.path("a.result"))
            os.unlink(path)

    def test_targets_are_those_of_each_shard(self):
        os.mkdir(self.path("targets"))
        rows, before = [], 0
        for i, values in enumerate(self.arrays):
            own = [k for k in range(len(values)) if k % 3 == 0] if i != 2 else []
            self.write(f"targets/s{i}.txt", "".join(f"{row}\n" for row in own).encode())
            rows += [before + row for row in own]
            before += len(values)
        self.write("all.txt", "".join(f"{row}\n" for row in rows).encode())
        self.accumulate(*self.shards, "--targets", self.path("targets/*.txt"))
        self.assert_close(self.analyze(self.state),
                          self.analyze(self.whole(), "--targets", self.path("all.txt")))
        self.accumulate(*self.shards, "--targets", "0,4-6")
        layer = self.analyze(self.state)
        self.assertEqual([c["observations"] for c in layer["conditions"]], [4 * self.SHARDS, 231 - 4 * self.SHARDS])
        self.refused("accumulate", *self.shards, "--targets", "30", "--output", self.state,
                     says="target row out of range")

    def test_layers_by_pattern_with_heads(self):
        files = []
        for i, values in enumerate(self.arrays):
            files.append(self.write(f"corpus/t{i}.safetensors", safetensors(
                {f"layers.{k}.{part}": values[:, columns] * (k + 1) + k
                 for k in (2, 10) for part, columns in (("q", slice(8)), ("k", slice(8, 12)))})))
        options = ["--tensor", "Q=layers.*.q", "--tensor", "K=layers.*.k", "--heads", "Q=2,K=1"]
        self.accumulate(*files, *options)
        layers = self.layers_of(self.state)
        self.assertEqual([layer["name"] for layer in layers], ["2", "10"])
        self.assertEqual([group["name"] for group in layers[0]["groups"]], ["Q0", "Q1", "K0"])
        expected = numpy.corrcoef(numpy.concatenate(self.arrays)[:, :4].T.astype("float64"))
        self.assertAlmostEqual(layers[1]["conditions"][0]["pair_groups"][0]["pearson"]["mean"],
                               expected[numpy.triu_indices(4, 1)].mean(), 6)
        regrouped = self.layers_of(self.state, "--groups", "A=6,B=6")
        self.assertEqual([group["name"] for group in regrouped[0]["groups"]], ["A", "B"])
        self.succeed("analyze", self.state, "--figure", self.path("layers.pdf"))

    def test_blocks_give_the_intervals_of_whole_shards_left_out(self):
        self.arrays = [self.random.normal(size=(20, 12)).astype("float32") + 0.5 for _ in range(16)]
        shards = [self.shard(f"b{i}.npy", values) for i, values in enumerate(self.arrays)]
        self.write("segments.txt", "".join(f"{i}\n" * 20 for i in range(16)).encode())
        self.accumulate(*shards, "--blocks", 16)
        expected = self.analyze(self.whole(), "--interval", "jackknife", "--blocks", 16, "--segments",
                                self.path("segments.txt"))
        layer = self.analyze(self.state, "--interval", "jackknife")
        self.assertEqual(layer["conditions"][0]["interval"]["replicates"], 16)
        expected["warnings"] = layer["warnings"]  # a state knows no neighbours
        self.assert_close(layer, expected, 1e-5)
        self.accumulate(*shards, "--blocks", 16, "--targets", "0-4")
        layer = self.analyze(self.state, "--interval", "jackknife", "--contrast", "Q-Q,K-K")
        self.assertIn("selection_contrast", layer)

    def test_documents_within_shards_are_blocks_and_end_with_the_shard(self):
        os.mkdir(self.path("segments"))
        for i in range(4):
            self.write(f"segments/s{i}.txt", b"".join(b"%d\n" % (k // 8) for k in range(30 + i)))
        self.accumulate(*self.shards[:4], "--blocks", 16, "--segments", self.path("segments/*.txt"))
        layer = self.analyze(self.state, "--interval", "jackknife")
        documents = sum(-(-(30 + i) // 8) for i in range(4))  # 17: joined two by two, and one is left
        self.assertEqual(layer["conditions"][0]["interval"]["replicates"], -(-documents // 2))

    def test_shards_longer_than_an_update_are_their_stream(self):
        self.arrays = [self.random.normal(size=(40000, 3)).astype("float32")]
        self.accumulate(self.shard("long.npy", self.arrays[0]), "--blocks", 16)
        layer = self.analyze(self.state)
        self.assertEqual(layer["input"]["observations"], 40000)
        self.assert_close(layer, self.analyze(self.whole()), 1e-5)
        (_, packed) = read_container.read(self.content(self.state))[1]
        self.assertEqual(read_container.read_packed(packed)["BLCK"], (40000,))  # it is one document
        self.arrays[0][30000, 1] = numpy.nan
        text = self.refused("accumulate", self.shard("nan.npy", self.arrays[0]), "--output", self.path("nan.state"))
        self.assertIn("row 1328", text)
        self.assertIn("nan.npy: rows counted from 28672 on", text)


class PartsOfShards(Corpus):
    COLUMNS = {"Q": slice(6), "K": slice(6, 9), "V": slice(9, 12)}
    PARTS = ["--part", "Q=q/*.npy", "--part", "K=k/*.npy", "--part", "V=v/*.npy"]

    def setUp(self):
        super().setUp()
        self.folders = {group: self.path(group.lower()) for group in self.COLUMNS}
        for group, folder in self.folders.items():
            os.mkdir(folder)
            for i, values in enumerate(self.arrays):
                numpy.save(os.path.join(folder, f"s{i}.npy"), values[:, self.COLUMNS[group]])
        self.parts = [word.replace("=", f"={self.folder.name}/") for word in self.PARTS]

    def refused_parts(self, *arguments, says, status=1):
        return self.refused("accumulate", *arguments, "--output", self.state, says=says, status=status)

    def test_parts_in_files_of_their_own_are_the_columns_of_one(self):
        self.accumulate(self.folders["Q"], *self.parts)
        table = self.table(self.state)
        self.assertEqual([part["features"] for part in table["layers"][0]["parts"]], [6, 3, 3])
        self.assertEqual([shard["bytes"] for shard in table["shards"]],
                         [3 * 128 + 48 * (30 + i) for i in range(self.SHARDS)])
        of_parts = self.analyze(self.state)
        self.accumulate(*self.shards, "--groups", "Q=6,K=3,V=3", output=self.path("whole.state"))
        whole = self.analyze(self.path("whole.state"))
        self.assertEqual(of_parts["conditions"], whole["conditions"])
        self.assertEqual(of_parts["groups"], whole["groups"])
        unnamed = [word.partition("=")[2] or word for word in self.parts]
        self.accumulate(self.folders["Q"], *unnamed, "--groups", "A=6,B=6", output=self.path("other.state"))
        self.assertEqual([group["name"] for group in self.analyze(self.path("other.state"))["groups"]], ["A", "B"])

    def test_a_run_goes_on_and_knows_its_parts(self):
        first = os.path.join(self.folders["Q"], "s0.npy")
        self.accumulate(first, *self.parts)
        self.accumulate(self.folders["Q"], *self.parts, "--resume")
        resumed = self.content(self.state)
        os.unlink(self.state)
        self.assertEqual(self.accumulate(self.folders["Q"], *self.parts), resumed)
        swapped = [*self.parts[:2], "--part", self.parts[5].replace("V=", "K="), "--part",
                   self.parts[3].replace("K=", "V=")]
        self.refused_parts(self.folders["Q"], *swapped, "--resume", says="--part is to be as it was")
        self.refused_parts(*self.shards, "--resume", says="--part is to be as it was")
        values = numpy.load(os.path.join(self.folders["V"], "s3.npy"))
        numpy.save(os.path.join(self.folders["V"], "s3.npy"), values + 1)
        self.refused_parts(self.folders["Q"], *self.parts, "--resume", says="has changed since it was added")

    def test_bad_parts_are_named(self):
        missing = os.path.join(self.folders["K"], "s5.npy")
        os.rename(missing, missing + ".away")
        self.refused_parts(self.folders["Q"], *self.parts, says="a part of a shard is missing: " + missing)
        self.assertFalse(os.path.exists(self.state + ".part"))
        os.rename(missing + ".away", missing)
        self.refused_parts(self.folders["Q"], *self.parts[2:], says="a shard is none of its parts")
        numpy.save(missing, numpy.load(missing)[:7])
        text = self.refused_parts(self.folders["Q"], *self.parts, says="parts differ in observations: " + missing)
        self.assertIn(f"5 shards are in {self.state}.part", text)
        os.unlink(self.state + ".part")
        for wrong, says in ((["--part", "k.npy"], "one * for that of the shard: number 1"),
                            (["--part", "*/*.npy"], "one *"), (["--part", "=*.npy"], "one *"),
                            ([*self.parts, "--part", "x/*.npy"], "--part with GROUP= and without"),
                            ([*self.parts, "--groups", "Q=6,K=6"], "both name the groups"),
                            ([*self.parts, "--tensor", "x"], "--tensor of .safetensors")):
            self.refused_parts(self.folders["Q"], *wrong, says=says, status=2)
        self.refused("analyze", self.input, "--part", "*.npy", status=2, says="no option of analyze but of accumulate")


class PairsAndMatricesOfStates(Corpus):
    def setUp(self):
        super().setUp()
        self.files = [self.write(f"corpus/t{i}.safetensors", safetensors(
            {f"layers.{k}": values * (k + 1) + k * numpy.arange(12, dtype="float32") for k in (2, 10)}))
            for i, values in enumerate(self.arrays)]
        self.accumulate(*self.files, "--tensor", "layers.*", "--targets", "3,5-19")
        self.of = {(k, name): numpy.concatenate(
            [(values * (k + 1) + k * numpy.arange(12, dtype="float32"))[rows] for values in self.arrays])
            for k in (2, 10) for name, rows in (("targets", [3, *range(5, 20)]),
                                                ("non-targets", [0, 1, 2, 4, *range(20, 30)]))}
        for i, values in enumerate(self.arrays):  # shards are of 30 + i rows
            for k in (2, 10):
                more = values[30:] * (k + 1) + k * numpy.arange(12, dtype="float32")
                self.of[k, "non-targets"] = numpy.concatenate([self.of[k, "non-targets"], more])

    def pairs(self, *arguments):
        return json.loads(self.succeed("pairs", *arguments, "--json", "-"))

    def test_pairs_of_a_state_are_those_of_its_rows(self):
        for condition in ("targets", "non-targets"):
            document = self.pairs(self.state, "--top", 9, "--metric", "pearson", "--condition", condition)
            self.assertEqual(document["options"]["condition"], condition)
            for layer, k in zip(document["layers"], (2, 10)):
                numpy.save(self.path("rows.npy"), self.of[k, condition])
                expected, = self.pairs(self.path("rows.npy"), "--top", 9, "--metric", "pearson")["layers"]
                self.assertEqual(layer["name"], str(k))
                self.assertEqual(layer["input"]["shards"], self.SHARDS)
                self.assertEqual(layer["input"]["observations"], len(self.of[k, condition]))
                self.assert_close(layer["pairs"], expected["pairs"], 1e-5)
        first = self.pairs(self.state, "--threshold", 0.1, "--groups", "A=6,B=6", "--pair-groups", "A-B")
        self.assertEqual({pair["pair_group"] for pair in first["layers"][0]["pairs"]}, {"A-B"})
        self.assertEqual(first, {**self.pairs(self.state, "--threshold", 0.1, "--groups", "A=6,B=6", "--pair-groups",
                                              "A-B", "--condition", "targets"), "options": first["options"]})
        self.assertIn("10: 112 observations", self.succeed("pairs", self.state, "--top", 1, "--csv", self.path("p.csv")))
        self.assertEqual(len(self.content(self.path("p.csv")).splitlines()), 3)

    def test_a_matrix_of_a_state_is_that_of_its_rows(self):
        output = self.path("m.npy")
        for k, condition, options in ((2, "targets", []), (10, "non-targets", ["--condition", "non-targets"])):
            for metric, expected in (("pearson", lambda x: numpy.corrcoef(x.T)),
                                     ("covariance", lambda x: numpy.cov(x.T)),
                                     ("dot", lambda x: x.T @ x)):
                self.succeed("matrix", self.state, "--layer", k, "--metric", metric, *options, "--output", output)
                values = self.of[k, condition].astype("float64")
                self.assertEqual(numpy.load(output).dtype, "float32")
                numpy.testing.assert_allclose(numpy.load(output), expected(values), rtol=1e-5, atol=1e-5)
        self.succeed("matrix", self.state, "--layer", 2, "--precision", "f64", "--output", output)
        self.assertEqual(numpy.load(output).dtype, "float64")
        self.accumulate(*self.shards)
        self.succeed("matrix", self.state, "--output", output)
        self.succeed("matrix", self.whole(), "--output", self.path("whole.npy.npy"))
        numpy.testing.assert_allclose(numpy.load(output), numpy.load(self.path("whole.npy.npy")), atol=1e-6)

    def test_what_a_state_has_not_is_said(self):
        output = ["--output", self.path("m.npy")]
        for arguments, says in (
                (["matrix", self.state, *output], "matrix is of one layer: --layer NAME, of the 2 from 2 to 10"),
                (["matrix", self.state, "--layer", "3", *output], "no such layer: --layer 3 (the 2 are from 2 to 10)"),
                (["matrix", self.state, "--layer", 2, "--metric", "spearman", *output], "a state has no ranks"),
                (["matrix", self.state, "--layer", 2, "--targets", "0", *output], "--targets is for arrays"),
                (["matrix", self.state, self.input, *output], "matrix takes one state, not 2 inputs"),
                (["matrix", self.input, "--layer", 2, *output], "--layer and --condition are of a state"),
                (["matrix", self.state, "--layer", 2, "--condition", "all", *output], "targets, non-targets"),
                (["pairs", self.state, "--top", 3, "--metric", "spearman"], "a state has no ranks"),
                (["pairs", self.state, "--top", 3, "--tensor", "x"], "--tensor is for arrays"),
                (["pairs", self.input, "--top", 3, "--condition", "targets"], "--condition is of a state"),
                (["pairs", self.state, self.state, "--top", 3], "pairs takes one state, not 2 inputs"),
                (["analyze", self.state, "--condition", "targets"], "no option of analyze but of")):
            self.refused(*arguments, status=2, says=says)
        self.assertFalse(os.path.exists(self.path("m.npy")))
        self.accumulate(*self.shards)
        self.refused("matrix", self.state, "--layer", "2", *output, status=2, says="one layer without a name")
        for command in (["matrix", *output], ["pairs", "--top", "3"]):
            self.refused(command[0], self.state, *command[1:], "--condition", "targets", status=2,
                         says="all observations together, and no targets")
            self.succeed("analyze", self.input, "--save", self.path("x.result"), "--quiet")
            self.refused(command[0], self.path("x.result"), *command[1:], says="a state is wanted and this is a result")


class Merging(Corpus):
    def states(self, *groups):
        """One state for each list of shards."""
        paths = []
        for i, group in enumerate(groups):
            paths.append(self.path(f"piece{i}.state"))
            self.accumulate(*group, output=paths[-1])
        return paths

    def merge(self, *states, output=None):
        output = output or self.path("merged.state")
        self.succeed("merge", *states, "--output", output)
        return self.content(output)

    def test_states_of_a_shard_each_merge_to_the_whole_run_to_the_bit(self):
        states = self.states(*([shard] for shard in self.shards))
        self.assertEqual(self.merge(*states), self.accumulate(*self.shards))

    def test_so_do_long_shards_and_blocks_of_documents(self):
        self.arrays = [self.random.normal(size=(4096 + 5000 * (i % 2), 3)).astype("float32") for i in range(20)]
        shards = [self.shard(f"long{i}.npy", values) for i, values in enumerate(self.arrays)]
        for options, count in (([], 4), (["--blocks", 16], 20)):
            states = []
            for i, shard in enumerate(shards[:count]):
                states.append(self.path(f"long{i}.state"))
                self.accumulate(shard, *options, output=states[-1])
            self.assertEqual(self.merge(*states), self.accumulate(*shards[:count], *options))
            self.assertEqual(self.table(self.state)["options"]["blocks"], options[1] if options else None)

    def test_a_shard_behind_a_state_is_the_run_to_the_bit(self):
        states = self.states(self.shards[:5], [self.shards[5]], [self.shards[6]])
        self.assertEqual(self.merge(*states), self.accumulate(*self.shards))

    def test_the_same_states_in_the_same_order_give_the_same_bits(self):
        states = self.states(self.shards[:2], self.shards[2:4], self.shards[4:])
        merged = self.merge(*states)
        self.assertEqual(self.merge(*states), merged)
        self.merge(*states[:2], output=self.path("two.state"))
        self.assertEqual(self.merge(self.path("two.state"), states[2]), merged)
        os.mkdir(self.path("states"))
        for path in states:
            os.rename(path, os.path.join(self.path("states"), os.path.basename(path)))
        self.assertEqual(self.merge(self.path("states")), merged)

    def test_pieces_of_several_shards_agree_to_rounding(self):
        states = self.states(self.shards[:2], self.shards[2:4], self.shards[4:])
        self.merge(*states)
        self.accumulate(*self.shards)
        self.assert_close(self.analyze(self.path("merged.state")), self.analyze(self.state), 1e-13)

    def test_merging_shards_twice_is_refused(self):
        states = self.states(self.shards[:2], self.shards[1:3])
        output = ["--output", self.path("merged.state")]
        text = self.refused("merge", *states, *output, says="a shard is in already")
        self.assertIn(self.shards[1], text)
        self.refused("merge", states[0], states[0], *output, says="stands twice: " + states[0])
        copied = self.write("copy.state", self.content(states[0]))
        self.refused("merge", states[0], copied, *output, says="a shard is in already")
        self.assertFalse(os.path.exists(self.path("merged.state")))

    def test_what_does_not_belong_together_is_named(self):
        (first,) = self.states([self.shards[0]])
        other = self.path("other.state")
        output = ["--output", self.path("merged.state")]
        narrow = self.shard("narrow.npy", self.arrays[1][:, :9])
        wide = self.shard("wide.npy", self.arrays[1].astype("float64"))
        for arguments, says in (([narrow], "columns differ: %s has 9, %s has 12"),
                                ([wide], "types differ: %s is float64, %s is float32"),
                                ([self.shards[1], "--groups", "A=6,B=6"], "layouts differ: the groups of %s are "
                                 "others than those of %s"),
                                ([self.shards[1], "--blocks", 16], "they differ in blocks: none in {1}, 16 in {0}"),
                                ([self.shards[1], "--precision", "f64"], "they differ in precision"),
                                ([self.shards[1], "--targets", "0"], "targets and non-targets")):
            with self.subTest(arguments=arguments):
                self.accumulate(*arguments, output=other)
                says = says.format(other, first) if "{" in says else \
                    says % (other, first) if "%" in says else says
                self.refused("merge", first, other, *output, says=says)
        self.refused("merge", first, self.shards[0], *output, says="no state or result of qkvsim")
        self.refused("merge", first, "--output", first, status=2, says="would overwrite what is read")


class Interrupted(Corpus):
    def test_a_run_goes_on_where_it_failed(self):
        expected = self.accumulate(*self.shards)
        os.rename(self.state, self.path("expected"))
        good = self.content(self.shards[4])
        bad = self.arrays[4].copy()
        bad[3, 7] = numpy.inf
        numpy.save(self.shards[4], bad)
        for checkpoint in (0, 60):
            text = self.refused("accumulate", *self.shards, "--output", self.state, "--checkpoint", checkpoint)
            self.assertIn("row 3", text)
            self.assertIn(f"(4 shards are in {self.state}.part: --resume goes on with it)", text)
            self.assertFalse(os.path.exists(self.state))
            self.refused("accumulate", *self.shards, "--output", self.state, says="an interrupted run left")
            self.write("corpus/s4.npy", good)
            self.assertEqual(self.accumulate(*self.shards, "--resume"), expected)
            self.assertEqual(self.accumulate(*self.shards, "--resume"), expected)
            os.unlink(self.state)
            numpy.save(self.shards[4], bad)

    def test_a_state_takes_in_more_shards(self):
        expected = self.accumulate(*self.shards)
        self.accumulate(*self.shards[:3])
        self.assertEqual(self.accumulate(*self.shards, "--resume"), expected)
        self.assertEqual(self.accumulate(*self.shards[2:], "--resume"), expected)

    def test_runs_that_are_killed_end_with_the_same_bits(self):
        """A shard is in once or not at all, whenever the run is killed."""
        self.arrays = [self.random.normal(size=(400, 96)).astype("float32") for _ in range(25)]
        shards = [self.shard(f"k{i}.npy", values) for i, values in enumerate(self.arrays)]
        expected = self.accumulate(*shards, "--checkpoint", 0, "--threads", 1, output=self.path("expected"))
        command = [test_program.PROGRAM, "accumulate", *shards, "--output", self.state, "--resume",
                   "--checkpoint", "0", "--threads", "1"]
        source, killed, part = random.Random(3), 0, self.state + ".part"
        while killed < 6:
            before = os.stat(part).st_mtime_ns if os.path.exists(part) else None
            with subprocess.Popen(command, env=self.uncounted()) as process:
                while process.poll() is None and (not os.path.exists(part) or os.stat(part).st_mtime_ns == before):
                    time.sleep(0.0005)
                time.sleep(source.uniform(0, 0.003))
                process.kill()
            if process.returncode == 0:  # it was done before: from the start
                os.unlink(self.state)
                continue
            self.assertEqual(process.returncode, -signal.SIGKILL)
            killed += 1
            if os.path.exists(part):
                self.assertTrue(self.table(part)["shards"])
        self.assertEqual(self.accumulate(*shards, "--resume"), expected)
        for name in self.left_behind():  # of a killed run, which could not remove it
            self.assertTrue(name.startswith(".qkvsim-"))

    def stop_behind_the_first_part(self, *arguments):
        """What a run says that is told to stop once there is a part."""
        with subprocess.Popen([test_program.PROGRAM, "accumulate", *arguments, "--output", self.state],
                              stderr=subprocess.PIPE) as process:
            while not os.path.exists(self.state + ".part") and process.poll() is None:
                time.sleep(0.001)
            process.send_signal(signal.SIGTERM)
            text = process.communicate()[1].decode()
        if process.returncode == 0:
            self.skipTest("it was done before")
        self.assertEqual(process.returncode, 1)
        return text

    def test_a_signal_leaves_what_is_done(self):
        self.arrays = [self.random.normal(size=(1000, 300)).astype("float32") for _ in range(40)]
        shards = [self.shard(f"k{i}.npy", values) for i, values in enumerate(self.arrays)]
        expected = self.accumulate(*shards, output=self.path("expected"))
        text = self.stop_behind_the_first_part(*shards)
        self.assertRegex(text, r"^qkvsim: interrupted \(\d+ shards? (is|are) in .*part: --resume goes on with it\)\n$")
        self.assertEqual(self.left_behind(), [])
        self.assertEqual(self.accumulate(*shards, "--resume"), expected)

    def test_a_signal_leaves_out_the_shard_in_hand(self):
        long = numpy.tile(self.random.normal(size=(500, 1500)).astype("float32"), (40, 1))
        shards = [self.shard(f"k{i}.npy", values) for i, values in enumerate((long[:50], long, long[:60]))]
        text = self.stop_behind_the_first_part(*shards, "--threads", "1")
        self.assertRegex(text, r"^qkvsim: interrupted \(1 shard is in ")
        self.accumulate(*shards, "--resume")

    def test_a_shard_that_has_changed_is_refused(self):
        self.accumulate(*self.shards[:3])
        says = "a shard has changed since it was added: " + self.shards[1]
        for changed in (self.arrays[1][:20], self.arrays[1] + 1):  # of another size, and of the same
            numpy.save(self.shards[1], changed)
            self.refused("accumulate", *self.shards, "--output", self.state, "--resume", says=says)
        numpy.save(self.shards[1], self.arrays[1])
        self.accumulate(*self.shards, "--resume")

    def test_other_options_do_not_go_on(self):
        self.accumulate(*self.shards[:3])
        for options, says in ((["--blocks", 16], "they differ in blocks: none in"),
                              (["--targets", "0"], "and this run has --targets"),
                              (["--on-nonfinite", "drop-observation"], "on_nonfinite: error in")):
            self.refused("accumulate", *self.shards, "--output", self.state, "--resume", *options, says=says)

    def test_a_newer_whole_state_is_not_lost_to_an_old_part(self):
        part = self.state + ".part"
        self.accumulate(*self.shards[:3], output=self.path("first.state"))
        os.rename(self.path("first.state"), part)
        self.accumulate(*self.shards[3:5], output=self.path("more.state"))
        self.succeed("merge", self.path("more.state"), "--output", self.state)
        before = self.content(self.state), self.content(part)
        self.refused("accumulate", *self.shards, "--output", self.state, "--resume",
                     says=f"{self.state} has a shard that {part} has not: {self.shards[3]} (remove either of the two)")
        self.assertEqual((self.content(self.state), self.content(part)), before)
        self.write("corpus.state", b"no state")
        self.assertEqual(self.accumulate(*self.shards, "--resume"),
                         self.accumulate(*self.shards, output=self.path("whole.state")))

    def test_two_runs_of_one_state_do_not_undo_each_other(self):
        os.mkfifo(self.path("corpus/pipe.npy"))
        shards = [self.shards[0], self.path("corpus/pipe.npy"), self.shards[1]]
        with subprocess.Popen([test_program.PROGRAM, "accumulate", *shards, "--output", self.state,
                               "--checkpoint", "0"], stderr=subprocess.PIPE) as process:
            with open(self.path("corpus/pipe.npy"), "wb") as pipe:
                self.succeed("accumulate", self.shards[0], self.shards[2], "--output", self.path("x"))
                os.replace(self.path("x"), self.state + ".part")
                pipe.write(self.content(self.shards[3]))
            text = process.communicate()[1].decode()
        self.assertEqual(process.returncode, 1)
        self.assertIn("another run writes the same state", text)
        self.assertEqual(len(self.table(self.state + ".part")["shards"]), 2)


class BadShards(Corpus):
    def refused_shard(self, name, values, says):
        path = self.shard(name, values)
        text = self.refused("accumulate", *self.shards[:2], path, "--output", self.state, says=says)
        self.assertIn(path, text)
        self.assertIn(f"(2 shards are in {self.state}.part", text)
        os.unlink(self.state + ".part")

    def test_shards_that_differ_are_named(self):
        values = self.arrays[0] + 1
        self.refused_shard("x.npy", values[:, :9], "columns differ")
        self.refused_shard("x.npy", values.astype("float64"), "types differ")
        self.refused_shard("x.npy", values[:0], "empty array")
        self.refused_shard("x.npy", values[0], "array is not observations x features")
        self.refused_shard("x.npy", self.arrays[0], "a shard is in already under another name")
        self.refused_shard("x.npy", numpy.empty((3, 0), "float32"), "empty array")
        for content in (b"", b"\x93NUMPY\x01", b"hello"):
            path = self.write("corpus/x.npy", content)
            text = self.refused("accumulate", *self.shards[:2], path, "--output", self.state, says=path)
            self.assertIn("(2 shards are in ", text)
            os.unlink(self.state + ".part")

    def test_layers_that_differ_are_named(self):
        files = [self.write(f"t{i}.safetensors", safetensors({f"layers.{k}": values + k for k in layers}))
                 for i, (values, layers) in enumerate(zip(self.arrays, ((1, 2), (1, 3), (1,))))]
        for wrong, says in ((files[1], "has 3 where"), (files[2], "has 1,")):
            text = self.refused("accumulate", files[0], wrong, "--tensor", "layers.*", "--output", self.state,
                                says="layers differ: " + wrong)
            self.assertIn(says, text)
            os.unlink(self.state + ".part")

    def test_missing_and_repeated_shards_are_known_before_the_work(self):
        output = ["--output", self.state]
        self.refused("accumulate", *self.shards, self.path("no.npy"), self.path("none.npy"), *output,
                     says="no.npy: No such file or directory (2 of 9 files cannot be opened)")
        self.refused("accumulate", *self.shards, self.shards[2], *output, says="stands twice: " + self.shards[2])
        self.refused("accumulate", self.path("corpus") + "-no", *output, says="No such file")
        os.mkdir(self.path("empty"))
        self.refused("accumulate", self.path("empty"), *output, says="no file in the folder is .npy or .safetensors")
        self.assertEqual(os.listdir(self.path("empty")), [])
        self.assertFalse(os.path.exists(self.state + ".part"))
        result = self.run_program("accumulate", "-", *output, stdin=subprocess.DEVNULL)
        self.assertIn(b"the list on standard input is empty", result.stderr)

    def test_shards_that_cannot_be_read_are_known_before_the_work(self):
        folder, odd = self.path("folder.npy"), os.fsencode(self.path("corpus/l")) + b"\xff.npy"
        os.mkdir(folder)
        with open(odd, "wb") as file:
            file.write(self.content(self.shards[0]))
        for listed, says in ((os.fsencode(folder), f"cannot open: {folder}: Is a directory"),
                             (odd, "a shard's name is no UTF-8: " + self.path("corpus/l?.npy"))):
            result = self.run_program("accumulate", "-", "--output", self.state,
                                      input=b"\n".join([*map(os.fsencode, self.shards), listed]))
            self.assertEqual((result.returncode, result.stdout), (1, b""))
            self.assertIn(says, result.stderr.decode())
            self.assertFalse(os.path.exists(self.state + ".part"))
        if os.geteuid() != 0:
            os.chmod(self.shards[6], 0)
            self.refused("accumulate", *self.shards, "--output", self.state, says=f"{self.shards[6]}: Permission denied")
            self.assertFalse(os.path.exists(self.state + ".part"))

    def test_nothing_that_is_read_of_a_shard_is_overwritten(self):
        """A shard in a folder or list, its parts, and what patterns name for it."""
        os.mkdir(self.path("more"))
        for i, values in enumerate(self.arrays):
            numpy.save(self.path(f"more/s{i}.npy"), values)
            self.write(f"more/s{i}.txt", b"7\n" * len(values))
            self.write(f"more/s{i}.rows", b"3")
        folder = self.path("corpus")
        more = {ending: self.path(f"more/*{ending}") for ending in (".npy", ".txt", ".rows")}
        for options, output in (([folder], "corpus/s3.npy"),
                                ([folder, "--part", folder + "/*.npy", "--part", more[".npy"]], "more/s3.npy"),
                                ([folder, "--targets", more[".rows"]], "more/s3.rows"),
                                ([folder, "--segments", more[".txt"], "--blocks", 16], "more/s3.txt")):
            output = self.path(output)
            before = self.content(output)
            text = self.refused("accumulate", *options, "--output", output, status=2, says="would overwrite what is read")
            self.assertNotIn("--resume", text)
            self.assertEqual(self.content(output), before)
            self.assertFalse(os.path.exists(output + ".part"))

    def test_a_name_too_long_for_a_part_is_known_before_the_work(self):
        most = os.pathconf(self.folder.name, "PC_NAME_MAX")
        self.accumulate(*self.shards, output=self.path("n" * (most - 5)))
        self.refused("accumulate", *self.shards, "--output", self.path("n" * (most - 4)),
                     says="the name is too long: " + self.path("n" * (most - 4)) + ".part")

    def test_messages_have_room_for_the_longest_paths(self):
        folder = self.path("corpus")
        while len(folder) < 3700:
            folder = os.path.join(folder, "d" * 200)
        os.makedirs(folder)
        bad, part, missing = (os.path.join(folder, name) for name in ("bad.npy", "a.state.part", "no.npy"))
        numpy.save(bad, numpy.full((20, 12), numpy.inf, "float32"))
        for arguments, says in (
                (["accumulate", missing], f"cannot open: {missing}: No such file"),
                (["accumulate", self.shards[0], bad], f": {bad} (see --on-nonfinite) (1 shard is in {part}: --resume"),
                (["accumulate", bad, "--part", folder + "/*.npy", "--part", folder + "/no*.npy"],
                 f"a part of a shard is missing: {missing[:-4]}bad.npy: No such file or directory (of {bad})"),
                (["matrix", bad], f": {bad} (see --on-nonfinite)")):
            self.refused(*arguments, "--output", os.path.join(folder, "a.state"), says=says)
        self.refused("analyze", bad, says=f": {bad} (see --on-nonfinite)")

    def test_a_full_disk_loses_nothing(self):
        self.accumulate(*self.shards[:2])
        before = self.content(self.state)
        size = len(before)

        def full():
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        for command in ("accumulate", "merge"):
            self.accumulate(*self.shards[3:], output=self.path("more.state"))
            inputs = [*self.shards, "--resume"] if command == "accumulate" else [self.state, self.path("more.state")]
            output = self.state if command == "accumulate" else self.path("merged.state")
            result = self.run_program(command, *inputs, "--output", output, preexec_fn=full, env=self.uncounted())
            self.assertEqual(result.returncode, 1)
            self.assertIn(b"cannot write: ", result.stderr)
            self.assertIn(b"File too large", result.stderr)
            self.assertEqual(self.content(self.state), before)
            self.assertEqual(self.left_behind(), [])
        self.assertFalse(os.path.exists(self.path("merged.state")))

        def full_for_parts():  # the first part is written, the second is not
            resource.setrlimit(resource.RLIMIT_FSIZE, (size - 50, size - 50))
        os.unlink(self.state)
        result = self.run_program("accumulate", *self.shards, "--output", self.state, "--checkpoint", 0,
                                  preexec_fn=full_for_parts, env=self.uncounted())
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"1 shard is in ", result.stderr)
        self.assertEqual(len(self.table(self.state + ".part")["shards"]), 1)
        self.refused("accumulate", *self.shards, "--output", "/dev/full", says="No space left on device")

    def test_options_of_arrays_are_refused_for_a_state(self):
        self.accumulate(*self.shards)
        for options in (["--permutations", 9], ["--targets", "0-3", "--compare", 9],
                        ["--tensor", "a"], ["--parts"], ["--fold"], ["--precision", "f64"],
                        ["--interval", "bootstrap"], ["--metrics", "spearman"],
                        ["--interval", "jackknife", "--blocks", 20]):
            text = self.refused("analyze", self.state, *options, status=2, says="is for arrays")
            self.assertIn(self.state, text)
        self.refused("analyze", self.state, self.input, status=2, says="analyze takes one state, not 2 inputs")
        self.refused("analyze", self.state, "--interval", "jackknife", says="no blocks are kept for --interval")

    def test_wrong_usage(self):
        for arguments, says in ((["accumulate", *self.shards], "accumulate wants --output"),
                                (["merge", self.state], "merge wants --output"),
                                (["accumulate", "--output", self.state], "accumulate wants an input file, a folder"),
                                (["accumulate", self.input, "--output", self.input], "would overwrite"),
                                (["accumulate", self.input, "--output", self.state, "--blocks", "8"], "from 16 to 4096"),
                                (["accumulate", self.input, "--output", self.state, "--segments", "x"], "wants --blocks"),
                                (["accumulate", self.input, "--output", self.state, "--progress", "x"], "bar or json"),
                                (["analyze", self.input, "--resume"], "no option of analyze but of accumulate")):
            self.refused(*arguments, status=2, says=says)


class WhatIsStored(Corpus):
    """What info says of a state or a result."""

    def lines(self, path):
        """Titles and what stands beside them."""
        text = self.succeed("info", path)
        self.assertEqual(text.count(path + "\n"), 1)
        lines = text[text.index(path + "\n"):].splitlines()[1:]
        return {line[2:15].strip(): line[16:] for line in lines}

    def said(self, *paths):
        document = self.document(*paths, command="info")
        self.assertEqual((document["schema"], document["command"]), (1, "info"))
        self.assertEqual([file["file"] for file in document["files"]], list(paths))
        return document["files"][0]

    def save(self, name, *options):
        self.succeed("analyze", self.input, "--groups", "Q=6,K=3,V=3", *options, "--save", self.path(name), "--quiet")
        return self.path(name)

    def test_a_state(self):
        self.accumulate(*self.shards, "--groups", "Q=6,K=3,V=3")
        self.assertEqual(self.lines(self.state), {
            "content": f"state, format 1, written by qkvsim {self.succeed('--version').split()[-1]}",
            "observations": "231", "features": "12", "parts": "1: float32 12", "layers": "1: (without a name)",
            "conditions": "1: all", "groups": "3: Q 6, K 3, V 3", "blocks": "none",
            "shards": "7: " + ", ".join(f"{self.shards[i]} ({30 + i})" for i in range(7))})
        said = self.said(self.state)
        self.assertEqual(said, said | {
            "content": "state", "format": 1, "observations": 231, "features": 12, "conditions": ["all"],
            "layers": [{"name": None, "parts": [{"tensor": None, "dtype": "float32", "features": 12}]}],
            "groups": [{"name": "Q", "features": 6}, {"name": "K", "features": 3}, {"name": "V", "features": 3}],
            "pair_groups": 6, "blocks": None, "shards": self.table(self.state)["shards"], "made": None})

    def test_blocks_conditions_and_what_is_merged(self):
        self.accumulate(*self.shards[:4], "--blocks", 16, "--targets", "0-3")
        other, merged = self.path("other.state"), self.path("merged.state")
        self.accumulate(*self.shards[4:], "--blocks", 16, "--targets", "0-3", output=other)
        self.succeed("merge", self.state, other, "--output", merged)
        lines, said = self.lines(merged), self.said(merged, self.state)
        self.assertEqual((lines["blocks"], lines["conditions"]), ("up to 16", "2: targets, non-targets"))
        self.assertEqual((said["blocks"], said["conditions"]), (16, ["targets", "non-targets"]))
        self.assertEqual([shard["file"] for shard in said["shards"]], self.shards)
        self.assertEqual(self.lines(other)["shards"][:3], "3: ")

    def test_of_many_shards_and_layers_the_first_and_the_last_stand_in_the_table(self):
        paths = []
        for i in range(9):
            paths.append(self.path(f"corpus/m{i}.safetensors"))
            with open(paths[-1], "wb") as file:
                file.write(safetensors({f"layer.{k}": self.arrays[0] + i + k for k in range(10)}))
        self.accumulate(*paths, "--tensor", "layer.*")
        lines, said = self.lines(self.state), self.said(self.state)
        shown = [f"{path} (30)" for path in paths]
        self.assertEqual(lines["shards"], "9: " + ", ".join([*shown[:3], "...", *shown[6:]]))
        self.assertEqual(lines["layers"], "10: 0, 1, 2, ..., 7, 8, 9")
        self.assertEqual([shard["file"] for shard in said["shards"]], paths)
        self.assertEqual([layer["name"] for layer in said["layers"]], [str(k) for k in range(10)])

    def test_a_result(self):
        path = self.save("whole.result", "--targets", "0-9")
        lines, said = self.lines(path), self.said(path)
        self.assertEqual(lines.pop("content").split(",")[0], "result")
        self.assertEqual(lines, {
            "observations": "40", "features": "12", "parts": "1: float32 12", "layers": "1: input",
            "conditions": "2: targets, non-targets", "groups": "3: Q 6, K 3, V 3",
            "pair groups": "6: Q-Q, Q-K, Q-V, K-K, K-V, V-V"})
        self.assertEqual(said["layers"][0]["parts"][0]["file"], self.input)
        self.assertEqual((said["content"], said["observations"], said["shards"]), ("result", 40, None))
        self.assertEqual(said["made"], {"permutations": None, "compare": None, "resamples": None, "first": 0,
                                        "total": None, "pair_groups": None})

    def test_pieces_and_what_is_merged_of_them(self):
        made = ["--seed", 1, "--permutations", 20, "--total", 40]
        first, second = self.save("a.result", *made, "--first", 0), self.save("b.result", *made, "--first", 20)
        self.assertEqual(self.lines(second)["permutations"], "20, the first is number 20 of 40")
        said = self.said(second)["made"]
        self.assertEqual((said["permutations"], said["first"], said["total"]), (20, 20, 40))
        merged = self.path("merged.result")
        self.succeed("merge", first, second, "--output", merged)
        self.assertEqual(self.lines(merged)["permutations"], "40, the first is number 0 of 40")
        piece = self.save("c.result", "--pair-groups", "Q-K,V-V")
        self.assertEqual(self.lines(piece)["pair groups"], "2 of 6: Q-K, V-V")
        self.assertEqual(self.said(piece)["made"]["pair_groups"], ["Q-K", "V-V"])
        other = self.save("d.result", "--targets", "0-9", "--compare", 7, "--interval", "bootstrap", "--resamples", 30)
        lines = self.lines(other)
        self.assertEqual((lines["relabellings"], lines["resamples"]), ("7", "30"))

    def test_damaged_files_are_told_and_others_shown(self):
        good = self.accumulate(*self.shards)
        result = self.content(self.save("a.result"))
        for name, content, says in (("cut", good[:-1], "cut short"), ("cut.result", result[:-1], "cut short"),
                                    ("table", good[:60] + b"#" + good[61:], "its checksum is wrong"),
                                    ("version", good[:8] + b"\2" + good[9:], "version 2 of the format")):
            path = self.write(name, content)
            self.assertIn(path, self.refused("info", path, says=says, prints=True))
            self.assertIn(path, self.refused("info", self.state, path, "--json", "-", says=says))
            result_of_both = self.run_program("info", path, self.state)
            self.assertEqual(result_of_both.returncode, 1)
            self.assertIn(self.state.encode(), result_of_both.stdout)

    def test_tables_that_lie(self):
        for good, keys in ((self.accumulate(*self.shards), ("layers", "shards", "options")),
                           (self.content(self.save("a.result")), ("layers", "made", "arguments"))):
            table, results = read_container.read(good)
            for key in keys:
                path = self.write("lies", read_container.write(table | {key: 7}, results))
                self.refused("info", path, says="the table of a file of results is wrong", prints=True)

    def test_moments_are_not_read(self):
        good = self.accumulate(*self.shards)
        said = self.succeed("info", self.state).split(self.state, 1)[1]
        damaged = self.write("damaged", good[:-8] + bytes([good[-8] ^ 1]) + good[-7:])
        self.refused("analyze", damaged)
        self.assertEqual(self.succeed("info", damaged).split(damaged, 1)[1], said)

    def test_json_is_of_what_is_stored_and_of_nothing_read(self):
        self.accumulate(*self.shards)
        out = self.path("out.json")
        self.refused("info", self.state, self.input, "--json", out, says=self.input + " is neither")
        self.refused("info", self.path("absent"), "--json", out, says="cannot open: " + self.path("absent"))
        self.assertFalse(os.path.exists(out))
        self.refused("info", self.state, "--json", self.state, status=2, says="would overwrite")
        self.assertIn("content", self.succeed("info", self.state, "--json", out))
        with open(out, encoding="utf-8") as file:
            self.assertEqual(json.load(file)["files"], [self.said(self.state)])


class HostileStates(Corpus):
    def setUp(self):
        super().setUp()
        self.good = self.accumulate(*self.shards[:2], "--targets", "0-3")
        self.other = self.path("other.state")
        self.accumulate(self.shards[2], "--targets", "0-3", output=self.other)

    def refuse(self, content, says=""):
        path = self.write("hostile.state", content)
        text = self.refused("merge", path, "--output", self.path("out"), says=says)
        self.assertIn(path, text)
        self.refused("merge", self.other, path, "--output", self.path("out"), says=says)
        if content[:8] == self.good[:8]:
            self.refused("analyze", path, says=says)

    def test_cut_short_and_longer(self):
        for size in (0, 7, 8, 31, 32, 33, 500, len(self.good) // 2, len(self.good) - 1):
            self.refuse(self.good[:size], "cut short" if size >= 32 else "no state or result")
        self.refuse(self.good + b"\0", "bytes behind the end")

    def test_a_part_that_is_damaged_is_named_and_stays(self):
        part = self.other + ".part"
        for content, says in ((self.good[:-1], "the file is cut short"), (b"", "no state or result")):
            self.write(os.path.basename(part), content)
            text = self.refused("accumulate", self.shards[0], "--targets", "0-3", "--output", self.other, "--resume",
                                says=says)
            self.assertIn(part, text)
            self.assertEqual(self.content(part), content)

    def test_a_pipe_is_refused_with_what_would_do(self):
        for command in (["analyze"], ["pairs", "--top", "2"], ["matrix", "--output", self.path("m.npy")]):
            result = self.run_program(*command, "/dev/stdin", input=self.good)
            self.assertEqual(result.returncode, 1)
            self.assertIn(b"as a file and not from a pipe", result.stderr)

    def test_another_version(self):
        self.refuse(self.good[:8] + b"\2" + self.good[9:], "version 2 of the format, this program reads 1")

    def test_every_changed_byte_is_noticed(self):
        source = random.Random(5)
        for at in [*range(40), *(source.randrange(len(self.good)) for _ in range(80))]:
            changed = bytearray(self.good)
            changed[at] ^= 1 << source.randrange(8)
            with self.subTest(at=at):
                self.refuse(bytes(changed))

    def test_tables_that_lie(self):
        table, results = read_container.read(self.good)

        def lie(change):
            changed = copy.deepcopy(table)
            change(changed)
            return read_container.write(changed, results)
        self.write("fine.state", lie(lambda t: t.update(note="keys may be added")))
        self.succeed("analyze", self.path("fine.state"))
        layer, shard = lambda t: t["layers"][0], lambda t: t["shards"][0]
        for change in (
                lambda t: t.pop("content"), lambda t: t.update(content="result"), lambda t: t.update(content="x"),
                lambda t: t.pop("options"), lambda t: t.update(layout=1), lambda t: t.update(layout=None),
                lambda t: t.pop("layers"), lambda t: t.update(layers=[]), lambda t: t.update(layers={}),
                lambda t: t.update(layers=t["layers"] * 2), lambda t: layer(t).update(name=3),
                lambda t: layer(t).update(parts=[]), lambda t: layer(t).pop("parts"),
                lambda t: layer(t)["parts"][0].update(features=13), lambda t: layer(t)["parts"][0].update(features=-1),
                lambda t: layer(t)["parts"][0].update(features=2**63 - 1),
                lambda t: layer(t)["parts"].append({"tensor": None, "dtype": "float32", "features": 2**63 - 1}),
                lambda t: layer(t)["parts"][0].update(dtype="float31"), lambda t: layer(t)["parts"][0].pop("dtype"),
                lambda t: layer(t).update(conditions=[]), lambda t: layer(t)["conditions"].pop(),
                lambda t: layer(t)["conditions"].append(layer(t)["conditions"][0]),
                lambda t: layer(t)["conditions"].reverse(),
                lambda t: layer(t)["conditions"][0].update(accumulator=2),
                lambda t: layer(t)["conditions"][0].update(accumulator=2**62),
                lambda t: t.pop("shards"), lambda t: t.update(shards=3), lambda t: t.update(shards=[]),
                lambda t: shard(t).pop("file"), lambda t: shard(t).update(observations=0),
                lambda t: shard(t).update(observations=1), lambda t: shard(t).update(observations=2**63 - 1),
                lambda t: shard(t).update(bytes=-1), lambda t: shard(t).update(checksum="xyz"),
                lambda t: t["shards"].append(shard(t))):
            self.refuse(lie(change))
        for replaced in ([], results[:1], results[:2], results + results[1:2], results[::-1],
                         [results[0], results[1], results[0]], [results[0], results[1], results[2][:-8]]):
            self.refuse(read_container.write(table, replaced))
        for text in (b"[" * 100000 + b"    ", b"{}", b"null    ", b"\xff" * 8, b'{"content": "\\u0000"}  '):
            raw = text + b" " * (-len(text) % 8)
            content = read_container.write({}, results)
            tail = struct.pack("<QQ", 32 + len(raw), len(raw)) + raw
            import zlib
            self.refuse(content[:12] + struct.pack("<I", zlib.crc32(tail, zlib.crc32(content[:12]))) + tail)


class Pieces(Corpus):
    TARGETS = ["--targets", "0-14"]

    def pieces(self, inputs, options, counts, ranges, total=None):
        """One result for each range of permutations, relabellings and resamples."""
        paths = []
        for i, (first, end) in enumerate(ranges):
            paths.append(self.path(f"piece{i}.result"))
            made = [word for count in counts for word in (count, end - first)]
            self.succeed("analyze", *inputs, *options, *made, "--first", first, "--save", paths[-1], "--quiet",
                         *(["--total", total] if total else []))
        return paths

    def merge(self, *paths):
        self.succeed("merge", *paths, "--output", self.path("merged.result"))
        return self.path("merged.result")

    def assert_same(self, result, *arguments):
        """What is read of a result is what one run gives, in every output and to the last digit."""
        names = [self.path(name) for name in ("a.csv", "b.csv", "a.svg", "b.svg")]
        document, expected = self.document(result), self.document(*arguments)
        for options in (document["options"], expected["options"]):
            options.pop("total")
        self.assertEqual(document, expected)
        self.assertEqual(self.succeed("analyze", result, "--csv", names[0]),
                         self.succeed("analyze", *arguments, "--csv", names[1]))
        self.assertEqual(self.content(names[0]), self.content(names[1]))
        self.succeed("analyze", result, "--figure", names[2])
        self.assertIn(b"<svg", self.content(names[2]))

    def test_saved_results_are_read_as_they_were_reported(self):
        for options in ([], ["--metrics", "pearson,spearman", "--bins", 7, "--seed", 2**64 - 1, "--permutations", 3],
                        ["--interval", "jackknife", "--contrast", "Q-Q,V-V", "--groups", "Q=4,K=4,V=4"],
                        [*self.TARGETS, "--interval", "jackknife", "--pair-groups", "Q-K,V-V"],
                        [*self.TARGETS, "--compare", 9, "--relabel", "label-shift", "--permutations", 5],
                        ["--heads", "Q=2,K=2,V=1", "--statistic", "pearson.mean_square"]):
            self.succeed("analyze", self.input, *options, "--save", self.path("one.result"), "--quiet")
            self.assert_same(self.path("one.result"), self.input, *options)

    def test_permutations_in_pieces_are_one_run_to_the_bit(self):
        options = ["--scheme", "feature", "--seed", 4]
        ranges = [(30, 40), (0, 7), (7, 30)]
        for total in (None, 40):
            result = self.merge(*self.pieces([self.input], options, ["--permutations"], ranges, total))
            self.assert_same(result, self.input, *options, "--permutations", 40)

    def test_relabellings_and_resamples_in_pieces_too(self):
        options = [*self.TARGETS, "--interval", "bootstrap", "--seed", 4]
        counts = ["--permutations", "--compare", "--resamples"]
        result = self.merge(*self.pieces([self.input], options, counts, [(0, 25), (25, 26), (26, 40)]))
        self.assert_same(result, self.input, *options, "--permutations", 40, "--compare", 40, "--resamples", 40)

    def test_layers_beside_intervals_and_merged_pieces_again(self):
        path = self.write("model.safetensors", safetensors({f"layers.{k}.qkv": self.values + k for k in (2, 10)}))
        options = ["--tensor", "layers.*.qkv", "--interval", "jackknife"]
        first, second, third = self.pieces([path], options, ["--permutations"], [(0, 5), (5, 10), (10, 15)])
        os.rename(self.merge(first, second), self.path("two.result"))
        result = self.merge(third, self.path("two.result"))
        self.assert_same(result, path, *options, "--permutations", 15)

    def test_a_piece_is_read_by_itself_and_asked_for_more(self):
        (piece,) = self.pieces([self.input], ["--interval", "bootstrap"], ["--resamples"], [(20, 50)])
        document = self.document(piece, "--statistic", "variance", "--contrast", "Q-Q,K-K")
        self.assertEqual(document["options"]["first"], 20)
        self.assertEqual(document["options"]["statistic"], "cosine.variance")
        self.assertEqual([c["a"] for c in document["layers"][0]["conditions"][0]["contrasts"]], ["Q-Q"])

    def test_names_of_inputs_may_differ_and_values_may_not(self):
        moved = self.write("moved.npy", self.content(self.input))
        a, = self.pieces([self.input], [], ["--permutations"], [(0, 5)])
        os.rename(a, self.path("a.result"))
        b, = self.pieces([moved], [], ["--permutations"], [(5, 10)])
        self.merge(self.path("a.result"), b)
        numpy.save(moved, self.values + 1)
        b, = self.pieces([moved], [], ["--permutations"], [(5, 10)])
        text = self.refused("merge", self.path("a.result"), b, "--output", self.path("x"), says="fingerprint")
        self.assertIn(f"piece 1 is {b}", text)

    def test_what_does_not_belong_together_is_named(self):
        def of(options, first=0, counts=("--permutations",)):
            (path,) = self.pieces([self.input], options, counts, [(first, first + 5)])
            os.rename(path, self.path(f"{abs(hash((*options, first)))}.result"))
            return self.path(f"{abs(hash((*options, first)))}.result")
        base, output = of(["--seed", 1]), ["--output", self.path("merged.result")]
        for other, says in ((of(["--seed", 1], 3), "overlap"), (of(["--seed", 1], 7), "no piece has permutations 5 to 6"),
                            (of(["--seed", 2], 5), "--seed=1 in " + base), (of([], 5), "--seed=1 in"),
                            (of(["--seed", 1, "--bins", 9], 5), "nothing in " + base)):
            text = self.refused("merge", base, other, *output, says=says)
            self.assertIn(base, text)
        self.refused("merge", base, base, *output, says="stands twice")
        self.refused("merge", base, self.write("copy", self.content(base)), *output, says="overlap")
        state = self.path("s.state")
        self.accumulate(self.shards[0], output=state)
        self.refused("merge", base, state, *output, says="a result is wanted and this is a state: " + state)
        self.refused("merge", state, base, *output, says="a state is wanted and this is a result: " + base)
        for options in (["--permutations", 9], ["--bins", 9], ["--tensor", "x"], ["--save", "y"]):
            self.refused("analyze", base, *options, status=2, says="is a result")
        self.assertFalse(os.path.exists(self.path("merged.result")))

    def test_wrong_usage_of_pieces(self):
        save = ["--save", self.path("x.result")]
        for options, says in ((["--first", 3], "wants --permutations, --compare or --resamples"),
                              (["--first", 3, "--permutations", 9], "of no use without --save"),
                              (["--first", 3, "--permutations", 9, "--exceedances", 2, *save], "has no pieces"),
                              (["--first", 3, "--permutations", 9, "--total", 11, *save], "--total 11 is less than"),
                              (["--first", 3, "--permutations", 9, "--interval", "bootstrap", *save],
                               "wants --resamples"),
                              (["--first", 3, "--permutations", 9, *self.TARGETS, "--compare", 8, *save],
                               "as many of each"),
                              (["--interval", "bootstrap", "--resamples", 19, *save], "at least 20"),
                              (["--save", self.input], "would overwrite"),
                              (["--permutations", 9, "--save", "/dev/null/x"], None)):
            self.refused("analyze", self.input, *options, status=2 if says else 1, says=says or "cannot write")

    def pair_groups(self, inputs, options, *shares):
        """One result for each share of the pair groups."""
        paths = []
        for i, share in enumerate(shares):
            paths.append(self.path(f"share{i}.result"))
            self.succeed("analyze", *inputs, *options, "--pair-groups", share, "--save", paths[-1], "--quiet")
        return paths

    def test_pair_groups_in_pieces_are_one_run_to_the_bit(self):
        numpy.save(self.input, self.random.normal(0.5, 1, size=(30, 96)).astype("float32"))
        model = self.write("model.safetensors", safetensors({f"layers.{k}.qkv": self.values + k for k in (2, 10)}))
        for inputs, options, pieces in (
                ([self.input], ["--groups", "F=96", "--heads", "F=12"], 7),
                ([self.input], ["--metrics", "pearson,spearman", "--bins", 7, *self.TARGETS], 6),
                ([model], ["--tensor", "layers.*.qkv", "--heads", "Q=2,K=2,V=1"], 15)):
            shares = [f"{k}/{pieces}" for k in range(pieces, 0, -1)]
            result = self.merge(*self.pair_groups(inputs, options, *shares))
            self.assert_same(result, *inputs, *options)
            self.succeed("analyze", *inputs, *options, "--save", self.path("one.result"), "--quiet")
            self.assertEqual(self.content(result), self.content(self.path("one.result")))

    def test_named_pair_groups_merge_and_what_was_merged_merges_again(self):
        first, second, third = self.pair_groups([self.input], [], "V-V", "K-Q,Q-Q", "K-K,V-Q,K-V")
        os.rename(self.merge(first, second), self.path("some.result"))
        self.assert_same(self.path("some.result"), self.input, "--pair-groups", "Q-Q,Q-K,V-V")
        self.assert_same(self.merge(third, self.path("some.result")), self.input)

    @staticmethod
    def bytes_in_memory(path):
        """Of a file: what the system has read of it."""
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as mapping:
            pages = ctypes.create_string_buffer(-(-len(mapping) // mmap.PAGESIZE))
            first = ctypes.c_char.from_buffer(mapping)
            failed = ctypes.CDLL(None).mincore(ctypes.c_void_p(ctypes.addressof(first)),
                                               ctypes.c_size_t(len(mapping)), pages)
            del first
            return 0 if failed else mmap.PAGESIZE * sum(page & 1 for page in pages.raw)

    def test_a_piece_reads_little_of_files_that_it_wants_nothing_of(self):
        inputs = [self.path(f"group{k}.npy") for k in range(4)]
        for path in inputs:
            numpy.save(path, self.random.normal(size=(512, 1024)).astype("float32"))
            with open(path, "rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        if any(map(self.bytes_in_memory, inputs)):
            self.skipTest("files of this folder stay in memory")
        self.succeed("analyze", *inputs, "--parts", "--groups", "F=4096", "--heads", "F=4", "--pair-groups", "F1-F1",
                     "--quiet")
        read = [self.bytes_in_memory(path) for path in inputs]
        self.assertGreaterEqual(read.pop(1), 512 * 1024 * 4)
        for size in read:  # the first page, and eight rows of 4 KB, each in two pages
            self.assertLessEqual(size, 17 * mmap.PAGESIZE)

    def test_pieces_of_pair_groups_that_do_not_belong_together_are_named(self):
        output = ["--output", self.path("x.result")]
        a, b, both = self.pair_groups([self.input], [], "1/2", "2/2", "Q-Q,V-V")
        copied = self.write("copy.result", self.content(a))
        text = self.refused("merge", a, b, copied, *output, says="pieces overlap: pair group Q-Q is in ")
        self.assertIn(f"{a} and in {copied}", text)
        self.refused("merge", b, both, *output, says="pieces overlap: pair group V-V")
        os.rename(a, self.path("a.result"))
        a = self.path("a.result")
        other, = self.pair_groups([self.input], ["--bins", 9], "2/2")
        self.refused("merge", a, other, *output, says=f"--bins=9 in {other}")
        moved = self.path("moved.npy")
        numpy.save(moved, self.values + 1)
        other, = self.pair_groups([moved], [], "2/2")
        text = self.refused("merge", a, other, *output, says="fingerprint")
        self.assertIn(f"piece 1 is {other}", text)
        base, = self.pieces([self.input], ["--pair-groups", "Q-Q"], ["--permutations"], [(0, 5)])
        os.rename(base, self.path("base.result"))
        next_of_other, = self.pieces([self.input], ["--pair-groups", "V-V"], ["--permutations"], [(5, 9)])
        self.refused("merge", self.path("base.result"), next_of_other, *output, says="--pair-groups of ")
        self.assertFalse(os.path.exists(self.path("x.result")))

    def test_wrong_usage_of_pieces_of_pair_groups(self):
        for share, options, says in (
                ("0/3", [], "from 1/N to N/N: 0/3"), ("4/3", [], "from 1/N to N/N: 4/3"),
                ("1/0", [], "from 1/N to N/N"), ("1/99999999999999999999", [], "from 1/N to N/N"),
                ("1/7", [], "no more pieces than pair groups, 6: --pair-groups 1/7"),
                ("1/", [], "names no pair group: '1/'"), ("/3", [], "names no pair group"),
                ("1/3/4", [], "names no pair group"), ("1/3,2/3", [], "names no pair group"),
                ("1/3", ["--permutations", 9], "without --permutations, --compare and --interval"),
                ("1/3", ["--interval", "jackknife"], "without --permutations"),
                ("1/3", [*self.TARGETS, "--compare", 9], "without --permutations")):
            self.refused("analyze", self.input, "--pair-groups", share, *options, status=2, says=says)

    def test_pairs_are_found_in_pieces_too(self):
        found = []
        for k in range(1, 4):
            document = json.loads(self.succeed("pairs", self.input, "--threshold", 0, "--pair-groups", f"{k}/3",
                                               "--json", "-"))
            found += [(pair["i"], pair["j"], pair["value"]) for pair in document["layers"][0]["pairs"]]
        whole = json.loads(self.succeed("pairs", self.input, "--threshold", 0, "--json", "-"))["layers"][0]["pairs"]
        self.assertEqual(sorted(found), sorted((pair["i"], pair["j"], pair["value"]) for pair in whole))

    def test_a_full_disk_leaves_no_result(self):
        def full():
            resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
        output = self.path("x.result")
        result = self.run_program("analyze", self.input, "--permutations", 3, "--save", output, preexec_fn=full,
                                  env=self.uncounted())
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"File too large", result.stderr)
        self.assertFalse(os.path.exists(output))
        self.refused("analyze", self.input, "--save", "/dev/full", says="No space left on device")


class HostileResults(Corpus):
    def setUp(self):
        super().setUp()
        self.path_of_good = self.path("good.result")
        self.succeed("analyze", self.input, "--targets", "0-14", "--permutations", 3, "--compare", 3, "--interval",
                     "jackknife", "--save", self.path_of_good, "--quiet", "--metrics", "pearson", "--bins", 4)
        self.good = self.content(self.path_of_good)

    def refuse(self, content):
        path = self.write("hostile.result", content)
        self.refused("analyze", path)
        result = self.run_program("merge", path, self.path_of_good, "--output", self.path("out"))
        self.assertEqual(result.returncode, 1)

    def test_another_version(self):
        path = self.write("hostile.result", self.good[:8] + b"\2" + self.good[9:])
        for command in (["analyze", path], ["merge", path, "--output", self.path("out")]):
            self.refused(*command, says="version 2 of the format, this program reads 1")

    def test_cut_short_or_changed(self):
        source = random.Random(6)
        for size in (31, 40, len(self.good) // 3, len(self.good) - 1):
            self.refuse(self.good[:size])
        for _ in range(60):
            changed = bytearray(self.good)
            changed[source.randrange(8, len(self.good))] ^= 1 << source.randrange(8)
            self.refuse(bytes(changed))

    def test_tables_that_lie(self):
        table, results = read_container.read(self.good)

        def refuse(change):
            changed = copy.deepcopy(table)
            change(changed)
            path = self.write("hostile.result", read_container.write(changed, results))
            result = self.run_program("analyze", path)
            self.assertIn(result.returncode, (1, 2), change)
            self.assertTrue(result.stderr.startswith(b"qkvsim: "))
        layer, condition = lambda t: t["layers"][0], lambda t: t["layers"][0]["conditions"][0]
        for words in (["--help"], ["--version"], ["-h"], ["--bins=5"], ["--metrics=cosine"], ["x.npy"], ["--bins"],
                      ["--pair-groups=X"], ["--contrast=Q-Q,X"], ["--contrast=Q-Q"],
                      ["--statistic=tail"] * 2 + ["--nonsense"], [3], 3, ["--"]):
            refuse(lambda t, words=words: t.update(arguments=words if words == 3 else t["arguments"] + words)
                   if words not in (["--"], ["x.npy"]) else t.update(arguments=words, inputs=[]))
        refuse(lambda t: t.update(arguments=[]))
        victim = self.write("victim", b"precious")
        refuse(lambda t: t["arguments"].append("--save=" + victim))
        for output in ("json", "csv", "figure", "output"):
            self.write("sly.result", read_container.write({**table, "arguments": [*table["arguments"], f"--{output}="
                                                                                  + victim]}, results))
            self.run_program("analyze", self.path("sly.result"), "--quiet")
        self.assertEqual(self.content(victim), b"precious")
        for change in (
                lambda t: t.pop("made"), lambda t: t["made"].update(permutations=-1),
                lambda t: t["made"].update(permutations=0), lambda t: t["made"].update(compare=0),
                lambda t: t["made"].update(first="0"), lambda t: t["made"].update(pair_groups=3),
                lambda t: t["made"].update(pair_groups=[]), lambda t: t["made"].update(pair_groups=[6]),
                lambda t: t["made"].update(pair_groups=[2, 1]), lambda t: t["made"].update(pair_groups=[-1]),
                lambda t: t["made"].update(pair_groups=[2**40]), lambda t: t.pop("inputs"), lambda t: t.pop("layers"),
                lambda t: t.update(layers=[]), lambda t: t.update(layers=t["layers"] * 2),
                lambda t: layer(t).pop("name"), lambda t: layer(t)["input"].update(features=11),
                lambda t: layer(t)["input"].update(observations=0), lambda t: layer(t)["input"]["parts"].pop(),
                lambda t: layer(t)["input"]["parts"][0].update(features=11),
                lambda t: layer(t)["input"]["parts"][0].update(file=None),
                lambda t: layer(t)["conditions"].pop(), lambda t: layer(t).update(conditions=[]),
                lambda t: layer(t)["conditions"].append(condition(t)), lambda t: condition(t).update(baseline=None),
                lambda t: condition(t).update(baseline=0), lambda t: condition(t).update(baseline=99),
                lambda t: condition(t).update(baseline=2**62), lambda t: condition(t).update(intervals=-1),
                lambda t: condition(t).update(analysis=0), lambda t: layer(t).update(comparison=1),
                lambda t: layer(t).update(comparison=None), lambda t: layer(t).update(selection_contrast=True),
                lambda t: layer(t).pop("warnings"), lambda t: layer(t).update(warnings=[3]),
                lambda t: layer(t).update(warnings=[{"code": "x"}])):
            refuse(change)
        path = self.path("some.result")
        self.succeed("analyze", self.input, "--pair-groups", "Q-K", "--save", path, "--quiet")
        some, of_some = read_container.read(self.content(path))
        for numbers in ([0], [1, 2], None):  # of rows that were not computed
            some["made"]["pair_groups"] = numbers
            self.write("hostile.result", read_container.write(some, of_some))
            self.refused("analyze", self.path("hostile.result"), says="an analysis is of other options")
        sly = copy.deepcopy(table)
        layer(sly)["warnings"] = [{"code": "x", "text": "\x1b[31mred", "in_table": True}] * 99
        layer(sly)["name"] = "\x1b]0;title\x07"
        path = self.write("hostile.result", read_container.write(sly, results))
        self.assertNotIn("\x1b", self.succeed("analyze", path))


class Progress(Corpus):
    def lines(self, *arguments):
        result = self.run_program(*arguments, "--progress", "json")
        self.assertEqual(result.returncode, 0, result.stderr)
        return [json.loads(line) for line in result.stderr.decode().splitlines()]

    def test_a_log_counts_shards(self):
        *_, last = self.lines("accumulate", *self.shards, "--output", self.state)
        self.assertEqual(last.keys(), {"done", "total", "shard", "seconds", "seconds_left"})
        self.assertEqual((last["done"], last["total"], last["shard"], last["seconds_left"]),
                         (self.SHARDS, self.SHARDS, self.shards[-1], 0))
        self.shard("s9.npy", self.arrays[0] + 1)
        *_, last = self.lines("accumulate", self.path("corpus"), "--output", self.state, "--resume")
        self.assertEqual((last["done"], last["total"]), (self.SHARDS + 1, self.SHARDS + 1))

    def test_a_log_has_the_share_of_other_work(self):
        *_, last = self.lines("analyze", self.input, "--permutations", 20, "--quiet")
        self.assertEqual(last.keys(), {"done", "total", "what", "seconds", "seconds_left"})
        self.assertEqual((last["done"], last["total"]), (1, 1))

    def test_long_work_has_a_line_a_second(self):
        numpy.save(self.input, self.random.normal(size=(600, 300)).astype("float32"))
        command = [test_program.PROGRAM, "analyze", self.input, "--permutations", "100000",
                   "--progress", "json"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as work:
            first, second = (json.loads(work.stderr.readline()) for _ in range(2))
            work.kill()
        self.assertLess(first["done"], second["done"])
        self.assertLess(second["done"], 1)
        self.assertGreater(second["seconds"] - first["seconds"], 0.9)
        self.assertGreater(first["seconds_left"], 0)


if __name__ == "__main__":
    test_program.PROGRAM, test_program.DATA = sys.argv.pop(1), sys.argv.pop(1)
    unittest.main()
