#!/usr/bin/env python3
"""Each test file's first line (after #!) is a comment with the promise it keeps."""
import re

import _tree

PROMISE = {
    ".c": re.compile(r"/\* \S.{20,}"),
    ".mjs": re.compile(r"// \S.{20,}"),
    ".py": re.compile(r'(# |""")\S.{20,}'),
    ".sh": re.compile(r"# \S.{20,}"),
}


def main():
    paths = [path for path in _tree.files(*PROMISE) if path.parts[0] == "tests" and path.stem.endswith("_test")]
    problems = []
    for path in paths:
        lines = _tree.text(path).splitlines()
        first = lines[1:2] if lines and lines[0].startswith("#!") else lines[:1]
        if not first or not PROMISE[path.suffix].match(first[0]):
            problems.append(f"{path}:1: the first line must be a comment saying which promise this test keeps")
    _tree.finish(problems, len(paths))


main()
