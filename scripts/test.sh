#!/bin/sh
# All tests, from nothing: installs what is missing, builds, and runs every suite under both builds
# of OpenBLAS that Debian has. Check's own summary lines are printed. Exit status 0 only if all pass.
set -eu
cd "$(dirname "$0")/.."
# shellcheck source=scripts/packages.sh
. scripts/packages.sh

# shellcheck disable=SC2086 # one word a package
install_packages $build_packages $test_packages

[ -f build/build.ninja ] || meson setup build
meson configure build -Dtools=enabled -Dfigures=enabled -Dtests=enabled -Dbench=enabled
ninja -C build

run_tests() {
  meson test -C build --no-rebuild --verbose
}

flavours=0
failed=0
for library in /usr/lib/*/openblas-pthread /usr/lib/*/openblas-openmp; do
  [ -e "$library/libopenblas.so.0" ] || continue
  flavours=$((flavours + 1))
  echo "== Tests with $library"
  LD_LIBRARY_PATH=$library run_tests || failed=1
done
if [ "$flavours" -eq 0 ]; then
  echo "== Tests with the OpenBLAS that was linked"
  run_tests || failed=1
fi
exit "$failed"
