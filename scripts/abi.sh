#!/bin/sh
# Whether the shared library's ABI is the one that tests/abi/ describes: functions, and the structs that
# callers fill. `sh scripts/abi.sh renew` writes the description anew, for a change that is meant.
# Descriptions are of x86-64, by libabigail.
set -eu
cd "$(dirname "$0")/.."
description=tests/abi/qkvsim.xml
[ "$(uname -m)" = x86_64 ] || exit 0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
meson setup "$work/build" -Dbuildtype=debug -Ddefault_library=shared -Dtools=disabled \
  -Dtests=disabled -Dbench=disabled >"$work/log"
ninja -C "$work/build" >>"$work/log" || { cat "$work/log"; exit 1; }
abidw --headers-dir include/qkvsim --drop-private-types \
  --exported-interfaces-only --no-show-locs --no-comp-dir-path --no-corpus-path --no-elf-needed \
  --no-write-default-sizes --type-id-style hash --out-file "$work/qkvsim.xml" \
  "$work/build/lib/libqkvsim.so.0"
if [ "${1-}" = renew ]; then
  cp "$work/qkvsim.xml" "$description"
elif ! abidiff --suppressions tests/abi/opaque.ini "$description" "$work/qkvsim.xml"; then
  echo "The ABI has changed. If that is meant: sh scripts/abi.sh renew, and a line in CHANGELOG.md" >&2
  exit 1
fi
