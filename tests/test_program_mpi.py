"""qkvsim-mpi: any number of ranks gives the bytes of the program without MPI, and a rank that fails ends the run.

Usage: test_program_mpi.py path/to/qkvsim path/to/qkvsim-mpi path/to/examples/data
"""
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

import test_program
from test_program import numpy, safetensors, unittest
from test_program_corpus import Corpus

MPI_PROGRAM = None
RANKS = (1, 2, 3, 4)
# More ranks than processors, as root, without ssh, in a container where processes cannot read each other.
ENVIRONMENT = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
                   OMPI_MCA_rmaps_base_oversubscribe="1", OMPI_MCA_hwloc_base_binding_policy="none",
                   OMPI_MCA_btl_vader_single_copy_mechanism="none", OMPI_MCA_plm_rsh_agent="false",
                   OMPI_MCA_btl="self,vader", OPENBLAS_NUM_THREADS="1",
                   HWLOC_HIDE_ERRORS="2")  # where there is no /sys, it says so on stderr
if "QKVSIM_TEST_SANITIZED" in os.environ:  # what Open MPI keeps to the end is not this program's
    ENVIRONMENT["ASAN_OPTIONS"] = ENVIRONMENT.get("ASAN_OPTIONS", "") + ":detect_leaks=0"


class Team(Corpus):
    """Corpora, and runs of several ranks."""

    def command(self, ranks, *arguments):
        return ["mpirun", "-n", str(ranks), MPI_PROGRAM, *map(str, arguments)]

    def environment(self):
        """Where a rank fails, mpirun kills the others at any moment: what a build that counts coverage has
        counted goes where it may be cut off."""
        return {**ENVIRONMENT, "GCOV_PREFIX": self.path("counts")}

    def run_ranks(self, ranks, *arguments, **options):
        return subprocess.run(self.command(ranks, *arguments), capture_output=True, timeout=300, check=False,
                              env=self.environment(), stdin=options.pop("stdin", subprocess.DEVNULL), **options)

    def succeed_with(self, ranks, *arguments, **options):
        result = self.run_ranks(ranks, *arguments, **options)
        self.assertEqual(result.returncode, 0, result.stderr.decode())
        return result.stdout.decode()

    def refused_by(self, ranks, *arguments, status=1, says=""):
        """One message, whatever the ranks are."""
        result = self.run_ranks(ranks, *arguments)
        text = result.stderr.decode()
        self.assertEqual(result.returncode, status, text)
        (line,) = [line for line in text.splitlines() if line.startswith("qkvsim: ")]
        self.assertIn(says, line)
        self.assertEqual(self.left_behind(), [])
        return line


class SameBytes(Team):
    def assert_same_state(self, *arguments, ranks=RANKS, more=()):
        expected = self.accumulate(*arguments)
        for count in ranks:
            output = self.path(f"ranks{count}.state")
            self.succeed_with(count, "accumulate", *arguments, *more, "--output", output)
            self.assertEqual(self.content(output), expected, (count, arguments))
            self.assertFalse(os.path.exists(output + ".part"))

    def assert_same_results(self, *arguments, ranks=RANKS, outputs=("save", "json", "csv")):
        def run(succeed):
            paths = [self.path("a." + output) for output in outputs]
            table = succeed("analyze", *arguments,
                            *[word for pair in zip(("--" + output for output in outputs), paths) for word in pair])
            return [table.splitlines(), *[self.content(path) for path in paths]]
        expected = run(self.succeed)
        for count in ranks:
            self.assertEqual(run(lambda *words, count=count: self.succeed_with(count, *words)), expected,
                             (count, arguments))

    def test_shards(self):
        self.assert_same_state(*self.shards)

    def test_shards_with_targets_and_blocks(self):
        self.assert_same_state(*self.shards, "--targets", "0,4-6", "--blocks", 16, ranks=(3,))

    def test_documents_within_shards(self):
        os.mkdir(self.path("segments"))
        for i in range(self.SHARDS):
            self.write(f"segments/s{i}.txt", b"".join(b"%d\n" % (k // 8) for k in range(30 + i)))
        self.assert_same_state(*self.shards, "--blocks", 16, "--segments", self.path("segments/*.txt"), ranks=(2, 4))

    def test_long_shards(self):
        shards = [self.shard(f"long{i}.npy", self.random.normal(size=(20000, 3)).astype("float32") + 3)
                  for i in range(5)]
        self.assert_same_state(*shards, ranks=(2, 3))

    def test_shards_of_layers(self):
        files = [self.write(f"corpus/t{i}.safetensors", safetensors(
            {f"layers.{k}.qkv": values * (k + 1) + k for k in (2, 10)})) for i, values in enumerate(self.arrays)]
        self.assert_same_state(*files, "--tensor", "layers.*.qkv", "--heads", "Q=2,K=1,V=1", ranks=(2, 3))

    def test_moments(self):
        self.assert_same_state(*self.shards, more=("--divide", "moments"))
        files = [self.write(f"corpus/t{i}.safetensors", safetensors(
            {f"layers.{k}.qkv": values * (k + 1) + k for k in (2, 10)})) for i, values in enumerate(self.arrays)]
        self.assert_same_state(*files, "--tensor", "layers.*.qkv", "--targets", "0,4-6", ranks=(3,),
                               more=("--divide", "moments", "--checkpoint", 0))

    def test_moments_of_wide_and_long_shards(self):
        shards = [self.shard(f"wide{i}.npy", self.random.normal(size=(40 + i, 4200)).astype("float32") + i)
                  for i in range(3)]
        self.assert_same_state(*shards, ranks=(2, 3), more=("--divide", "moments"))
        shards = [self.shard(f"long{i}.npy", self.random.normal(size=(20000, 6)).astype("float32") + 3)
                  for i in range(3)]
        self.assert_same_state(*shards, ranks=(2,), more=("--divide", "moments"))

    def test_a_list_that_only_the_first_rank_can_read(self):
        expected = self.accumulate(*self.shards)
        with open(self.write("list", "\n".join(self.shards).encode()), "rb") as names:
            self.succeed_with(3, "accumulate", "-", "--output", self.path("ranks.state"), stdin=names)
        self.assertEqual(self.content(self.path("ranks.state")), expected)

    def test_more_ranks_than_work(self):
        self.assert_same_state(self.shards[0], ranks=(4,))
        self.assert_same_results(self.input, "--permutations", 2, ranks=(4,))
        self.assert_same_results(self.input, "--pair-groups", "Q-K", ranks=(4,))

    def test_permutations(self):
        self.assert_same_results(self.input, "--permutations", 11, "--scheme", "feature", "--seed", 4)

    def test_all_different_permutations_where_there_are_few(self):
        numpy.save(self.input, self.values[:, :2])
        self.assert_same_results(self.input, "--groups", "A=1,B=1", "--scheme", "shift", "--permutations", 99,
                                 ranks=(2, 3))

    def test_pieces_of_permutations(self):
        self.assert_same_results(self.input, "--permutations", 11, "--first", 5, ranks=(2, 7))
        self.assert_same_results(self.input, "--permutations", 11, "--first", 5, "--total", 40, ranks=(3,))

    def test_relabellings_and_resamples(self):
        self.assert_same_results(self.input, "--targets", "0-14", "--compare", 7, "--interval", "bootstrap",
                                 "--resamples", 25, "--permutations", 5)

    def test_resamples_by_default(self):
        self.assert_same_results(self.input, "--interval", "bootstrap", ranks=(3,))

    def test_pair_groups(self):
        self.assert_same_results(self.input, "--metrics", "cosine,pearson,spearman")
        self.assert_same_results(self.input, "--heads", "Q=2,K=2,V=1", "--statistic", "pearson.mean_square",
                                 ranks=(2, 3))

    def test_layers(self):
        path = self.write("model.safetensors",
                          safetensors({f"layers.{k}.qkv": self.values * (k + 1) + k for k in range(5)}))
        self.assert_same_results(path, "--tensor", "layers.*.qkv", "--targets", "0-14", "--compare", 5,
                                 "--interval", "jackknife", "--permutations", 3)

    def test_what_cannot_be_divided(self):
        self.assert_same_results(self.input, "--permutations", 99, "--exceedances", 3, ranks=(2,))
        self.assert_same_results(self.input, "--interval", "jackknife", "--targets", "0-14", ranks=(3,))

    def test_a_figure_and_its_band(self):
        paths = [self.path("a.svg"), self.path("b.svg")]
        self.succeed("analyze", self.input, "--targets", "0-14", "--figure", paths[0])
        self.succeed_with(3, "analyze", self.input, "--targets", "0-14", "--figure", paths[1])
        self.assertEqual(*[re.sub(rb'id="[^"]*"|#[^"]*"', b"", self.content(path)) for path in paths])

    def test_states_and_other_commands_are_the_first_ranks(self):
        self.accumulate(*self.shards)
        for arguments in (["analyze", self.state, "--json", "-"], ["info", self.shards[0]], ["--version"],
                          ["pairs", self.input, "--top", 3], ["help", "merge"]):
            self.assertEqual(self.succeed_with(2, *arguments), self.succeed(*arguments), arguments)


class Failing(Team):
    def spoil_a_shard(self):
        """An infinity in the fifth; returns what it was."""
        good = self.content(self.shards[4])
        bad = self.arrays[4].copy()
        bad[3, 7] = numpy.inf
        numpy.save(self.shards[4], bad)
        return good

    def test_the_error_of_a_rank_is_told_and_the_run_goes_on_later(self):
        expected = self.accumulate(*self.shards)
        os.remove(self.state)
        good = self.spoil_a_shard()
        text = self.refused_by(3, "accumulate", *self.shards, "--output", self.state, says="rank 1: NaN or infinity")
        self.assertIn(self.shards[4], text)
        self.assertIn("(3 shards are in", text)
        self.assertFalse(os.path.exists(self.state))
        self.write("corpus/s4.npy", good)
        self.succeed_with(2, "accumulate", *self.shards, "--output", self.state, "--resume")
        self.assertEqual(self.content(self.state), expected)
        self.assertFalse(os.path.exists(self.state + ".part"))

    def test_moments_go_on_later_too(self):
        expected = self.accumulate(*self.shards)
        os.remove(self.state)
        good = self.spoil_a_shard()
        run = ["accumulate", *self.shards, "--output", self.state, "--checkpoint", 0, "--divide", "moments"]
        self.refused_by(3, *run, says="(4 shards are in")
        self.write("corpus/s4.npy", good)
        self.succeed_with(4, *run, "--resume")
        self.assertEqual(self.content(self.state), expected)
        self.succeed_with(2, *run, "--resume")
        self.assertEqual(self.content(self.state), expected)
        self.refused_by(2, *run[:-2], "--divide", "moments", "--blocks", 16, status=2, says="blocks are of shards")
        self.refused_by(2, "accumulate", *self.shards, "--divide", "moments", "--output", "/dev/full",
                        says="No space left on device")

    def test_bad_shards_are_named(self):
        for name, values, says in (("empty.npy", self.arrays[0][:0], "rank 1: empty array: %s"),
                                   ("narrow.npy", self.arrays[0][:, :11], "rank 1: columns differ: %s has 11"),
                                   ("wide.npy", self.arrays[0].astype("float64"), "rank 1: types differ: %s is float64"),
                                   ("copy.npy", self.arrays[0], "another name: %s holds what")):
            with self.subTest(name):
                path = self.shard(name, values)
                self.refused_by(2, "accumulate", self.shards[0], path, *self.shards[1:3], "--output", self.state,
                                says=says % path)
        path = self.write("corpus/short.npy", self.content(self.shards[0])[:-8])
        self.refused_by(2, "accumulate", self.shards[1], path, "--output", self.state, says="rank 1: ")
        self.refused_by(2, "accumulate", self.shards[1], self.path("none"), "--output", self.state, says="No such file")
        self.refused_by(2, "accumulate", self.shards[1], self.shards[1], "--output", self.state, says="stands twice")

    def test_analyses_fail_once(self):
        values = self.values.copy()
        values[3, 7] = numpy.nan
        numpy.save(self.input, values)
        self.refused_by(3, "analyze", self.input, "--permutations", 9, "--save", self.path("a"), says="row 3, column 7")
        path = self.write("model.safetensors", safetensors(
            {f"layers.{k}.qkv": values if k == 1 else self.values for k in range(3)}))
        text = self.refused_by(3, "analyze", path, "--tensor", "layers.*.qkv", "--save", self.path("a"),
                               says="rank 1: NaN or infinity")
        self.assertIn("layer 1", text)
        self.assertFalse(os.path.exists(self.path("a")))

    def test_a_rank_that_waits_for_one_that_failed_is_let_go(self):
        """Four pair groups, one of each rank: the last one's has the bad column, and rank 2 waits for it."""
        values = self.values.copy()
        values[3, -1] = numpy.nan
        numpy.save(self.input, values)
        self.refused_by(4, "analyze", self.input, "--pair-groups", "Q-Q,K-K,Q-K,V-V", "--save", self.path("a"),
                        says="rank 3: NaN or infinity")
        self.refused_by(7, "analyze", self.input, "--permutations", 40, "--save", self.path("a"), says="NaN or infinity")

    def test_wrong_usage_is_told_once(self):
        self.refused_by(3, "analyze", self.input, "--bins", 0, status=2, says="--bins wants")
        self.refused_by(2, "bench", status=2, says="not of qkvsim-mpi")

    def test_a_full_disk(self):
        self.refused_by(2, "accumulate", *self.shards, "--output", "/dev/full", says="No space left on device")
        self.refused_by(2, "analyze", self.input, "--permutations", 9, "--save", "/dev/full",
                        says="No space left on device")
        self.refused_by(2, "analyze", self.input, "--permutations", 9, "--save", self.path("none/a"), says="none")

    def test_no_room_for_temporary_files(self):
        """Moments of all ranks are put together in them, where they are larger than 16 MB."""
        shard = self.shard("wide.npy", self.random.normal(size=(5, 2100)).astype("float32"))
        result = self.run_ranks(2, "accumulate", shard, "--output", self.state, preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_FSIZE, (1 << 24, 1 << 24)))
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr.decode(), r"out of memory for \d+ second moments of 2100 features, "
                         r"or no room in \S+ \(TMPDIR names another folder\)")
        self.assertFalse(os.path.exists(self.state))

    def ranks_of(self, launcher):
        """The processes of a run, rank by rank."""
        with open(f"/proc/{launcher}/task/{launcher}/children", encoding="ascii") as children:
            return [int(child) for child in children.read().split()]

    def kill(self, work, rank):
        os.kill(self.ranks_of(work.pid)[rank], signal.SIGKILL)
        _, text = work.communicate(timeout=60)
        self.assertNotEqual(work.returncode, 0)
        self.assertIn(f"process rank {rank} ", text.decode())
        self.assertIn("signal 9", text.decode())

    def begin(self, *arguments):
        return subprocess.Popen(self.command(3, *arguments), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                env=self.environment())

    def test_a_rank_that_is_killed_ends_the_run(self):
        numpy.save(self.input, self.random.normal(size=(600, 300)).astype("float32"))
        for rank in (1, 0):
            with self.begin("analyze", self.input, "--permutations", 1000000, "--save", self.path("a.result"),
                            "--threads", 1, "--progress", "json") as work:
                work.stderr.readline()  # the log's first line: all ranks are at work
                self.kill(work, rank)
            self.assertFalse(os.path.exists(self.path("a.result")))
            self.assertEqual(self.left_behind(), [])

    def test_a_killed_corpus_goes_on_to_the_same_bits(self):
        expected = self.accumulate(*self.shards)
        os.remove(self.state)
        os.remove(self.shards[5])
        os.mkfifo(self.shards[5])  # its rank, 2, waits there for somebody to write
        with self.begin("accumulate", *self.shards, "--output", self.state, "--checkpoint", 0) as work:
            while not os.path.exists(self.state + ".part") or len(self.table(self.state + ".part")["shards"]) < 3:
                time.sleep(0.02)
            self.kill(work, 2)
        self.assertFalse(os.path.exists(self.state))
        os.remove(self.shards[5])
        numpy.save(self.shards[5], self.arrays[5])
        self.succeed_with(2, "accumulate", *self.shards, "--output", self.state, "--resume")
        self.assertEqual(self.content(self.state), expected)


class Watching(Team):
    def lines(self, *arguments):
        result = self.run_ranks(3, *arguments, "--progress", "json")
        self.assertEqual(result.returncode, 0, result.stderr)
        return [json.loads(line) for line in result.stderr.decode().splitlines()]

    def test_a_log_counts_the_shards_of_all_ranks(self):
        *_, last = self.lines("accumulate", *self.shards, "--output", self.state)
        self.assertEqual((last["done"], last["total"], last["shard"], last["seconds_left"]),
                         (self.SHARDS, self.SHARDS, self.shards[-1], 0))

    def test_a_log_has_the_share_of_all_ranks(self):
        numpy.save(self.input, self.random.normal(size=(600, 300)).astype("float32"))
        *lines, last = self.lines("analyze", self.input, "--permutations", 300, "--quiet", "--threads", 1)
        self.assertEqual((last["done"], last["total"]), (1, 1))
        shares = [line["done"] for line in lines]
        self.assertEqual(shares, sorted(shares))

    def test_a_bar_that_is_asked_for_is_drawn_where_nobody_is_seen_to_watch(self):
        numpy.save(self.input, self.random.normal(size=(600, 300)).astype("float32"))
        result = self.run_ranks(2, "analyze", self.input, "--permutations", 2000, "--threads", 1,
                                "--progress", "bar")
        self.assertIn(b"s left", result.stderr)


if __name__ == "__main__":
    test_program.PROGRAM, MPI_PROGRAM, test_program.DATA = (sys.argv.pop(1) for _ in range(3))
    if shutil.which("mpirun") is None:
        print("mpirun is missing: the tests of qkvsim-mpi are skipped")
        sys.exit(77)
    unittest.main()
