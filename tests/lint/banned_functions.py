#!/usr/bin/env python3
"""No function is called that cannot be called safely: no bound, no error, or hidden state."""
import re

import _tree

BANNED = {
    "strcpy": "snprintf or memcpy", "strcat": "struct buffer", "sprintf": "snprintf", "vsprintf": "vsnprintf",
    "gets": "fgets", "atoi": "text_parse_*", "atol": "text_parse_*", "atoll": "text_parse_*", "atof": "strtod",
    "strtok": "struct slice", "system": "fork and exec", "popen": "fork and exec", "alloca": "struct arena",
    "tmpnam": "mkstemp", "mktemp": "mkstemp",
}
CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")


def main():
    paths = _tree.files(".c", ".h", ".def")
    problems = []
    for path in paths:
        for number, line in enumerate(_tree.code(path).splitlines(), 1):
            for match in CALL.finditer(line):
                problems.append(f"{path}:{number}: {match.group(1)} is banned; instead: {BANNED[match.group(1)]}")
    _tree.finish(problems, len(paths))


main()
