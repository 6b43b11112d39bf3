"""What every lint asks: which files the tree holds, and how to say what is wrong. Not a lint itself."""
import pathlib
import re
import subprocess
import sys

MADE = re.compile(r"""(^|/)(\.git|build[^/]*|autom4te\.cache|__pycache__|node_modules|venv|\.deps)/
    |(^|/)(Makefile|Makefile\.in|configure|aclocal\.m4|config\.(h|h\.in|log|status)|stamp-h1|nexus|nexus-[^/]*)~?$
    |\.(o|a|log|trs|gcda|gcno)$""", re.X)


def top():
    return pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()


def files(*suffixes):
    """Tracked files (in a tree without git: all that nothing made), relative to the top; of these suffixes, if any."""
    if (top() / ".git").exists():
        listed = subprocess.run(["git", "-C", str(top()), "ls-files", "-z"], capture_output=True, text=True, check=True)
        names = [name for name in listed.stdout.split("\0") if name]
    else:
        names = [str(path.relative_to(top())) for path in top().rglob("*") if path.is_file()]
        names = [name for name in names if not MADE.search(name)]
    paths = [pathlib.PurePath(name) for name in sorted(names)]
    return [path for path in paths if (not suffixes or path.suffix in suffixes) and (top() / path).is_file()]


def text(path):
    return (top() / path).read_bytes().decode("utf-8", "replace")


def code(path):
    """A C file's text with comments, strings and characters blanked, lines kept."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group())
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text(path), flags=re.S)


def finish(problems, looked_at):
    """Exit status 0 when nothing was found in something."""
    name = pathlib.Path(sys.argv[0]).name
    for problem in problems:
        print(f"{name}: {problem}")
    if not looked_at:
        print(f"{name}: found nothing to look at")
    sys.exit(1 if problems or not looked_at else 0)
