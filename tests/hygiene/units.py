"""The translation units that together hold the code of the framework and its programs, and tools run over each."""

import concurrent.futures
import hashlib
import json
import os
import re
import subprocess

from tree import FLAGS, INCLUDE, ROOT, SEPARATE, everything_below, headers

PLACE = ROOT / "build" / "hygiene"
ALL = PLACE / "all_headers.cpp"
SERVER = ROOT / "reference-server"
EXAMPLES = ROOT / "examples"


def units():
    """{unit: what it is made of beside the framework}: one that includes every header and all bodies; the server; the
    examples, which instantiate the templates."""
    _write(ALL, _all_headers())
    own = list(SERVER.rglob("*.hpp"))
    return {ALL: [], **{u: [u, *own] for u in sorted(SERVER.rglob("*.cpp"))},
            **{u: [u] for u in sorted(EXAMPLES.glob("*.cpp"))}}


def joined_units(apart=()):
    """Those of them that await, in two units, which read each header and instantiate each template once: a fifth of the work.
    The server's files are of one namespace, so those that clash (`apart`) are units of their own; each example is put into a
    namespace."""
    awaits = {file for file in SERVER.rglob("*.?pp") if "co_await" in file.read_text()}
    server, examples = sorted(awaits - set(apart)), sorted(EXAMPLES.glob("*.cpp"))
    own = list(SERVER.rglob("*.hpp"))
    libraries = sorted({line for e in examples for line in re.findall(r"^#include <.*>$", e.read_text(), re.MULTILINE)})
    wrapped = [f'namespace unit_{e.stem} {{\n#include "{e}"\n}}' for e in examples]
    joined_server, joined_examples = PLACE / "joined_server.cpp", PLACE / "joined_examples.cpp"
    _write(joined_server, "".join(f'#include "{s}"\n' for s in server))
    _write(joined_examples, "\n".join([_all_headers(), *libraries, *wrapped]) + "\n")
    return {joined_server: [*server, *own], joined_examples: examples, **{u: [u, *own] for u in apart}}


def _all_headers():
    return "".join(f"#include <{header}>\n" for header in headers(".hpp"))


def _write(unit, text):
    PLACE.mkdir(parents=True, exist_ok=True)
    if not unit.exists() or unit.read_text() != text:
        unit.write_text(text)


def _fingerprint(unit, made_of, tool_files):
    seen = set()
    for header in headers(".hpp", ".ipp"):
        everything_below(header, seen)
    files = [INCLUDE / h for h in seen] + [unit, *made_of, *tool_files]
    text = hashlib.sha256()
    for file in sorted(set(files)):
        text.update(str(file).encode() + b"\0" + file.read_bytes())
    return text.hexdigest()


def over_each_unit(name, command, tool_files, them, known=None):
    """Runs `command(unit, flags)` over each unit of `them`; {unit: output}. Clean units are not run again, except in CI;
    nor are those whose output is `known`."""
    remembered_at = PLACE / f"{name}.json"
    remembered = {}
    if os.environ.get("CI") != "true" and remembered_at.exists():
        remembered = json.loads(remembered_at.read_text())
    todo = {u: _fingerprint(u, made_of, tool_files) for u, made_of in them.items()}
    clean = {str(u): p for u, p in todo.items() if remembered.get(str(u)) == p}

    def run(unit):
        if known and unit in known:
            return known[unit]
        return subprocess.run(command(unit, [*FLAGS, f"-I{SERVER}", *SEPARATE]), capture_output=True, text=True, cwd=ROOT)

    jobs = int(os.environ.get("LOWART_JOBS", os.cpu_count() or 1))
    fresh = [u for u in todo if str(u) not in clean]
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        outputs = dict(zip(fresh, pool.map(run, fresh)))

    def remember(clean_units):
        clean.update({str(u): todo[u] for u in clean_units})
        remembered_at.write_text(json.dumps(clean, indent=1))

    return outputs, len(todo), remember
