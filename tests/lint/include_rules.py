#!/usr/bin/env python3
"""Checks who includes whom, and who knows which third-party library (docs/architecture.md, "The rooms").

Exit status 0 when every rule holds; else one line for each violation: file:line: what and why.
"""
import pathlib
import re
import sys

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
    "main": BASE | {"command", "worker"},
}
ROLE = {"worker", "ipc", "base", "http", "config", "metrics", "registry", "routing", "dialect", "backend",
        "tokenizer", "money"}
# library header -> the files that may know it.
LIBRARIES = {
    "msgpack.h": {"ipc/codec.c"},
    "libconfig.h": {"src/config/config_load.c"},
    "curl/": {"workers/request/opener.c", "workers/health/probe.c"},
    "jansson.h": {"src/dialect/", "src/backend/", "src/command/"},
    "llhttp.h": {"src/http/http_request.c", "src/http/http_response.c"},
    "zlib.h": {"workers/request/body_decoder.c"},
}


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


def check(path, top, problems):
    relative = path.relative_to(top)
    room = room_of(relative)
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.match(r'\s*#\s*include\s+[<"]([^>"]+)[>"]', line)
        if not match:
            continue
        name = match.group(1)
        where = f"{relative}:{number}"
        for library, owners in LIBRARIES.items():
            knows = any(str(relative) == owner or (owner.endswith("/") and str(relative).startswith(owner))
                        for owner in owners)
            if (name == library or (library.endswith("/") and name.startswith(library))) and not knows:
                problems.append(f"{where}: {name} may be known only by {', '.join(sorted(owners))}")
        target = included_room(name) if '"' in line else None
        if target and target != room and target not in allowed(room):
            problems.append(f"{where}: {room} may not include {name}")


def main():
    top = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    problems = []
    files = 0
    for folder in ("src", "ipc", "workers", "supervisor"):
        for path in sorted((top / folder).rglob("*")):
            if path.suffix in (".c", ".h", ".def"):
                files += 1
                check(path, top, problems)
    for problem in problems:
        print(problem)
    if not files:
        print("include_rules: no sources found")
    return 1 if problems or not files else 0


if __name__ == "__main__":
    sys.exit(main())
