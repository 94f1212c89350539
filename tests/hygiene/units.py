"""The translation units that together hold the code of the framework and its programs, and tools run over each."""

import concurrent.futures
import hashlib
import json
import os
import subprocess

from tree import FLAGS, INCLUDE, ROOT, SEPARATE, everything_below, headers

ALL = ROOT / "build" / "hygiene" / "all_headers.cpp"


def units():
    """One that includes every header and all bodies; the server; the examples, which instantiate the templates."""
    ALL.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(f"#include <{header}>\n" for header in headers(".hpp"))
    if not ALL.exists() or ALL.read_text() != text:
        ALL.write_text(text)
    return [ALL, *sorted((ROOT / "reference-server").glob("*.cpp")), *sorted((ROOT / "examples").glob("*.cpp"))]


def _fingerprint(unit, tool_files):
    seen = set()
    for header in headers(".hpp", ".ipp"):
        everything_below(header, seen)
    files = [INCLUDE / h for h in seen] + [unit, *unit.parent.glob("*.hpp"), *tool_files]
    text = hashlib.sha256()
    for file in sorted(set(files)):
        text.update(str(file).encode() + b"\0" + file.read_bytes())
    return text.hexdigest()


def over_each_unit(name, command, tool_files):
    """Runs `command(unit, flags)` over each unit; {unit: output}. Clean units are not run again, except in CI."""
    remembered_at = ROOT / "build" / "hygiene" / f"{name}.json"
    remembered = {}
    if os.environ.get("CI") != "true" and remembered_at.exists():
        remembered = json.loads(remembered_at.read_text())
    todo = {u: _fingerprint(u, tool_files) for u in units()}
    clean = {str(u): p for u, p in todo.items() if remembered.get(str(u)) == p}

    def run(unit):
        return subprocess.run(command(unit, [*FLAGS, *SEPARATE]), capture_output=True, text=True, cwd=ROOT)

    jobs = int(os.environ.get("LOWART_JOBS", os.cpu_count() or 1))
    fresh = [u for u in todo if str(u) not in clean]
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        outputs = dict(zip(fresh, pool.map(run, fresh)))

    def remember(clean_units):
        clean.update({str(u): todo[u] for u in clean_units})
        remembered_at.write_text(json.dumps(clean, indent=1))

    return outputs, len(todo), remember
