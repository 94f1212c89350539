"""The headers of the framework and what they include, for the checks beside this file."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "include"
HEADERS = INCLUDE / "lowart"
FLAGS = ["-std=c++20", f"-I{INCLUDE}", "-Wall", "-Wextra"]
SEPARATE = ["-DBOOST_ASIO_SEPARATE_COMPILATION", "-DLOWART_SEPARATE_COMPILATION"]

_line = re.compile(r'^\s*#\s*include\s*(?:<([^>]+)>|"([^"]+)")', re.MULTILINE)


def headers(*endings):
    """All files of the framework with these endings, as paths below include/, sorted."""
    return sorted(str(p.relative_to(INCLUDE)) for p in HEADERS.rglob("*") if p.suffix in endings)


def includes(header):
    """What a file below include/ includes, as written."""
    text = (INCLUDE / header).read_text()
    return [found[1] or found[2] for found in _line.finditer(text)]


def floor_of(header):
    """The folder of a header below include/lowart, or '' for lowart.hpp and src.hpp."""
    parts = header.split("/")
    return parts[1] if len(parts) > 2 else ""


def everything_below(header, seen=None):
    """The header and all of ours that it includes, directly or not."""
    seen = set() if seen is None else seen
    if header not in seen and (INCLUDE / header).exists():
        seen.add(header)
        for other in includes(header):
            everything_below(other, seen)
    return seen


def result(passed, problems):
    """Prints the problems and the line that ./dev adds up; the exit status."""
    for problem in problems:
        print(problem)
    print(f"{passed} passed, {len(problems)} failed")
    return 1 if problems else 0
