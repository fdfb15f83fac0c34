#!/bin/sh
# The shared library exports exactly the functions listed in symbols.txt, all of them public and of the
# first version of the ABI.
# Usage: test_symbols.sh libqkvsim.so symbols.txt
set -eu
library=$1
list=$2
found=$(mktemp)
trap 'rm -f "$found"' EXIT

# Besides functions, a version script leaves one absolute symbol: the name of the version itself.
nm -D --defined-only "$library" | awk '$2 != "A" { sub(/@@QKVSIM_0$/, "", $3); print $3 }' |
    LC_ALL=C sort > "$found"
if ! diff -u "$list" "$found"; then
    echo "the exported symbols (+) differ from the list (-)" >&2
    exit 1
fi
if grep -v '^qkvsim_' "$found"; then
    echo "exported without the prefix qkvsim_" >&2
    exit 1
fi
echo "100%: $(wc -l < "$found") exported symbols, as listed"
