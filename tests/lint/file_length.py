#!/usr/bin/env python3
"""No file of code is longer than 700 lines."""
import _tree

LIMIT = 700


def main():
    paths = _tree.files(".c", ".h", ".def", ".py", ".sh", ".mjs", ".mk")
    problems = []
    for path in paths:
        lines = _tree.text(path).count("\n")
        if lines > LIMIT:
            problems.append(f"{path}: {lines} lines; {LIMIT} is the limit: it holds more than one thing")
    _tree.finish(problems, len(paths))


main()
