"""A signal, or a failure, at every place of a run: nothing is lost, and what is said is true.

Usage: test_program_faults.py path/to/qkvsim_with_faults path/to/examples/data
"""
import os
import signal
import sys
import unittest

import test_program
from test_program import safetensors
from test_program_corpus import Corpus

FAILS = 0


class Faults(Corpus):
    SHARDS = 3

    def with_fault(self, kind, number, what, *arguments):
        """The name of the n-th call of a kind, None where there are fewer, and what came of a fault in it."""
        self.write("struck", b"")
        result = self.run_program(*arguments, env={
            **self.uncounted(), "QKVSIM_TEST_FAULT": f"{kind} {number} {what}",
            "QKVSIM_TEST_STRUCK": self.path("struck"), "ASAN_OPTIONS": "detect_leaks=0"})
        return self.content(self.path("struck")).decode() or None, result

    def at_every_call(self, kind, what, *arguments, all_before=sys.maxsize):
        """Runs with a fault at the first call, at the second, ... to the last; of those behind so many, at some."""
        number = 1
        while True:
            name, result = self.with_fault(kind, number, what, *arguments)
            if name is None:
                break
            self.place = f"{what} at {name}, {number} of {kind}: {result.stderr.decode()}"
            yield name, result
            number += 1 + max(0, number - all_before) // 4
        self.assertGreater(number, 1)

    def assert_says(self, result, says=".*"):
        """One line of the program's, and the status of a failure."""
        self.assertEqual(result.returncode, 1, self.place)
        self.assertRegex(result.stderr.decode(), rf"\Aqkvsim: {says}[^\n]*\n\Z", self.place)


class Shards(Faults):
    """Each of two layers, and of targets and the others."""

    def setUp(self):
        super().setUp()
        self.shards = []
        for i, values in enumerate(self.arrays):
            path = self.path(f"corpus/s{i}.safetensors")
            with open(path, "wb") as file:
                file.write(safetensors({f"layer.{k}": values + k for k in range(2)}))
            self.shards.append(path)
        self.options = [*self.shards, "--tensor", "layer.*", "--targets", "0-9"]

    def in_part(self):
        part = self.state + ".part"
        return len(self.table(part)["shards"]) if os.path.exists(part) else 0

    def at_every_call_of_a_run(self, kind, what, *options):
        """Each run is gone on with, to the bits of the run that nothing happened to."""
        expected = self.accumulate(*self.options, *options)
        os.unlink(self.state)
        for name, result in self.at_every_call(kind, what, "accumulate", *self.options, *options,
                                               "--output", self.state):
            yield name, result
            self.assertEqual(self.accumulate(*self.options, *options, "--resume"), expected)
            os.unlink(self.state)

    def test_a_signal_loses_no_shard(self):
        """Whichever condition of whichever layer is in: the shard is finished, or left out where none is."""
        for options in ([], ["--checkpoint", "0"]):
            updates = 0
            for name, result in self.at_every_call_of_a_run("sums", int(signal.SIGTERM), *options):
                done = -(-updates // 4)
                says = rf"interrupted \({done} shards? (is|are) in " if done > 0 else "interrupted(?=\n)"
                self.assert_says(result, says)
                self.assertEqual(self.in_part(), done)
                self.assertEqual(self.left_behind(), [])
                updates += name == "qkvsim_accumulator_update"
            self.assertEqual(updates, 4 * self.SHARDS)

    def test_a_signal_loses_no_shard_with_blocks(self):
        kept = [0]
        for _, result in self.at_every_call_of_a_run("sums", int(signal.SIGTERM), "--blocks", "16"):
            self.assert_says(result, "interrupted")
            kept.append(self.in_part())
        self.assertEqual(kept, sorted(kept))
        self.assertEqual(set(kept), set(range(self.SHARDS + 1)))

    def test_what_fails_loses_no_shard(self):
        for kind, options in (("sums", []), ("sums", ["--blocks", "16"]), ("files", ["--checkpoint", "0"])):
            for _, result in self.at_every_call_of_a_run(kind, FAILS, *options):
                if result.returncode != 0 or kind == "sums":  # a shard need not be asked for ahead
                    self.assert_says(result)
                self.assertEqual(self.left_behind(), [])

    def test_a_kill_loses_no_shard_that_was_written(self):
        for kind in ("sums", "files"):
            for _, result in self.at_every_call_of_a_run(kind, int(signal.SIGKILL), "--checkpoint", "0"):
                self.assertEqual(result.returncode, -signal.SIGKILL)


class Commands(Faults):
    """Whatever fails, the program says so in one line, or does without it and all comes out as it should."""

    def outputs(self):
        return {name: self.content(self.path(name)) for name in sorted(os.listdir(self.folder.name))
                if name.startswith("out.")}

    def clear(self):
        for name in self.outputs():
            os.unlink(self.path(name))

    def assert_every_failure_is_told(self, *arguments):
        printed, made = self.succeed(*arguments), self.outputs()
        for kind in ("memory", "files"):
            self.clear()
            for _, result in self.at_every_call(kind, FAILS, *arguments, all_before=200):
                if result.returncode == 0:
                    self.assertTrue((result.stdout.decode(), self.outputs()) == (printed, made), self.place)
                else:
                    self.assert_says(result)
                self.assertEqual(self.left_behind(), [])
                self.clear()

    def test_analyze(self):
        outputs = [x for name in ("json", "csv", "figure") for x in
                   (f"--{name}", self.path("out." + {"figure": "svg"}.get(name, name)))]
        self.assert_every_failure_is_told("analyze", self.input, *outputs, "--save", self.path("out.result"),
                                          "--targets", "0-9", "--permutations", "5", "--interval", "jackknife",
                                          "--compare", "5")

    def test_pairs(self):
        self.assert_every_failure_is_told("pairs", self.input, "--top", "3", "--csv", self.path("out.csv"))

    def test_matrix(self):
        self.assert_every_failure_is_told("matrix", self.input, "--output", self.path("out.npy"))

    def test_mask(self):
        self.assert_every_failure_is_told("mask", "--groups", "Q=3,K=3", "--output", self.path("out.npy"))

    def test_info(self):
        self.assert_every_failure_is_told("info", self.input, *self.shards)

    def test_info_of_what_is_stored(self):
        self.succeed("accumulate", *self.shards, "--output", self.state, "--quiet")
        self.succeed("analyze", self.input, "--pair-groups", "Q-K", "--save", self.path("a.result"), "--quiet")
        self.assert_every_failure_is_told("info", self.state, self.path("a.result"), "--quiet",
                                          "--json", self.path("out.json"))

    def test_accumulate(self):
        self.assert_every_failure_is_told("accumulate", self.path("corpus"), "--output", self.path("out.state"))

    def test_merge(self):
        for i, shard in enumerate(self.shards):
            self.accumulate(shard, output=self.path(f"{i}.state"))
        self.assert_every_failure_is_told("merge", *(self.path(f"{i}.state") for i in range(self.SHARDS)),
                                          "--output", self.path("out.state"))

    def test_a_merge_that_is_told_to_stop_leaves_nothing(self):
        states = [self.path(f"{i}.state") for i in range(self.SHARDS)]
        for shard, state in zip(self.shards, states):
            self.accumulate(shard, output=state)
        for name, result in self.at_every_call("sums", int(signal.SIGTERM), "merge", *states, "--output",
                                               self.path("out.state")):
            self.assert_says(result, "interrupted")
            self.assertEqual((self.outputs(), self.left_behind()), ({}, []))

    def test_merge_of_pieces(self):
        for i in range(2):
            self.succeed("analyze", self.input, "--permutations", "2", "--first", 2 * i, "--total", "4", "--save", self.path(f"{i}.result"),
                         "--quiet")
        self.assert_every_failure_is_told("merge", self.path("0.result"), self.path("1.result"), "--output",
                                          self.path("out.result"))


if __name__ == "__main__":
    test_program.PROGRAM, test_program.DATA = sys.argv.pop(1), sys.argv.pop(1)
    unittest.main()
