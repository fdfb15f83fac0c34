"""The notebook's way, the plain C call and the package's call, of one input, in one process and in turns.

How much faster C is than the notebook depends on the processors and on NumPy's version. How much of that the
package may lose does not: its fixed cost, and a share of what C takes."""
import statistics

from . import library, notebook, rows, timing
from .work import Work, compare_answers

MOST_OF_C = 1.02        # times as long as C,
MOST_BEYOND_C = 30e-6   # and so many seconds more
SAMPLES = 3  # of C and of the package, for each of the notebook: what lies between these two is small
SIZES = {row.name: row for row in rows.ROWS if row.way.key == "notebook"}


def threads_of(name, all_threads):
    return SIZES[name].threads(all_threads)


def measure(name, qkvsim, threads, quick):
    size, plan = SIZES[name], timing.Plan.of(quick)
    often = timing.Plan(plan.stretches, SAMPLES * plan.calls, plan.dropped)
    work = Work(size.n, size.d, threads)
    session = library.Session(qkvsim._library.library, work)
    way = rows.choose(notebook.variants(work), plan)[1]
    agreement = compare_answers(work, session.answer(), way.answer())
    sides = [timing.Side(way.call, plan), timing.Side(session.time_me, often),
             timing.Side(lambda: qkvsim.analyze(work.x, threads=threads), often)]
    timing.run_stretches([sides[:1], sides[1:]], plan)
    way, c, package = (statistics.median(side.seconds) for side in sides)
    at_most = MOST_OF_C * c + MOST_BEYOND_C
    return {"notebook": way, "c": c, "package": package, "agreement": agreement.text,
            "c_times_faster": way / c, "package_times_faster": way / package,
            "at_most": at_most, "met": agreement.close and package <= at_most}
