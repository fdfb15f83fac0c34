"""A good neighbour: how the library is found, and what else is in the process stays as it was."""
import os
import shutil
import subprocess
import sys
import threading

import numpy
import pytest

import qkvsim

PACKAGE = qkvsim.__path__[0]
FOLDER = os.path.dirname(PACKAGE)
IS_WHEEL = ".qkvsim.mesonpy.libs" in qkvsim._library.path


def run(code, **environment):
    return subprocess.run([sys.executable, "-X", "faulthandler", "-c", code], cwd=FOLDER,
                          env=dict(os.environ, **environment), capture_output=True, text=True,
                          timeout=120)


def last_line(done):
    assert done.returncode == 1, done.stdout
    return done.stderr.strip().splitlines()[-1]


# ---- the library ----

def test_a_library_that_is_named_is_the_only_one_looked_for():
    last = last_line(run("import qkvsim", QKVSIM_LIBRARY="/nowhere/libqkvsim.so"))
    assert last.startswith("qkvsim._errors.LibraryNotFound")
    assert "looked for: /nowhere/libqkvsim.so (no such file). Install" in last


def test_every_place_looked_at_is_in_the_error(tmp_path):
    shutil.copytree(PACKAGE, tmp_path / "a" / "b" / "c" / "qkvsim")
    environment = {name: value for name, value in os.environ.items() if name != "QKVSIM_LIBRARY"}
    done = subprocess.run([sys.executable, "-c", "import sysconfig\n"
                           "sysconfig.get_path = lambda name: '/nowhere'\nimport qkvsim"],
                          cwd=tmp_path / "a" / "b" / "c", env=environment,
                          capture_output=True, text=True)
    last = last_line(done)
    for place in (f"{tmp_path}/a/b/c/.qkvsim.mesonpy.libs/libqkvsim.so.0 (no such file)",
                  "/nowhere/.qkvsim.mesonpy.libs/libqkvsim.so.0 (no such file)",
                  f"{tmp_path}/a/build/lib/libqkvsim.so.0 (no such file)",
                  "libqkvsim.so.0 (libqkvsim.so.0: cannot open shared object file"):
        assert place in last


def test_another_library_of_that_name_is_refused():
    libc = next(line.split()[-1] for line in open("/proc/self/maps") if "libc" in line)
    last = last_line(run("import qkvsim", QKVSIM_LIBRARY=libc))
    assert "is another version than this package: it has no qkvsim_" in last


# ---- OpenMP, and other people's threads ----

def loaded(code="import qkvsim, numpy; qkvsim.analyze(numpy.eye(9))"):
    done = run(code + "\nprint(''.join({line.split()[-1] + chr(10) "
               "for line in open('/proc/self/maps') if '/' in line}))")
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_no_openmp_is_loaded():
    if any("openblas-openmp" in path for path in loaded()):
        pytest.skip("built against an OpenBLAS with OpenMP")
    assert not [path for path in loaded() if "omp" in os.path.basename(path)]


@pytest.mark.skipif(not IS_WHEEL, reason="of the wheel")
def test_the_wheel_brings_all_it_needs():
    names = ("libqkvsim", "libopenblas", "libscipy_openblas", "libgfortran", "libquadmath")
    brought = [path for path in loaded() if os.path.basename(path).startswith(names)]
    assert len(brought) >= 2 and all(path.startswith(FOLDER) for path in brought), brought


BOTH = ["import torch, qkvsim", "import qkvsim, torch"]


@pytest.mark.parametrize("imports", BOTH)
def test_torch_may_be_imported_before_and_after(imports):
    pytest.importorskip("torch")
    done = run(imports + "\nimport numpy\n"
               "x = torch.randn(500, 600)\n"
               "threads, product = torch.get_num_threads(), x @ x.T[:, :7]\n"
               "for _ in range(20):\n"
               "    a = qkvsim.analyze(x)\n"
               "    assert torch.equal(product, x @ x.T[:, :7])\n"
               "    assert torch.get_num_threads() == threads\n"
               "assert a == qkvsim.analyze(x.numpy())\n"
               "print('sound')")
    assert (done.returncode, done.stdout.strip()) == (0, "sound"), done.stderr


def test_thread_counts_of_others_stay_during_and_after_calls():
    pytest.importorskip("threadpoolctl")
    from threadpoolctl import threadpool_info

    def counts(word=""):
        return [(pool["filepath"], pool["num_threads"]) for pool in threadpool_info()
                if word in pool["filepath"]]

    numpy.ones((9, 9)) @ numpy.ones((9, 9))
    before, others = counts(), counts("numpy")
    assert others and before != others
    x = numpy.random.default_rng(1).normal(size=(1000, 3000))
    worker = threading.Thread(target=qkvsim.analyze, args=(x,))
    worker.start()
    during = []
    while worker.is_alive():
        during.append(counts("numpy"))
    worker.join()
    assert during and all(seen == others for seen in during)
    assert counts() == before
