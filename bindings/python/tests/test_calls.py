"""Threads, forks, signals and callbacks."""
import gc
import os
import signal
import subprocess
import sys
import threading
import time

import numpy
import pytest

import qkvsim

FOLDER = os.path.dirname(qkvsim.__path__[0])


def large():
    return numpy.random.default_rng(1).normal(size=(2000, 6000)).astype("f4")


def test_progress_gets_done_and_total(x):
    seen = []
    qkvsim.analyze(large()[:, :3000], progress=lambda done, total: seen.append((done, total)))
    assert seen and all(0 <= done <= total for done, total in seen)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_what_a_callback_raises_comes_out_and_cancels():
    class Enough(Exception):
        pass

    calls = []

    def stop(done, total):
        calls.append(done)
        raise Enough("now")

    with pytest.raises(Enough, match="now"):
        qkvsim.analyze(large(), progress=stop)
    assert len(calls) == 1
    assert qkvsim.analyze(large()[:50, :12]).observations == 50


def test_a_callback_may_call_again(x):
    inner = []
    qkvsim.analyze(large()[:, :3000],
                   progress=lambda done, total: inner.append(qkvsim.analyze(x)))
    assert inner and all(result == qkvsim.analyze(x) for result in inner)


def test_a_bar_is_drawn(capfd):
    pytest.importorskip("tqdm")
    qkvsim.analyze(large()[:, :3000], progress=True)
    assert "%" in capfd.readouterr().err


@pytest.mark.parametrize("number, handler, raised", [
    (signal.SIGINT, None, KeyboardInterrupt), (signal.SIGALRM, "raise", TimeoutError)])
def test_a_signal_cancels_and_is_raised_again(number, handler, raised):
    def late(number, frame):
        raise TimeoutError("late")

    # What runs in the background is begun with SIGINT ignored.
    mine = signal.default_int_handler if handler is None else late
    before = signal.signal(number, mine)
    try:
        data = large()
        for delay in (0.05, 0.1):
            timer = threading.Timer(delay, os.kill, (os.getpid(), number))
            timer.start()
            with pytest.raises(raised):
                while True:
                    qkvsim.analyze(data)
            timer.join()
            assert signal.getsignal(number) is mine
    finally:
        signal.signal(number, before)


def test_a_signal_whose_handler_returns_changes_nothing(x):
    seen = []
    before = signal.signal(signal.SIGINT, lambda *_: seen.append(1))
    try:
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        while not seen:
            qkvsim.analyze(large()[:, :3000])
        assert seen == [1]
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_run_while_c_computes():
    data, ticks, done = large(), [], threading.Event()

    def count():
        while not done.is_set():
            ticks.append(1)
            time.sleep(0.001)

    other = threading.Thread(target=count)
    other.start()
    qkvsim.analyze(data)
    done.set()
    other.join()
    assert len(ticks) > 10


def test_many_threads_at_once_give_the_same(x):
    expected, wrong = qkvsim.analyze(x), []

    def work():
        for _ in range(50):
            if qkvsim.analyze(x) != expected:
                wrong.append(1)

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


def test_any_number_of_threads_gives_the_same_bits():
    data = large()[:300, :900]
    expected = qkvsim.analyze(data, threads=1)
    assert qkvsim.analyze(data, threads=3) == expected
    qkvsim.set_threads(2)
    try:
        assert qkvsim.analyze(data) == expected
    finally:
        qkvsim.set_threads(None)


def run(code, **environment):
    return subprocess.run([sys.executable, "-X", "faulthandler", "-c", code], cwd=FOLDER,
                          env=dict(os.environ, **environment), capture_output=True, text=True,
                          timeout=120)


def test_a_child_after_fork_makes_contexts_of_its_own():
    done = run("import os, numpy, qkvsim\n"
               "x = numpy.random.default_rng(1).normal(size=(200, 300))\n"
               "a = qkvsim.analyze(x)\n"
               "if os.fork() == 0:\n"
               "    inherited = qkvsim._context._idle.contexts\n"
               "    os._exit(0 if not inherited and qkvsim.analyze(x) == a else 3)\n"
               "print(os.wait()[1], qkvsim.analyze(x) == a)\n")
    assert done.stdout.split() == ["0", "True"], done.stderr


def test_results_go_through_multiprocessing():
    done = run("import multiprocessing, numpy, qkvsim\n"
               "x = numpy.random.default_rng(1).normal(size=(200, 300))\n"
               "a = qkvsim.analyze(x)\n"
               "with multiprocessing.get_context('fork').Pool(2) as pool:\n"
               "    print(pool.map(qkvsim.analyze, [x, x]) == [a, a])\n")
    assert done.stdout.strip() == "True", done.stderr


@pytest.mark.parametrize("delay", [0.05, 0.08, 0.11, 0.14, 0.17, 0.2])
def test_the_interpreter_ends_while_a_call_runs(delay):
    done = run("import threading, time, numpy, qkvsim\n"
               "x = numpy.ones((2000, 6000), 'f4')\n"
               "def work():\n"
               "    while True: qkvsim.analyze(x)\n"
               "threading.Thread(target=work, daemon=True).start()\n"
               f"time.sleep({delay})\nprint('end')\n")
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "end", "")


def test_ctrl_c_ends_a_script_with_keyboard_interrupt():
    code = ("import numpy, qkvsim, signal\n"
            "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            "x = numpy.random.default_rng(1).normal(size=(2000, 6000))\n"
            "print('begin', flush=True)\nfor _ in range(100): qkvsim.analyze(x)\n")
    process = subprocess.Popen([sys.executable, "-c", code], cwd=FOLDER, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "begin\n"
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, text = process.communicate(timeout=60)
    assert text.strip().splitlines()[-1] == "KeyboardInterrupt" and "ignored" not in text


def test_python_checks_its_memory():
    done = run("import numpy, pickle, qkvsim\n"
               "x = numpy.random.default_rng(1).normal(size=(90, 30))\n"
               "for i in range(200):\n"
               "    a = pickle.loads(pickle.dumps(qkvsim.analyze(x + i)))\n"
               "    a.to_dict(), a.histogram().sum(), a._repr_html_()\n"
               "print('sound')", PYTHONMALLOC="debug")
    assert done.stdout.strip() == "sound", done.stderr


def test_results_do_not_pile_up(x):
    def resident():
        with open("/proc/self/statm") as stream:
            return int(stream.read().split()[1]) * 4096

    for _ in range(300):
        qkvsim.analyze(x, bins=20000)
    gc.collect()
    before = resident()
    for _ in range(600):
        qkvsim.analyze(x, bins=20000)
    gc.collect()
    assert resident() - before < 16e6  # 600 results are 1.1 GB
