#!/usr/bin/env python3
"""No function is longer than 80 lines, from its brace to its brace; in Python from def to its last line."""
import ast

import _tree

LIMIT = 80


def c_functions(path):
    began = None
    lines = _tree.code(path).splitlines()
    for number, line in enumerate(lines, 1):
        if line.startswith("{"):
            began = number
        elif line.startswith("}") and began:
            yield began, number - began + 1
            began = None


def python_functions(path):
    for node in ast.walk(ast.parse(_tree.text(path))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.end_lineno - node.lineno + 1


def main():
    problems = []
    looked_at = 0
    for path in _tree.files(".c", ".h", ".py"):
        for line, length in (python_functions if path.suffix == ".py" else c_functions)(path):
            looked_at += 1
            if length > LIMIT:
                problems.append(f"{path}:{line}: a function of {length} lines; {LIMIT} is the limit: redraw it")
    _tree.finish(problems, looked_at)


main()
