#!/usr/bin/env python3
"""Runs clang-tidy with the short list of .clang-tidy over the framework, the server and the examples."""

import re
import sys

from tree import ROOT, result
from units import over_each_unit, units

TOOL = "clang-tidy-19"


def command(unit, flags):
    return [TOOL, "--quiet", f"--header-filter={re.escape(str(ROOT))}/(include|reference-server|build/hygiene)/.*",
            f"--config-file={ROOT}/.clang-tidy", str(unit), "--", *flags, "-Wno-everything"]


def main():
    outputs, total, remember = over_each_unit("tidy", command, [ROOT / ".clang-tidy"], units())
    problems, clean = set(), []
    for unit, ran in outputs.items():
        found = [line for line in ran.stdout.splitlines() if re.search(r":\d+:\d+: (warning|error): ", line)]
        problems.update(found)
        if ran.returncode == 0 and not found:
            clean.append(unit)
        elif not found:
            problems.add(f"{TOOL} failed on {unit}:\n{ran.stderr[-500:]}")
    remember(clean)
    return result(total - len(outputs) + len(clean), sorted(problems))


if __name__ == "__main__":
    sys.exit(main())
