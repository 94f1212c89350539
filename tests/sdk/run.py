"""Starts the server with its demo provider and upstreams of each protocol, and drives them with the official SDKs."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

here = Path(__file__).resolve().parent
sys.path[:0] = [str(here), str(here.parent / "server")]

from kit import cases, gateway  # noqa: E402
import openapi_test  # noqa: E402, F401
import python_calls_test  # noqa: E402, F401
import python_matrix_test  # noqa: E402
import python_ollama_test  # noqa: E402, F401
import python_sdk_test  # noqa: E402, F401
import python_stored_test  # noqa: E402, F401
from setting import setting  # noqa: E402

# Modules are looked for beside the importing file.
place = Path(os.environ["LOWART_NODE_MODULES"]).parent


def node_cases(program, pattern):
    """One process runs all cases of a program and tells each result in a line of JSON."""
    s = setting()
    environment = {
        **os.environ,
        "LOWART_URL": s.url,
        "LOWART_KEY": s.gateway.key,
        "LOWART_KEYS": json.dumps({name: entry["key"] for name, entry in s.gateway.keys.items()}),
        "LOWART_PLACES": json.dumps(s.places()),
    }
    done = subprocess.run(
        ["node", f"{program}.mjs", pattern],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    results = [json.loads(line) for line in done.stdout.split("\n") if line.startswith("{")]
    if not results or done.returncode != 0:
        results.append(
            {"name": "the Node process ends well", "error": done.stdout[-2000:] + done.stderr[-4000:]}
        )
    for result in results:

        def case(result=result):
            cases.check(not result.get("error"), result.get("error"))

        case.__module__ = program
        cases.registered.append((f"{result['name']} ({result.get('seconds', 0):.2f} s)", case, False))


pattern = sys.argv[1] if len(sys.argv) > 1 else ""
for file in here.glob("*.mjs"):
    shutil.copy(file, place)
shutil.copytree(here / "node_clients", place / "node_clients", dirs_exist_ok=True)
try:
    node_cases("node_sdk_test", pattern)
    node_cases("node_matrix_test", pattern)
    python_matrix_test.register_all()
    code = cases.run_all(pattern)
finally:
    gateway.end_all()
sys.exit(code)
