#!/usr/bin/env python3
"""No tracked file names a place on the machine where it was written, nor the host of a package registry: nexus is built
anywhere, from whatever mirror its machine uses."""
import re

import _tree

PATHS = re.compile(r"(?<![\w.$}])/(?:work|root|tmp/build)(?![\w.])")
HOSTS = re.compile(r"registry\.npmjs\.org|pypi\.org|pythonhosted\.org|deb\.debian\.org|proxy\.golang\.org|crates\.io")
SELF = "tests/lint/no_machine_paths.py"


def main():
    paths = _tree.files()
    problems = []
    for path in paths:
        if str(path) == SELF:
            continue
        for number, line in enumerate(_tree.text(path).splitlines(), 1):
            for match in (*PATHS.finditer(line), *HOSTS.finditer(line)):
                problems.append(f"{path}:{number}: names {match.group()}")
    _tree.finish(problems, len(paths))


main()
