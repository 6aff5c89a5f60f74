"""What the lint checks share: the project's files, C text without comments and strings, and TAP output.

Each check takes the root folder as its only argument (default: this project), so that selftest can run it
on a copy with a planted error.
"""
import functools
import os
import re
import sys

SKIP_DIRS = {".git", "build", "node_modules", "__pycache__"}


def root():
    here = os.path.dirname(os.path.abspath(__file__))
    return os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else os.path.dirname(os.path.dirname(here))


def files(top, *patterns):
    """Paths relative to the root that match one of the patterns (all without a pattern)."""
    found = []
    for folder, dirs, names in os.walk(top):
        dirs[:] = sorted(d for d in dirs if d not in SKIP_DIRS)
        for name in sorted(names):
            path = os.path.relpath(os.path.join(folder, name), top)
            if not patterns or matches(path, patterns):
                found.append(path)
    return found


@functools.lru_cache(maxsize=None)
def expression(pattern):
    parts = re.split(r"(\*\*|\*)", pattern)
    return re.compile("".join({"**": ".*", "*": "[^/]*"}.get(p) or re.escape(p) for p in parts))


def matches(path, patterns):
    """'*' stays inside one folder, '**' does not; a pattern without '/' is for the name alone."""
    return any(expression(p).fullmatch(path if "/" in p else path.rsplit("/", 1)[-1]) for p in patterns)


def read(top, path):
    with open(os.path.join(top, path), "rb") as f:
        return f.read().decode("utf-8", "replace")


TOKENS = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def code(text):
    """C text with comments and the contents of literals blanked, line numbers kept."""
    def blank(m):
        s = m.group(0)
        return ('""' if s[0] == '"' else "' '" if s[0] == "'" else " ") + "\n" * s.count("\n")
    return TOKENS.sub(blank, text)


def lines_of(top, name):
    """Lines of a rule file, without comments and empty ones."""
    for line in read(top, name).splitlines():
        line = line.split("#", 1)[0].strip()
        if line:
            yield line


def report(checks):
    """checks: [(name, [complaint, ...])].  One TAP line each; ends the program."""
    bad = 0
    for n, (name, complaints) in enumerate(checks, 1):
        print(f"{'not ok' if complaints else 'ok'} {n} - {name}")
        for c in complaints:
            print(f"#   {c}")
        bad += bool(complaints)
    print(f"1..{len(checks)}")
    sys.exit(1 if bad else 0)
