#!/usr/bin/env python3
"""Fails when clang-format would change a C++ file."""

import subprocess
import sys

from tree import ROOT

FOLDERS = ("include", "reference-server", "examples", "tests", "benchmarks")


def main():
    files = [str(p) for folder in FOLDERS for p in sorted((ROOT / folder).rglob("*"))
             if p.suffix in (".hpp", ".ipp", ".cpp") and "unicode_tables" not in p.name]
    changed = []
    for at in range(0, len(files), 50):
        said = subprocess.run(["clang-format-19", "--dry-run", "--Werror", "--ferror-limit=1", *files[at:at + 50]],
                              capture_output=True, text=True).stderr
        changed += {line.split(":")[0] for line in said.splitlines() if "-Wclang-format-violations" in line}
    for file in sorted(changed):
        print(f"  {file.removeprefix(str(ROOT) + '/')}")
    print(f"{len(changed)} of {len(files)} files are not as clang-format would have them")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())
