#!/bin/sh
# The demonstration: installs what is missing, builds, and runs the program on the capture of a real
# model that examples/data/ holds. Leaves a table, two figures and all numbers as JSON.
set -eu
cd "$(dirname "$0")/.."
# shellcheck source=scripts/packages.sh
. scripts/packages.sh

# shellcheck disable=SC2086 # one word a package
install_packages $build_packages python3

# The program alone; a folder that the tests have set up is used as it is.
build_program() {
  [ -f build/build.ninja ] || meson setup build -Dtests=disabled -Dbench=disabled
  ninja -C build tools/qkvsim
}
echo "Building in build/"
log=$(mktemp)
if ! build_program >"$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
rm -f "$log"

mkdir -p demo
analyze() {
  build/tools/qkvsim analyze examples/data/smollm2-135m-layer10-qkv.npy \
    --groups Q=576,K=192,V=192 --targets examples/data/alice-rows.txt "$@"
}
study() {
  analyze --permutations 199 --compare 199 --seed 1865 "$@"
}
study --interval jackknife --contrast Q-Q,V-V --json demo/result.json --figure demo/figure.svg
study --quiet --figure demo/figure.png

# The same, head by head.
for format in svg png; do
  analyze --heads Q=9,K=3,V=3 --interval jackknife --compare 99 --quiet --figure demo/heads.$format
done

echo
echo "What one sees:"
python3 scripts/describe.py demo/result.json
echo
echo "Figure: $PWD/demo/figure.svg and figure.png"
echo "Heads:  $PWD/demo/heads.svg and heads.png"
echo "All numbers: $PWD/demo/result.json"
