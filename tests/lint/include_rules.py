#!/usr/bin/env python3
"""Who includes whom, and who knows which third-party library (docs/architecture.md)."""
import re

import _tree

# room -> the rooms it may include (itself is always allowed).
BASE = {"base"}
ROOMS = {
    "base": set(),
    "http": BASE,
    "config": BASE,
    "metrics": BASE,
    "registry": BASE,
    "tokenizer": BASE,
    "money": BASE,
    "routing": BASE | {"config", "registry", "http", "metrics", "tokenizer", "money"},
    "dialect": BASE | {"config", "registry", "http", "metrics", "tokenizer", "money"},
    "backend": BASE | {"config", "registry", "http", "metrics", "tokenizer", "money"},
    "ipc": BASE,
    "worker": BASE | {"ipc", "config", "registry", "metrics"},
    "supervisor": BASE | {"ipc", "config", "registry", "metrics"},
    "command": BASE | {"config", "metrics", "supervisor"},
    "main": BASE | {"command", "worker", "supervisor", "ipc"},
}
ROLE = {"worker", "ipc", "base", "http", "config", "metrics", "registry", "routing", "dialect", "backend",
        "tokenizer", "money"}
# library header -> the files that may know it.
LIBRARIES = {
    "msgpack.h": {"ipc/codec.c"},
    "libconfig.h": {"src/config/config_load.c"},
    "curl/": {"workers/request/opener.c", "workers/health/probe.c"},
    "jansson.h": {"src/dialect/", "src/backend/", "src/command/"},
    "llhttp.h": {"src/http/http_second_opinion.c"},
    "zlib.h": {"workers/request/body_decoder.c"},
    "ev.h": {"ipc/", "workers/", "supervisor/"},
}
# Watchers are embedded in structs; any other library's types stay inside the room that knows it.
IN_HEADERS = {"ev.h"}


def room_of(path):
    parts = path.parts
    if parts[0] == "src":
        return "main" if len(parts) == 2 else parts[1]
    if parts[0] == "workers":
        return "worker" if len(parts) == 2 else "role:" + parts[1]
    return parts[0]


def allowed(room):
    return ROLE if room.startswith("role:") else ROOMS.get(room, set())


def included_room(name):
    parts = name.split("/")
    if len(parts) < 2:
        return None
    if parts[0] == "workers":
        return "worker" if len(parts) == 2 else "role:" + parts[1]
    return parts[0]


def library_problem(path, name, outside):
    for library, owners in LIBRARIES.items():
        if name != library and not (library.endswith("/") and name.startswith(library)):
            continue
        if not any(str(path) == owner or (owner.endswith("/") and str(path).startswith(owner)) for owner in owners):
            return f"{name} may be known only by {', '.join(sorted(owners))}"
        if path.suffix == ".h" and library not in IN_HEADERS and outside:
            return f"{name} in a header that {outside} includes"
    return None


def check(path, includes, problems):
    room = room_of(path)
    outside = next((other for other, names in includes.items() if room_of(other) != room
                    and any(str(path).removeprefix("src/") == name for _, name, _ in names)), None)
    for number, name, ours in includes[path]:
        problem = library_problem(path, name, outside)
        target = included_room(name) if ours else None
        if target and target != room and target not in allowed(room):
            problem = f"{room} may not include {name}"
        if problem:
            problems.append(f"{path}:{number}: {problem}")


def includes_of(path):
    """(line, name, whether in quotes) of each #include."""
    pattern = re.compile(r'\s*#\s*include\s+([<"])([^>"]+)[>"]')
    matches = ((number, pattern.match(line)) for number, line in enumerate(_tree.text(path).splitlines(), 1))
    return [(number, match.group(2), match.group(1) == '"') for number, match in matches if match]


def main():
    paths = [path for path in _tree.files(".c", ".h", ".def") if path.parts[0] in ("src", "ipc", "workers", "supervisor")]
    includes = {path: includes_of(path) for path in paths}
    problems = []
    for path in paths:
        check(path, includes, problems)
    _tree.finish(problems, len(paths))


main()
