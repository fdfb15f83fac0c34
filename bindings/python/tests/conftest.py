"""The package of this tree, with the library of build/ or of QKVSIM_LIBRARY."""
import os
import sys

import numpy
import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))


@pytest.fixture
def x():
    """Activations: 60 observations of 12 features with means."""
    random = numpy.random.default_rng(1)
    return random.normal(size=(60, 12)) + random.normal(size=12)
