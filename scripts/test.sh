#!/bin/sh
# All tests, from nothing: installs what is missing, builds, and runs every suite under one build of
# OpenBLAS that Debian has, and under the other those that multiply. Check's own summary lines are printed; what failed stands at the end.
# Exit status 0 only if all pass.
set -eu
cd "$(dirname "$0")/.."
# shellcheck source=scripts/packages.sh
. scripts/packages.sh

# shellcheck disable=SC2086 # one word a package
install_packages $build_packages $test_packages

[ -f build/build.ninja ] || meson setup build
meson configure build -Dtools=enabled -Dfigures=enabled -Dmpi=enabled -Dtests=enabled -Dbench=enabled
ninja -C build

logs=
failed=
# run_tests NAME OPTION...: suites, with a log of that name.
run_tests() {
  log=build/meson-logs/$1.json
  logs="$logs $log"
  rm -f "$log"
  meson test -C build --no-rebuild --logbase "$@" || failed="$failed $1"
  python3 scripts/test_results.py checks "$log"
}

for library in /usr/lib/*/openblas-pthread /usr/lib/*/openblas-openmp; do
  [ -e "$library/libopenblas.so.0" ] || continue
  echo "== Tests with $library"
  export LD_LIBRARY_PATH="$library"
  if [ -z "$logs" ]; then
    run_tests "tests-with-${library##*/}"
  else
    CK_EXCLUDE_TAGS=simulations run_tests "tests-with-${library##*/}" --no-suite once
  fi
  unset LD_LIBRARY_PATH
done
if [ -z "$logs" ]; then
  echo "== Tests with the OpenBLAS that was linked"
  run_tests tests-with-linked-openblas
fi

# The Python package, with the library of build/. Its tests need packages of PyPI.
venv=build/python-tests
echo "== Tests of the Python package"
if { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --no-compile --disable-pip-version-check \
  numpy pytest pandas matplotlib tqdm ml_dtypes xarray scipy threadpoolctl 'dask[array]' distributed; } >"$venv.log" 2>&1; then
  QKVSIM_LIBRARY=$PWD/build/lib/libqkvsim.so.0 "$venv/bin/python" -m pytest -q -rs \
    -p no:cacheprovider --doctest-modules bindings/python/qkvsim bindings/python/tests ||
    failed="$failed python-package"
else
  tail -n 1 "$venv.log"
  echo "skipped: the packages that the tests of the Python package need could not be installed"
fi

if [ -n "$failed" ]; then
  # shellcheck disable=SC2086 # one word a log
  python3 scripts/test_results.py failures $logs || true
  echo "== Failed:$failed"
  exit 1
fi
echo "== All tests passed"
