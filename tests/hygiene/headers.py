#!/usr/bin/env python3
"""Compiles each header alone: it includes what it needs, has no warnings, and costs little outside net/ and gateway/.

As the library's own programs build: what is compiled once (src.hpp) is declared only. That all of it compiles header-only
too is tests/consume's to see.

A header whose text and whose included headers are what they were when it passed is not compiled again, except in CI.

With --behind-libraries each header is compiled behind all headers of other libraries: what it lacks of ours is found, what it
lacks of theirs is not, nor what it costs; in a third of the time.
"""

import concurrent.futures
import hashlib
import json
import os
import re
import subprocess
import sys

from tree import FLAGS, INCLUDE, ROOT, SEPARATE, everything_below, floor_of, headers, result

COMPILER = "clang++-19"
GOAL, LIMIT = 2.0, 4.0  # CPU seconds of one inclusion
HEAVY = ("net", "gateway", "")
REMEMBERED = ROOT / "build" / "hygiene" / "headers.json"


def fingerprint(header, version):
    text = hashlib.sha256(version)
    for other in sorted(everything_below(header)):
        text.update(other.encode() + b"\0" + (INCLUDE / other).read_bytes())
    return text.hexdigest()


def precompiled_libraries():
    """All headers of other libraries that ours include, precompiled: its path."""
    place = ROOT / "build" / "hygiene"
    place.mkdir(parents=True, exist_ok=True)
    included = set()
    for header in headers(".hpp"):
        if header != "lowart/src.hpp":
            included |= set(re.findall(r"^#include <(?!lowart/)([^>]+)>", (INCLUDE / header).read_text(), re.MULTILINE))
    source, made = place / "libraries.hpp", place / "libraries.pch"
    source.write_text("".join(f"#include <{name}>\n" for name in sorted(included)))
    # What the libraries instantiate for themselves is done once here, and not by each of ours: a quarter of a second.
    subprocess.run([COMPILER, *FLAGS, *SEPARATE, "-fpch-instantiate-templates", "-x", "c++-header", str(source), "-o", str(made)], check=True)
    return made


def compile_alone(header, *more):
    """(CPU seconds, what the compiler says, exit status)"""
    command = [COMPILER, *FLAGS, *SEPARATE, *more, "-Werror", "-fsyntax-only", "-fno-caret-diagnostics", "-x", "c++", "-"]
    # The second inclusion must add nothing.
    source = f"#include <{header}>\n#include <{header}>\n"
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as child:
        child.stdin.write(source.encode())
        child.stdin.close()
        said = child.stdout.read().decode(errors="replace")
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = status
    return usage.ru_utime + usage.ru_stime, said, status


def examine(header):
    seconds, said, status = compile_alone(header)
    if status == 0 and seconds > LIMIT and floor_of(header) not in HEAVY:
        seconds = min(seconds, compile_alone(header)[0])  # a busy machine makes CPU time dearer
    if status != 0:
        return seconds, f"{header} does not compile alone:\n{said}"
    if seconds > LIMIT and floor_of(header) not in HEAVY:
        return seconds, f"{header} takes {seconds:.1f} s of CPU, more than {LIMIT:.0f} (the goal is {GOAL:.0f})"
    return seconds, None


def behind_libraries():
    more = ["-include-pch", str(precompiled_libraries())]
    all_headers = [h for h in headers(".hpp") if h != "lowart/src.hpp"]
    problems = []
    jobs = int(os.environ.get("LOWART_JOBS", os.cpu_count() or 1))
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for header, (_, said, status) in zip(all_headers, pool.map(lambda h: compile_alone(h, *more), all_headers)):
            if status != 0:
                problems.append(f"{header} does not compile alone:\n{said}")
    print(f"{len(all_headers)} headers compiled behind those of other libraries")
    return result(len(all_headers) - len(problems), problems)


def main():
    if "--behind-libraries" in sys.argv[1:]:
        return behind_libraries()
    version = subprocess.run([COMPILER, "--version"], check=True, capture_output=True).stdout
    remembered = {}
    if os.environ.get("CI") != "true" and REMEMBERED.exists():
        remembered = json.loads(REMEMBERED.read_text())
    all_headers = [h for h in headers(".hpp") if h != "lowart/src.hpp"]
    prints = {h: fingerprint(h, version) for h in all_headers}
    known = {h: remembered[h][1] for h in all_headers if remembered.get(h, [None])[0] == prints[h]}
    fresh = [h for h in all_headers if h not in known]

    problems = []
    jobs = int(os.environ.get("LOWART_JOBS", os.cpu_count() or 1))
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for header, (seconds, problem) in zip(fresh, pool.map(examine, fresh)):
            if problem:
                problems.append(problem)
            else:
                known[header] = seconds

    REMEMBERED.parent.mkdir(parents=True, exist_ok=True)
    REMEMBERED.write_text(json.dumps({h: [prints[h], s] for h, s in known.items()}, indent=1))
    print(f"{len(fresh)} headers compiled alone, {len(all_headers) - len(fresh)} unchanged; the slowest outside "
          "net/ and gateway/, in CPU seconds:")
    light = [h for h in known if floor_of(h) not in HEAVY]
    for header in sorted(light, key=known.get, reverse=True)[:10]:
        print(f"  {known[header]:5.2f}  {header}")
    return result(len(all_headers) - len(problems), problems)


if __name__ == "__main__":
    sys.exit(main())
