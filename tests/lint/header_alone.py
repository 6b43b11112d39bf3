#!/usr/bin/env python3
"""Each header compiles alone: it includes what it needs. CC names another compiler than gcc."""
import concurrent.futures
import os
import shlex
import subprocess

import _tree

LIBRARIES = ("libcurl", "msgpack", "libconfig", "jansson", "cmocka")


def flags():
    found = []
    for library in LIBRARIES:
        done = subprocess.run(["pkg-config", "--cflags", library], capture_output=True, text=True)
        found += shlex.split(done.stdout)
    return found


def complaint(path, more):
    # Included, not compiled itself: a header as the main file gets warnings of its own.
    command = [*shlex.split(os.environ.get("CC", "gcc")), "-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Werror", "-fsyntax-only",
               "-I", "src", "-I", ".", "-I", "tests", *more, "-x", "c", "-"]
    done = subprocess.run(command, cwd=_tree.top(), input=f'#include "{path}"\n', capture_output=True, text=True)
    return None if done.returncode == 0 else f"{path} does not compile alone:\n{done.stderr.rstrip()}"


def main():
    paths = _tree.files(".h")
    more = flags()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        problems = [found for found in pool.map(lambda path: complaint(path, more), paths) if found]
    _tree.finish(problems, len(paths))


main()
