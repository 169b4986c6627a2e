#!/usr/bin/python3
"""Serves the packages of `shelf/<name>/<version>/` as `shelf/<name>`.

wake writes one request to standard input and reads one response from standard output. What is written to standard
error is shown to the user.
"""

import json
import pathlib
import shutil
import sys

SHELF = pathlib.Path(__file__).parent / "shelf"

# What comes without a declaration gets one. It is the same each time, since it counts in the digest of the package.
PKG = """\
function(wake)
  local asked = import 'pkgs.json';
  local same = wake.exec(wake.getPkg('example/fetcher'));
  wake.pkg(
    wake.pkgInfo('%(name)s', version='%(version)s', namespace='shelf'),
    files=['include/*'],
    pkgs={ [key]: wake.getPkg(asked[key], from=same) for key in std.objectFields(asked) },
    modules={
      root: function(wake, pkg, config) wake.recipe({
        Language: 'C',
        Type: 'HeaderLibrary',
        PublicIncludePaths: ['include'],
        Dependencies: { Runtime: [wake.getModule(pkg.pkgs[key]) for key in std.objectFields(asked)] },
      }),
    },
  )
"""


def candidates(wanted):
    """All versions of a package; wake chooses. None: there is no such package."""
    if wanted["namespace"] != "shelf":
        return []
    return [
        {"version": version.name, "pkgs": json.loads((version / "pkgs.json").read_text())}
        for version in sorted(SHELF.glob(wanted["name"] + "/*"))
    ]


def fetch(package):
    """Puts one version into the empty directory that wake has made for it."""
    into = pathlib.Path(package["into"])
    shutil.copytree(SHELF / package["name"] / package["version"], into, dirs_exist_ok=True)
    (into / "PKG").write_text(PKG % package)
    return package["into"]


def main():
    request = json.load(sys.stdin)
    if request["protocol"] != 1:
        sys.exit("I speak protocol 1 only")
    if request["method"] == "candidates":
        response = [candidates(wanted) for wanted in request["requests"]]
    else:
        response = [fetch(package) for package in request["packages"]]
    json.dump(response, sys.stdout)


main()
