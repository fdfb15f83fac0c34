"""Runs the program that came with the package: python -m qkvsim analyze x.npy."""
import os
import sys
import sysconfig

HERE = os.path.dirname(os.path.abspath(__file__))
PLACES = [os.path.normpath(os.path.join(folder, *names)) for folder, names in (
    ((HERE, ("..", ".qkvsim.mesonpy.libs", "qkvsim")),
     (sysconfig.get_path("platlib"), (".qkvsim.mesonpy.libs", "qkvsim")),
     (HERE, ("..", "..", "..", "build", "tools", "qkvsim"))))]


def main() -> None:
    """Becomes the program."""
    for place in PLACES:
        if os.access(place, os.X_OK):
            os.execv(place, ["qkvsim", *sys.argv[1:]])
    sys.exit("qkvsim: the program is not there; looked for: " + ", ".join(PLACES)
             + ". It is left out where jansson is missing when the package is built "
               "(Debian's libjansson-dev)")


main()
