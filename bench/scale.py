#!/usr/bin/env python3
"""How far the work of one process divides: pieces are timed on this machine, and 1 to 4,096 ranks simulated from them.

    python3 bench/scale.py --program build/tools/qkvsim --json scale.json     measures, simulates
    python3 bench/scale.py --from-json scale.json --link 12.5e9               other bandwidths, the same pieces

A rank is a process of one thread. What is measured: CPU time of the program, the least of some runs in turns, over
two amounts of work, which give the cost of a start and that of a unit; bytes of states and results, and bytes read of
files that are not in memory; memory that is not a mapped file's. What is assumed: bandwidths. docs/scale.md says how to
read it. Takes minutes, 700 MB in TMPDIR, which is to be on a disk, and NumPy."""
import argparse
import functools
import json
import math
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

RANKS = (1, 16, 64, 256, 1024, 4096)
WIDE, NARROW, WIDE_ROWS, FEW_ROWS = 200_000, 27_648, 256, 8
WIDE_GROUPS = (40, 64, 80)
TOKENS, PERMUTATIONS = 10_000_000, 10_000


# ---- measuring ----

class Program:
    """Runs of the program, each by itself on one thread."""

    def __init__(self, path, repeats):
        self.path, self.repeats, self.mpirun = path, repeats, shutil.which("mpirun")
        self.blocks = 0  # that the last run read

    def run(self, *words):
        """CPU seconds, and the most bytes of memory of its own."""
        command = [self.path, *map(str, words)]
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMPI_ALLOW_RUN_AS_ROOT": "1",
                       "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
        own = 0
        while True:
            try:
                status = pathlib.Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
            except OSError:
                status = ""
            found = [line.split()[1] for line in status.splitlines() if line.startswith("RssAnon")]
            own = max([own, *(1024 * int(kilobytes) for kilobytes in found)])
            ended, code, used = os.wait4(process.pid, os.WNOHANG)
            if ended:
                process.returncode = os.waitstatus_to_exitcode(code)
                break
            time.sleep(0.005)
        if process.returncode != 0:
            sys.exit(f"scale.py: failed: {' '.join(command)}")
        self.blocks = used.ru_inblock
        return used.ru_utime + used.ru_stime, own

    def read_cold(self, paths, *words):
        """Bytes read from the disk by a run that finds nothing of these files in memory; 0 where they are on none."""
        for path in paths:
            with open(path, "rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        self.run(*words)
        return self.blocks * 512

    def run_ranks(self, ranks, *words):
        """CPU seconds of all ranks of the program's twin for MPI."""
        seconds, _ = Program(self.mpirun, 1).run("--oversubscribe", "-n", ranks, self.path + "-mpi", *words)
        return seconds

    def has_ranks(self):
        return self.mpirun is not None and pathlib.Path(self.path + "-mpi").exists()

    def least(self, commands):
        """The least CPU time of each command, all of them in turns; and the times of the last one."""
        times = [[self.run(*words)[0] for words in commands] for _ in range(self.repeats)]
        return [min(column) for column in zip(*times)], [row[-1] for row in times]


def line(points):
    """Intercept and slope through two points."""
    (x, y), (u, v) = points
    slope = (v - y) / (u - x)
    return max(0.0, y - slope * x), slope


def measure_stream(program, folder, numpy, features):
    """A shard costs so much, and a row of it so much more; a state is so large, and is merged at a cost."""
    rng = numpy.random.default_rng(1)
    times = {}
    for rows in (1024, 4096):
        for k in range(3):
            numpy.save(folder / f"s{rows}-{k}.npy", rng.standard_normal((rows, features), "float32") + 0.5)
        names = [folder / f"s{rows}-{k}.npy" for k in range(3)]
        quiet = ["--threads", 1, "--quiet", "--checkpoint", 100000]
        few, _ = program.least([["accumulate", *names[:n], "--output", folder / f"{n}.state", *quiet] for n in (1, 3)])
        times[rows] = line([(1, few[0]), (3, few[1])])
    states = []
    for k in range(3):
        states.append(folder / f"piece{k}.state")
        program.run("accumulate", folder / f"s1024-{k}.npy", "--output", states[-1], "--quiet", "--threads", 1)
    merges, _ = program.least([["merge", *states[:n], "--output", folder / "all.state", "--quiet"] for n in (1, 3)])
    _, memory = program.run("accumulate", folder / "s4096-0.npy", "--output", folder / "one.state", "--quiet",
                            "--threads", 1)
    shard, row = line([(1024, times[1024][1]), (4096, times[4096][1])])
    made = {"features": features, "row": row, "shard": shard, "start": times[1024][0],
            "bytes": states[0].stat().st_size, "merge": line([(1, merges[0]), (3, merges[1])])[1], "memory": memory}
    for path in folder.iterdir():
        path.unlink()
    return made


def measure_rows(program, folder, numpy, features=4608, shards=3, rows=4096):
    """What each rank does of every shard where each keeps rows of the moments: seconds a value."""
    rng = numpy.random.default_rng(4)
    names = [folder / f"s{k}.npy" for k in range(shards)]
    for name in names:
        numpy.save(name, rng.standard_normal((rows, features), "float32") + 0.5)
    least = {}
    for ranks in (2, 8) * program.repeats:
        seconds = program.run_ranks(ranks, "accumulate", *names, "--divide", "moments", "--output", folder / "m.state",
                                    "--quiet", "--threads", 1)
        (folder / "m.state").unlink()
        least[ranks] = min(seconds, least.get(ranks, seconds))
    for name in names:
        name.unlink()
    return line(sorted(least.items()))[1] / (shards * rows * features)


def measure_permutations(program, folder, numpy):
    path = folder / "layer.npy"
    numpy.save(path, numpy.random.default_rng(2).standard_normal((1024, 2304), "float32") + 0.5)

    def piece(name, first, count):
        return ["analyze", path, "--scheme", "feature", "--permutations", count, "--first", first, "--total", 100,
                "--save", folder / name, "--quiet", "--threads", 1]
    few, _ = program.least([piece("a", 0, 2), piece("b", 0, 14)])
    start, unit = line([(2, few[0]), (14, few[1])])
    fixed, each = line([(2, (folder / "a").stat().st_size), (14, (folder / "b").stat().st_size)])
    pieces = [piece(f"p{k}", 2 * k, 2) for k in range(6)]
    for words in pieces:
        program.run(*words)
    files = [folder / f"p{k}" for k in range(6)]
    program.run(*piece("long", 2, 14))
    merges, _ = program.least([["merge", *some, "--output", folder / "m", "--quiet"]
                               for some in (files[:2], files, [files[0], folder / "long"])])
    of_piece = line([(2, merges[0]), (6, merges[1])])[1]
    made = {"start": start, "unit": unit, "bytes": fixed, "bytes_each": each, "merge": of_piece,
            "merge_each": max(0.0, (merges[2] - merges[0]) / 12)}
    for name in folder.iterdir():
        name.unlink()
    return made


def save_wide(folder, numpy):
    rng = numpy.random.default_rng(3)
    for name, rows, features in (("wide.npy", WIDE_ROWS, WIDE), ("narrow.npy", WIDE_ROWS, NARROW),
                                 ("few.npy", FEW_ROWS, WIDE)):
        file = numpy.lib.format.open_memmap(folder / name, "w+", "float32", (rows, features))
        means = rng.standard_normal(features, "float32") / 2
        for row in file:
            row[:] = rng.standard_normal(features, "float32") + means
        file.flush()


def measure_joins(program, folder, piece, pair_groups):
    """What joining two results of so many takes, with packing the one that is sent, and their bytes. Both depend on the
    pair groups in them and not on rows, so that few will do. A join is what a third and a fourth add to a merge of two;
    packing half of what a larger one adds to a merge of it alone, which unpacks it, packs it and writes it twice: by
    perf, packing is a quarter of that."""
    numbers = [2 ** k for k in range(2, 11) if 2 ** k <= pair_groups]
    commands, sizes = [], []
    for ranks in numbers:
        files = [folder / f"{k}-of-{ranks}" for k in range(1, 5)]
        for k, file in enumerate(files):
            program.run(*piece(f"{k + 1}/{ranks}", file.name, "few.npy"))
        sizes.append(files[0].stat().st_size)
        commands += [["merge", *files[:n], "--output", folder / f"{n}-of-{ranks}.all", "--quiet"] for n in (1, 2, 4)]
    times, _ = program.least(commands)
    alone, two, four = times[0::3], times[1::3], times[2::3]
    joins = [(second - first) / 2 for first, second in zip(two, four)]
    a_byte = line([(sizes[4], alone[4]), (sizes[0], alone[0])])[1] / 2
    sizes.insert(0, (folder / f"2-of-{numbers[0]}.all").stat().st_size)
    fixed, of_bytes = line([(sizes[2], joins[1]), (sizes[1], joins[0])])
    joins.insert(0, fixed + of_bytes * sizes[0])
    return [{"ranks": ranks, "bytes": size, "merge": join + a_byte * size}
            for ranks, size, join in zip([2, *numbers], sizes, joins)]


def measure_rest(program, folder, groups, numpy):
    """Of a file for each group, what part is read of those that a piece wants nothing of."""
    whole, width = numpy.load(folder / "wide.npy", mmap_mode="r"), WIDE // groups
    paths = [folder / f"part{k:03}.npy" for k in range(groups)]
    for k, path in enumerate(paths):
        numpy.save(path, whole[:, k * width:(k + 1) * width])
    read = program.read_cold(paths, "analyze", *paths, "--parts", "--groups", f"F={WIDE}", "--heads", f"F={groups}",
                             "--pair-groups", "20/64", "--quiet", "--threads", 1)
    wanted, all_of_it = dealt(groups, 64)[19][1] / groups, 4 * WIDE_ROWS * WIDE
    for path in paths:
        path.unlink()
    return max(0.0, (read / all_of_it - wanted) / (1 - wanted)) if read > 0 else 1 / 8


def measure_wide(program, folder, numpy):
    save_wide(folder, numpy)
    made = {}
    for groups in WIDE_GROUPS:
        def piece(share, name, file="wide.npy", groups=groups):
            return ["analyze", folder / file, "--groups", f"F={WIDE}", "--heads", f"F={groups}",
                    "--pair-groups", share, "--save", folder / name, "--quiet", "--threads", 1]
        narrow = ["analyze", folder / "narrow.npy", "--groups", "thirds", "--quiet", "--threads", 1]
        few, spread = program.least([narrow, piece("200/400", "a"), piece("20/64", "b")])
        pairs = WIDE * WIDE / 2
        a, b = (dealt(groups, pieces)[k][0] * pairs for k, pieces in ((199, 400), (19, 64)))
        start, each = line([(a, few[1]), (b, few[2])])
        for k in range(1, 7):
            program.run(*piece(f"{k}/400", f"p{k}"))
        files = [folder / f"p{k}" for k in range(1, 7)]
        merges, _ = program.least([["merge", *files[:n], "--output", folder / "m", "--quiet"] for n in (2, 6)])
        made[groups] = {"start": start, "pair": each, "bytes": (folder / "b").stat().st_size,
                        "merge": line([(2, merges[0]), (6, merges[1])])[1],
                        "joins": measure_joins(program, folder, piece, groups * (groups + 1) // 2),
                        "rest": measure_rest(program, folder, groups, numpy),
                        "memory": program.run(*piece("20/64", "b"))[1], "spread": [t / few[2] for t in spread]}
        made["narrow_pair"] = few[0] / (NARROW * (NARROW - 1) / 2)
        made["narrow_memory"] = program.run(*narrow)[1]
    for name in folder.iterdir():
        name.unlink()
    return made


def measure(arguments):
    import numpy
    program = Program(arguments.program, arguments.repeats)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        found = {"start": program.least([["info"]])[0][0],
                 "stream": [measure_stream(program, folder, numpy, features) for features in (2304, 4608)],
                 "permutations": measure_permutations(program, folder, numpy),
                 "wide": measure_wide(program, folder, numpy)}
        if program.has_ranks():
            found["value_of_rows"] = measure_rows(program, folder, numpy)
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        found["processor"] = next(text.split(":")[1].strip() for text in file if text.startswith("model name"))
    return json.loads(json.dumps(found))  # keys are texts, as they are read


# ---- simulating ----

class Machines:
    """Bandwidths, in bytes a second, and by how much equal pieces differ in time."""

    def __init__(self, arguments, spread):
        self.link, self.files, self.shared = arguments.link, arguments.files, arguments.shared
        self.spread = spread

    def read(self, size, ranks):
        return size / min(self.files, self.shared / ranks)

    def slowest(self, units, unit, ranks):
        """The rank that is last, of whole units dealt evenly: each is as slow as a run that was measured."""
        if ranks == 1:
            return units * unit * sum(self.spread) / len(self.spread)
        return math.ceil(units / ranks) * unit * max(random.Random(ranks).choices(self.spread, k=ranks))

    def tree(self, size, merge, ranks):
        """Two and two together, by way of files."""
        return math.ceil(math.log2(ranks)) * (2 * size / self.files + merge)

    def ranks(self, size, merge, ranks):
        """Two and two together over the link, as ranks of qkvsim-mpi do."""
        return math.ceil(math.log2(ranks)) * (size / self.link + merge)

    def gather(self, size, merge, ranks):
        """One takes those of all others, one by one, over the link."""
        return (ranks - 1) * (size / self.link + merge)


# Each of these gives a function of the number of ranks: seconds of start, files, work and putting together.

def stream(found, machines, features, shard_rows, way):
    """Ten million rows. What grows with features^2 is taken from the wider of the two that were measured."""
    of = max(found["stream"], key=lambda one: one["features"])
    scale = (features / of["features"]) ** 2
    size, merge = of["bytes"] * scale, of["merge"] * scale
    shards, unit = TOKENS // shard_rows, of["row"] * scale * shard_rows + of["shard"] * scale

    def parts(ranks):
        share = math.ceil(shards / ranks) * shard_rows * 4 * features
        made = {"start": found["start"], "files": machines.read(share, ranks) + size / machines.files,
                "work": machines.slowest(shards, unit, ranks), "merge": 0}
        if ranks > 1 and way == "tree":
            made["merge"] = machines.tree(size, merge, ranks)
        elif ranks > 1 and way == "scatter":  # each receives its share of every other's sums
            made["merge"] = (ranks - 1) / ranks * (size / machines.link + merge)
        elif ranks > 1 and way == "rows":  # each reads all shards, and keeps and multiplies its rows of the moments
            made["files"] = machines.read(4 * TOKENS * features, ranks) + size / machines.files
            made["work"] += found["value_of_rows"] * TOKENS * features
            made["merge"] = size / machines.link
        elif ranks > 1:  # the sums of every shard go to rank 0, which adds them while the others go on
            taking = shards * (ranks - 1) / ranks * (size / machines.link + merge)
            made["merge"] = size / machines.link + merge + max(0, taking - made["work"] - made["files"])
        return made
    return parts


def permutations(found, machines, way):
    of = found["permutations"]

    def parts(ranks):
        size = of["bytes"] + math.ceil(PERMUTATIONS / ranks) * of["bytes_each"]
        return {"start": of["start"], "files": machines.read(4 * 1024 * 2304, ranks),
                "work": machines.slowest(PERMUTATIONS, of["unit"], ranks),
                "merge": (getattr(machines, way)(size, of["merge"], ranks) + PERMUTATIONS * of["merge_each"]
                          if ranks > 1 else 0)}
    return parts


@functools.lru_cache(maxsize=None)
def dealt(groups, ranks):
    """For each rank what part of all pairs it has, and how many groups it wants: pair groups along the curve of Morton,
    cut where each has its share, as qkvsim_layout_piece_pair_groups deals them."""
    def place(pair):
        return sum((pair[side] >> bit & 1) << (2 * bit + 1 - side) for bit in range(12) for side in (0, 1))
    pairs, wanted, before, all_of_them = [0] * ranks, [set() for _ in range(ranks)], 0, groups * groups
    for pair in sorted(((a, b) for a in range(groups) for b in range(a, groups)), key=place):
        halves = 1 if pair[0] == pair[1] else 2
        rank = min(ranks - 1, (2 * before + halves) * ranks // (2 * all_of_them))
        pairs[rank] += halves
        wanted[rank].update(pair)
        before += halves
    return [(share / all_of_them, len(of)) for share, of in zip(pairs, wanted)]


def wide(found, machines, groups, way, a_file_each=False):
    """200,000 features. Of one file all is read, for what is wanted lies in every row; of a file for each group those
    that a piece wants, and of the others what was measured."""
    of, pair_groups = found["wide"][str(groups)], groups * (groups + 1) // 2
    work = of["pair"] * WIDE * WIDE / 2

    def put_together(ranks):
        joins = of["joins"][:math.ceil(math.log2(ranks))]
        if way == "gather":  # one after the other, at the one that takes them
            return (ranks - 1) * (joins[-1]["bytes"] / machines.link + of["merge"])
        if way == "tree":  # by way of files
            return sum(found["start"] + 2 * one["bytes"] / machines.files + one["merge"] for one in joins)
        return sum(one["bytes"] / machines.link + one["merge"] for one in joins)

    def parts(ranks):
        if ranks > pair_groups or ranks > 2 ** len(of["joins"]):
            return {"work": math.inf}
        shares = dealt(groups, ranks)
        wanted = max(count for _, count in shares) / groups if a_file_each else 1
        return {"start": of["start"],
                "files": machines.read(4 * WIDE_ROWS * WIDE * (wanted + (1 - wanted) * of["rest"]), ranks),
                "work": machines.slowest(1, work * max(share for share, _ in shares) if ranks > 1 else work, ranks),
                "merge": put_together(ranks) if ranks > 1 else 0}
    return parts


def efficiency(parts, ranks):
    return sum(parts(1).values()) / (ranks * sum(parts(ranks).values()))


def reach(parts, least):
    """The most ranks whose efficiency is at least so much, in steps of a fifth."""
    numbers = sorted({round(2 ** (k / 4)) for k in range(4 * 13 + 1)})
    return max(ranks for ranks in numbers if efficiency(parts, ranks) >= least)


def cases(found, machines):
    rows = {"stream, d = 27,648, each rank its rows of the moments": stream(found, machines, 27648, 4096, "rows")}
    return {
        "stream, d = 2,304, shards of 4,096 rows, states in a tree": stream(found, machines, 2304, 4096, "tree"),
        "stream, d = 2,304, shards of 4,096 rows, each to rank 0": stream(found, machines, 2304, 4096, "mpi"),
        "stream, d = 2,304, shards of 32,768 rows, each to rank 0": stream(found, machines, 2304, 32768, "mpi"),
        "stream, d = 27,648, shards of 4,096 rows, states in a tree": stream(found, machines, 27648, 4096, "tree"),
        "stream, d = 27,648, shards of 4,096 rows, reduce-scatter": stream(found, machines, 27648, 4096, "scatter"),
        **(rows if "value_of_rows" in found else {}),
        "permutations, one merge": permutations(found, machines, "gather"),
        "permutations, merges in a tree": permutations(found, machines, "tree"),
        "permutations, qkvsim-mpi": permutations(found, machines, "ranks"),
        "wide, 40 groups, one merge": wide(found, machines, 40, "gather"),
        "wide, 40 groups, merges in a tree": wide(found, machines, 40, "tree"),
        "wide, 40 groups, qkvsim-mpi": wide(found, machines, 40, "ranks"),
        "wide, 40 groups in files of their own, qkvsim-mpi": wide(found, machines, 40, "ranks", True),
        "wide, 64 groups in files of their own, qkvsim-mpi": wide(found, machines, 64, "ranks", True),
        "wide, 80 groups in files of their own, qkvsim-mpi": wide(found, machines, 80, "ranks", True),
    }


# ---- saying ----

def print_measured(found):
    print(f"Measured on {found['processor']}, CPU seconds of one thread:\n")
    print(f"- start of the program: {found['start']:.3f}")
    for of in found["stream"]:
        d = of["features"]
        print(f"- stream, d = {d}: {1e6 * of['row']:.1f} us a row ({of['row'] / d ** 2 * 1e12:.2f} ps a row and entry of "
              f"d^2), {of['shard']:.3f} a shard, {of['bytes'] / 1e6:.1f} MB a state, {of['merge']:.3f} to merge one, "
              f"{of['memory'] / 1e6:.0f} MB of memory ({of['memory'] / (4 * d ** 2):.2f} states)")
    if "value_of_rows" in found:
        print(f"- each rank its rows of the moments: {1e9 * found['value_of_rows']:.2f} ns for every value of every shard")
    of = found["permutations"]
    print(f"- permutations: {of['start']:.3f} a piece, {of['unit']:.4f} each; {of['bytes'] / 1e3:.0f} kB a piece and "
          f"{of['bytes_each']:.0f} bytes each; merging {1e3 * of['merge']:.2f} ms a piece, {1e6 * of['merge_each']:.0f} us "
          "each")
    for groups in map(str, WIDE_GROUPS):
        of = found["wide"][groups]
        joins = {one["ranks"]: one for one in of["joins"]}
        print(f"- wide, {groups} groups: {of['start']:.3f} a piece, {1e9 * of['pair']:.3f} ns a pair "
              f"({of['pair'] / found['wide']['narrow_pair']:.3f} x that of d = {NARROW}); {of['bytes'] / 1e6:.2f} MB a "
              f"result of 64, two of them joined in {1e3 * joins[64]['merge']:.1f} ms; {joins[2]['bytes'] / 1e6:.2f} MB a "
              f"half, {1e3 * joins[2]['merge']:.1f} ms; one of 400 added in {1e3 * of['merge']:.1f} ms; "
              f"{of['memory'] / 1e6:.0f} MB of memory; {100 * of['rest']:.1f} % read of files of which nothing is wanted")
    print(f"- d = {NARROW} whole: {1e9 * found['wide']['narrow_pair']:.3f} ns a pair, "
          f"{found['wide']['narrow_memory'] / 1e6:.0f} MB of memory\n")


def print_simulated(found, arguments):
    spread = [time for groups in map(str, WIDE_GROUPS) for time in found["wide"][groups]["spread"]]
    print(f"Simulated, with a link of {arguments.link / 1e9:g} GB/s, files at {arguments.files / 1e9:g} GB/s for a rank "
          f"and {arguments.shared / 1e9:g} GB/s for all, and ranks up to {100 * max(spread) - 100:.0f} % slower than the "
          "fastest:\n")
    of_work = cases(found, Machines(arguments, spread))
    print("| work | on one | " + " | ".join(f"{ranks:,}" for ranks in RANKS[1:]) + " | 90 % up to | 50 % up to |")
    print("|---|---|" + "---|" * (len(RANKS) + 1))
    for name, parts in of_work.items():
        shown = [efficiency(parts, ranks) for ranks in RANKS[1:]]
        print(f"| {name} | {sum(parts(1).values()):,.0f} s | "
              + " | ".join("-" if share == 0 else f"{100 * share:.0f} %" for share in shown)
              + f" | {reach(parts, 0.9):,} | {reach(parts, 0.5):,} |")
    print("\nSeconds of 64 ranks:\n\n| work | start | files | work | putting together |\n|---|---|---|---|---|")
    for name, parts in of_work.items():
        print(f"| {name} | " + " | ".join(f"{seconds:.2f}" for seconds in parts(64).values()) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="build/tools/qkvsim")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each, of which the fastest counts")
    parser.add_argument("--json", help="writes what was measured")
    parser.add_argument("--from-json", help="measures nothing: reads what was")
    parser.add_argument("--link", type=float, default=1.25e9, help="bytes a second between two ranks; default 10 Gbit/s")
    parser.add_argument("--files", type=float, default=1e9, help="that a rank reads; default 1 GB/s")
    parser.add_argument("--shared", type=float, default=50e9, help="that all ranks read together; default 50 GB/s")
    arguments = parser.parse_args()
    if arguments.from_json:
        found = json.loads(pathlib.Path(arguments.from_json).read_text(encoding="utf-8"))
    else:
        found = measure(arguments)
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print_measured(found)
    print_simulated(found, arguments)


if __name__ == "__main__":
    main()
