"""Writes what is vendored in a wheel, and under which licence, into its dist-info folder.

wheel_contents.py FOLDER: run by wheel.sh, by the interpreter whose scipy-openblas32 was built with.
"""
import importlib.metadata
import json
import pathlib
import subprocess
import sys

folder = pathlib.Path(sys.argv[1])
openblas = importlib.metadata.distribution("scipy-openblas32")


def debian(package):
    """The version of an installed Debian package."""
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], check=True,
                          capture_output=True, text=True)
    return done.stdout


def component(name, version, licence, purl, how):
    return {"type": "library", "name": name, "version": version, "purl": purl,
            "bom-ref": purl, "licenses": [{"expression": licence}], "description": how}


def of_debian(name, package, licence, how):
    version = debian(package)
    return component(name, version, licence, f"pkg:deb/debian/{package}@{version}", how)


own, version = folder.name[:-len(".dist-info")].split("-")
components = [
    component("OpenBLAS", openblas.version, "BSD-3-Clause AND GPL-3.0-or-later WITH GCC-exception-3.1",
              f"pkg:pypi/scipy-openblas32@{openblas.version}",
              "libscipy_openblas.so, with the GCC runtime libraries libgfortran and libquadmath in it"),
    of_debian("Random123", "librandom123-dev", "BSD-3-Clause", "headers, compiled into the library"),
    of_debian("jansson", "libjansson4", "MIT", "libjansson, which the program writes JSON by")]
described = {
    "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
    "metadata": {"component": {"type": "library", "name": own, "version": version,
                               "bom-ref": f"pkg:pypi/{own}@{version}",
                               "purl": f"pkg:pypi/{own}@{version}"}},
    "components": components,
    "dependencies": [{"ref": f"pkg:pypi/{own}@{version}",
                      "dependsOn": [each["purl"] for each in components]}]}
(folder / "sboms").mkdir(exist_ok=True)
(folder / "sboms" / "qkvsim.cdx.json").write_text(json.dumps(described, indent=1) + "\n")

licences = folder / "licenses"
licences.mkdir(exist_ok=True)
for path in openblas.files or []:
    if path.name == "LICENSE.txt":
        (licences / "OpenBLAS.txt").write_text(path.read_text())
for name, package in (("Random123", "librandom123-dev"), ("jansson", "libjansson4")):
    text = pathlib.Path("/usr/share/doc", package, "copyright").read_text()
    (licences / f"{name}.txt").write_text(text)
