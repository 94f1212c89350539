"""Every operation of the OpenAPI document, asked as the document says and as it does not, by schemathesis."""

import os
import subprocess

from kit.cases import case, check
from kit.gateway import provider, target
from kit.house import House
from kit.upstream import Upstream

CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
]

# Statuses that refuse; some that it does not know are for requests that are too large.
SETTINGS = """[checks]
negative_data_rejection.expected-statuses = [400, 401, 403, 404, 405, 409, 413, 414, 415, 429, 431]
"""


@case("what the OpenAPI document says is so", alone=True)
def _():
    up = Upstream()
    config = {
        "providers": {"up": provider(up.url)},
        "models": {"plain": target("up")},
        "request_log": {"keep": True},
    }
    with House(config) as house:
        house.make_user("ada", role="admin")
        (house.directory / "schemathesis.toml").write_text(SETTINGS)
        done = first_that_ends(house)
        told = done.stdout[done.stdout.find("= FAILURES") :] if "= FAILURES" in done.stdout else done.stdout
        check(done.returncode == 0, told[-20000:], done.stderr[-2000:])
        summary = [line.strip() for line in done.stdout.splitlines() if " generated" in line or " selected" in line]
        print("     (" + "; ".join(summary) + ")")
        check(house.done("GET", "/admin/audit/verify")["intact"])


def first_that_ends(house):
    """A run; with another seed where the tester itself failed, and found nothing."""
    for seed in ("1", "2", "3"):
        command = [
            os.environ["LOWART_SCHEMATHESIS"],
            *("run", f"http://127.0.0.1:{house.port}/openapi.json"),
            *("--header", f"Authorization: Bearer {house.boss}"),
            *("--checks", ",".join(CHECKS)),
            *("--phases", "examples,coverage,fuzzing"),
            *("--max-examples", "30", "--seed", seed, "--no-shrink", "--continue-on-failure"),
            *("--max-redirects", "0", "--request-timeout", "10", "--warnings", "off", "--output-truncate", "false"),
        ]
        done = subprocess.run(
            command, cwd=house.directory, capture_output=True, text=True, timeout=240, check=False
        )
        if done.returncode == 0 or "= FAILURES" in done.stdout:
            break
    return done
