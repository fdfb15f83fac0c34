"""How time is taken: as bench/timing.c does. Two ways run in alternating stretches of calls with a
pause before each, and what counts is the ratio of the medians.

The pause is longer than a thread pool spins after its work (OpenBLAS's: about 0.1 s), so neither side
runs beside the other's idle threads. The first calls of a stretch are dropped: they find cold caches
and sleeping threads."""
import gc
import statistics
import time
from dataclasses import dataclass

PAUSE = 0.25
SHORTEST = 0.002  # what one sample should take at least: shorter calls are timed in batches
clock = time.perf_counter  # or time.process_time, of ways with one thread beside other work
LONG = 0.4        # calls this long warm up by themselves: fewer of them make a stretch


@dataclass
class Plan:
    stretches: int
    calls: int
    dropped: int

    @classmethod
    def of(cls, quick):
        return cls(2, 3, 1) if quick else cls(5, 7, 2)


def one_call(call):
    start = clock()
    call()
    return clock() - start


class Side:
    """One of the two ways; remembers the seconds of its calls."""

    def __init__(self, call, plan):
        self.call, self.plan = call, plan
        call()
        once = min(one_call(call), one_call(call))
        self.batch = max(1, round(SHORTEST / once))
        self.calls, self.dropped = (3, 1) if once > LONG else (plan.calls, plan.dropped)
        self.seconds, self.stretches = [], []

    def sample(self):
        start = clock()
        for _ in range(self.batch):
            self.call()
        return (clock() - start) / self.batch

    def keep(self, samples):
        self.seconds += samples[self.dropped:]
        self.stretches.append(statistics.median(samples[self.dropped:]))


def run_stretch(sides):
    """Sides of one stretch take turns sample by sample: for a difference smaller than what a machine's speed
    changes from stretch to stretch."""
    time.sleep(PAUSE)
    samples = [[side.sample() for side in sides] for _ in range(sides[0].calls)]
    for side, of_side in zip(sides, zip(*samples)):
        side.keep(of_side)


def run_stretches(groups, plan):
    gc.disable()
    for _ in range(plan.stretches):
        for sides in groups:
            run_stretch(sides)
    gc.enable()


def side_by_side(ours, theirs, plan):
    """Milliseconds of both, how many times faster ours is, and that ratio's spread over stretches."""
    sides = [Side(ours, plan), Side(theirs, plan)]
    run_stretches([[side] for side in sides], plan)
    medians = [statistics.median(side.seconds) for side in sides]
    ratios = [b / a for a, b in zip(sides[0].stretches, sides[1].stretches)]
    return {"qkvsim_ms": 1e3 * medians[0], "ms": 1e3 * medians[1],
            "times_faster": medians[1] / medians[0], "low": min(ratios), "high": max(ratios)}


def quick_median(call, calls=5):
    """For choosing between variants of one way."""
    call()
    time.sleep(PAUSE)
    return statistics.median(one_call(call) for _ in range(calls))
