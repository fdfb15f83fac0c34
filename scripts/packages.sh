# Installs the Debian packages that a script needs. Sourced by the other scripts, not run itself.
# shellcheck shell=sh

# What building the library and the program takes.
# shellcheck disable=SC2034 # used by the scripts that source this one
build_packages="gcc libc6-dev meson ninja-build pkg-config libopenblas-dev librandom123-dev
  libjansson-dev libcairo2-dev"
# What the tests take besides: C++ for its header, both flavours of OpenBLAS, Python to compare with NumPy
# and SciPy, and an MPI.
# shellcheck disable=SC2034
test_packages="check g++ libopenblas0-pthread libopenblas0-openmp python3 python3-numpy
  python3-scipy python3-jsonschema python3-venv libopenmpi-dev openmpi-bin"

package_is_installed() {
  case $(dpkg-query -W -f '${Status}' "$1" 2>/dev/null) in
    *' installed') return 0 ;;
    *) return 1 ;;
  esac
}

# install_packages NAME...: installs those that are missing and says which; silent when all are there.
install_packages() {
  missing=
  for package in "$@"; do
    package_is_installed "$package" || missing="$missing $package"
  done
  [ -n "$missing" ] || return 0

  if ! command -v apt-get >/dev/null 2>&1; then
    echo "These packages (names as in Debian) are missing, and there is no apt-get:$missing" >&2
    return 1
  fi
  as_root=
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
      echo "Run as root, or install first:$missing" >&2
      return 1
    fi
    as_root=sudo
  fi
  echo "Installing Debian packages:$missing"
  log=$(mktemp)
  # shellcheck disable=SC2086 # one word a package
  if ! { $as_root apt-get update &&
    $as_root env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}
