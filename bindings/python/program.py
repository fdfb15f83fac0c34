#!python
# The command qkvsim of a wheel. It does not import the package, which takes longer than most commands.
import importlib.util
import os
import runpy

package = importlib.util.find_spec("qkvsim").submodule_search_locations[0]
runpy.run_path(os.path.join(package, "__main__.py"), run_name="__main__")
