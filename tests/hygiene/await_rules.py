#!/usr/bin/env python3
"""Finds what g++ 12 miscompiles around co_await (await_rules.query) in the framework, the server and the examples.

A line that is over-reported and known to be safe says why: `// await-ok: trivially destructible`.
"""

import pathlib
import re
import sys

from tree import FLAGS, result
from units import SERVER, joined_units, over_each_unit
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
QUERY = HERE / "await_rules.query"
BROKEN = HERE / "await_rules_broken.cpp"
TOOL = "clang-query-19"

_found = re.compile(r'^(\S+):(\d+):\d+: note: "(R\d)_\w+" binds here', re.MULTILINE)


def command(unit, flags):
    return [TOOL, "-f", str(QUERY), str(unit), "--", *flags]


def findings(output):
    """[(file, line, rule)] without the lines that are marked as safe."""
    for file, line, rule in sorted(set(_found.findall(output))):
        text = pathlib.Path(file).read_text().splitlines()[int(line) - 1]
        if "// await-ok: " not in text:
            yield file, int(line), rule


def blind_spots():
    """The query must find every rule that the broken file breaks, where it says so."""
    output = subprocess.run(command(BROKEN, FLAGS), capture_output=True, text=True).stdout
    found = {(line, rule) for _, line, rule in findings(output)}
    for number, text in enumerate(BROKEN.read_text().splitlines(), 1):
        if expected := re.search(r"// expect: (R\d)", text):
            if (number, expected[1]) not in found:
                yield f"{BROKEN.name}:{number}: the query no longer finds {expected[1]}"


def errors_in(ran):
    """What the compiler says: clang-query goes on after it, and would find nothing."""
    return [line for line in ran.stderr.splitlines() if ": error: " in line or ": fatal error: " in line]


def search():
    """Of a file of the server that does not compile behind the others, it is found out whether it does alone."""
    found = over_each_unit("await_rules", command, [QUERY], joined_units())
    told = {pathlib.Path(error.partition(":")[0]) for ran in found[0].values() for error in errors_in(ran)}
    apart = sorted(file for file in told if SERVER in file.parents and file.suffix == ".cpp")
    if not apart:
        return found
    print("searched alone, for a name that another file of the server has as well:", *(file.name for file in apart))
    known = {unit: ran for unit, ran in found[0].items() if not errors_in(ran)}
    return over_each_unit("await_rules", command, [QUERY], joined_units(apart), known)


def main():
    problems = set(blind_spots())
    outputs, total, remember = search()
    clean = []
    for unit, ran in outputs.items():
        errors = errors_in(ran)
        found = [f"{file}:{line}: breaks {rule} of {QUERY.name}" for file, line, rule in findings(ran.stdout)]
        problems.update(errors + found)
        if not errors and not found and ran.returncode == 0:
            clean.append(unit)
        elif not errors and not found:
            problems.add(f"{TOOL} failed on {unit}:\n{ran.stdout[-500:]}{ran.stderr[-500:]}")
    remember(clean)
    print(f"{total} units searched, {total - len(outputs)} of them unchanged")
    return result(total + 1 if not problems else total - len(outputs) + len(clean), sorted(problems))


if __name__ == "__main__":
    sys.exit(main())
