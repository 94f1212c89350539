#!/usr/bin/env python3
"""Holds the documentation to the code: quoted snippets, links, configuration names, error codes, metrics, commands.

    check.py           says what differs
    check.py --write   first copies every quoted snippet out of its file again
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap

import faults as fault_tables
from program import ROOT, printed_by

PAGES = ["README.md", "CONTRIBUTING.md", "DECISIONS.md", "THIRD_PARTY.md", "benchmarks/README.md",
         "docs/administration.md", "docs/architecture.md", "docs/configuration.md", "docs/faults.md", "docs/fidelity.md", "docs/providers-and-policies.md"]

# The files that read lowart.yaml.
READERS = ["reference-server/config.cpp", "reference-server/config_readers.hpp", "reference-server/provider_config.cpp",
           "reference-server/cloud_config.hpp", "reference-server/aws_config.hpp", "reference-server/route_config.cpp",
           "reference-server/cache_config.hpp", "reference-server/shape_config.hpp", "reference-server/price_config.hpp",
           "reference-server/records_config.hpp", "reference-server/limits_config.hpp",
           "reference-server/key_policy_config.hpp", "reference-server/secrets_config.hpp",
           "reference-server/login_config.hpp"]
# Where the values of a reader stand in the file: (function, variable) -> path, or several. GROUP is whatever has targets,
# ROUTE an item of them.
GROUP, ROUTE = "GROUP", "GROUP.targets[]"
LIMITED = ("providers.NAME", ROUTE, "keys[]", "tiers.NAME", "users.NAME", "teams.NAME", "model_types.NAME",
           "models.NAME.limits")
PLACES = {
    ("read_root", "root"): "", ("read_limits", "root"): "", ("read_limits", "map"): "limits",
    ("read_responses", "root"): "", ("read_responses", "map"): "responses",
    ("read_conversations", "root"): "", ("read_conversations", "map"): "conversations",
    ("read_request_log", "root"): "", ("read_request_log", "map"): "request_log",
    ("read_redaction", "map"): "request_log", ("read_redaction", "rule"): "request_log.redact[]",
    ("read_backup", "root"): "", ("read_backup", "map"): "backup",
    ("read_listener", "map"): "listen[]", ("read_listener", "tls"): "listen[].tls",
    ("read_vendor", "map"): "providers.NAME",
    ("read_provider", "map"): "providers.NAME", ("read_http", "map"): "providers.NAME",
    ("read_api_keys", "map"): "providers.NAME", ("read_access_token", "map"): "providers.NAME",
    ("read_azure", "map"): "providers.NAME", ("read_vertex", "map"): "providers.NAME",
    ("read_aws", "map"): "providers.NAME", ("read_credentials", "map"): "providers.NAME",
    ("read_entra", "parent"): "providers.NAME", ("read_entra", "map"): "providers.NAME.entra",
    ("read_variant", "map"): "providers.NAME", ("read_timeouts", "map"): "providers.NAME.timeouts",
    ("read_retry", "parent"): ("providers.NAME", GROUP), ("read_retry", "map"): "providers.NAME.retry",
    ("read_breaker", "parent"): "providers.NAME", ("read_breaker", "map"): "providers.NAME.breaker",
    ("read_bulkhead", "parent"): ("providers.NAME", GROUP, ROUTE), ("read_bulkhead", "map"): "providers.NAME.bulkhead",
    ("read_hedge", "parent"): GROUP, ("read_hedge", "map"): f"{GROUP}.hedge",
    ("read_resume", "parent"): GROUP, ("read_resume", "map"): f"{GROUP}.resume",
    ("read_rates", "map"): LIMITED,
    ("read_secrets", "root"): "", ("read_secrets", "map"): "secrets", ("read_kms", "secrets"): "secrets", ("read_kms", "map"): "secrets.kms", ("read_basics", "root"): "",
    ("read_login", "root"): "", ("read_login", "map"): "login", ("read_login", "oidc"): "login.oidc",
    ("read_limits_of", "map"): ("keys[]", "users.NAME", "teams.NAME", "model_types.NAME"),
    ("read_tiers", "root"): "", ("read_subjects", "root"): "",
    ("read_webhooks", "root"): "", ("read_webhooks", "map"): "webhooks[]",
    ("read_model", "map"): "models.NAME",
    ("read_doors", "map"): "models.NAME", ("read_door_names", "map"): "models.NAME",
    ("read_price", "parent"): ("models.NAME", ROUTE), ("read_dated_price", "map"): "models.NAME.price",
    ("read_step", "step"): "models.NAME.price.above[]",
    ("read_selection", "map"): ("providers.NAME", GROUP), ("read_sticky", "map"): ("providers.NAME", GROUP),
    ("read_group", "map"): GROUP, ("read_target", "map"): ROUTE, ("read_reference", "map"): ROUTE,
    ("read_when", "map"): ROUTE, ("read_route", "map"): ROUTE, ("read_condition", "parent"): ROUTE,
    ("read_condition", "map"): f"{ROUTE}.when", ("read_headers", "map"): f"{ROUTE}.when",
    ("read_shape", "parent"): (GROUP, ROUTE), ("read_shape", "map"): f"{GROUP}.shape",
    ("read_shape", "shape"): f"{GROUP}.shape",
    ("read_cache", "parent"): GROUP, ("read_cache", "map"): f"{GROUP}.cache",
    ("read_headers", "field"): f"{ROUTE}.when.headers[]",
    ("read_key", "map"): "keys[]", ("read_key_policy", "map"): "keys[]", ("read_expiry", "map"): "keys[]",
    ("read_types", "map"): "keys[]",
}
SNIPPET = re.compile(r"(<!-- from: (\S+?)#(\w+) -->\n```\w*\n)(.*?)(^```$)", re.DOTALL | re.MULTILINE)


def text_of(path):
    return (ROOT / path).read_text()


def region(path, tag):
    """The lines between `//[tag` and the next `//]`, moved to the left, or None."""
    found = re.search(rf"^[ \t]*//\[{tag}\n(.*?)^[ \t]*//\]$", text_of(path), re.DOTALL | re.MULTILINE)
    return found and textwrap.dedent(found[1])


def rewrite_snippets():
    for page in PAGES:
        def copied(m):
            lines = region(m[2], m[3])
            return m[0] if lines is None else m[1] + lines + m[5]
        before = text_of(page)
        after = SNIPPET.sub(copied, before)
        if after != before:
            (ROOT / page).write_text(after)
            print(f"{page}: snippets copied anew")


def snippets():
    for page in PAGES:
        text = text_of(page)
        if len(SNIPPET.findall(text)) != text.count("<!-- from: "):
            yield f"{page}: a 'from:' mark is not followed by a code block"
        for m in SNIPPET.finditer(text):
            there = region(m[2], m[3]) if (ROOT / m[2]).is_file() else None
            if there is None:
                yield f"{page}: there is no {m[2]}#{m[3]}"
            elif there != m[4]:
                yield f"{page}: the snippet differs from {m[2]}#{m[3]}; check.py --write copies it"


def slug(heading):
    """What GitHub makes of a heading."""
    plain = re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", heading).lower())
    return plain.strip().replace(" ", "-")


def without_code(text):
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE))


def links():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)\s]+)\)", without_code(text_of(page))):
            if re.match(r"[a-z]+:", target):
                continue
            name, _, anchor = target.partition("#")
            path = (ROOT / page).parent / name if name else ROOT / page
            if not path.exists():
                yield f"{page}: the link to {target} is dead"
            elif anchor and anchor not in map(slug, re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)):
                yield f"{page}: {name or page} has no heading #{anchor}"


def names_in_config():
    price_names = re.findall(r'\{"(\w+)", UsageClass::', text_of("include/lowart/meter/price.hpp"))
    names = {f"models.NAME.price.{n}" for n in price_names}
    limits = re.findall(r'\{"(\w+)", \[\]\(Limits&', text_of("reference-server/registry/account_limits.hpp"))
    names |= {f"{place}.{n}" for place in LIMITED for n in limits}
    function = ""
    asks = re.compile(r'(\w+)(?:\.|->)(?:text|flag|integer|duration|percent|bytes|texts|map|items|each|members|scalars)\(\s*"(\w+)"|'
                      r'read_timeouts\((\w+), "(\w+)"')
    for line in "\n".join(map(text_of, READERS)).splitlines():
        if opened := re.match(r"(?:inline )?[\w:<>]+ (read_\w+)\(", line):
            function = opened[1]
        for m in asks.finditer(line):
            variable, name = m[1] or m[3], m[2] or m[4]
            if (function, variable) not in PLACES:
                sys.exit(f"say in check.py where the '{variable}' of {function} stands in lowart.yaml")
            places = PLACES[function, variable]
            for place in [places] if isinstance(places, str) else places:
                names.add(f"{place}.{name}" if place else name)
    return names


def names_in_page():
    """First columns of the tables behind `<!-- names: PATH -->`."""
    names = set()
    for place, table in re.findall(r"<!-- names:[ ]*(\S*) -->\n\n?((?:\|.*\n)+)", text_of("docs/configuration.md")):
        for cell in re.findall(r"^\| ([^|]*) \|", table, re.MULTILINE):
            names |= {f"{place}.{n}" if place else n for n in re.findall(r"`(\w+)`", cell)}
    return names


def configuration():
    code, page = names_in_config(), names_in_page()
    if len(code) < 30:
        yield "the readers of lowart.yaml could not be read: too few names found"
    yield from (f"docs/configuration.md does not tell of {n}" for n in sorted(code - page))
    yield from (f"docs/configuration.md tells of {n}, which nobody reads" for n in sorted(page - code))


def compare(page, what, code, told):
    yield from (f"{page} does not tell of the {what} {n}" for n in sorted(code - told))
    yield from (f"{page} tells of the {what} {n}, which is not in the code" for n in sorted(told - code))


def faults():
    page = text_of(fault_tables.PAGE)
    if fault_tables.printed() != page:
        yield f"{fault_tables.PAGE}: a table differs from the code or from the contract; check.py --write prints it anew"


def metrics():
    code = set()
    for path in ("include/lowart/gateway/metrics.hpp", "include/lowart/gateway/response_store.hpp",
                 "reference-server/app.cpp", "reference-server/target_metrics.hpp",
                 "reference-server/cache_metrics.hpp", "reference-server/shape_metrics.hpp",
                 "include/lowart/gateway/conversation_table.hpp", "reference-server/request_keeping.hpp",
                 "reference-server/backup_job.hpp", "reference-server/limit_metrics.hpp",
                 "reference-server/admin/desk_metrics.hpp"):
        code |= set(re.findall(r'(?:head\(|count\(|each\(|histograms\(out, |counters\(out, )"(\w+)"', text_of(path)))
    text = text_of("docs/architecture.md")
    told = set(re.findall(r"^\| `((?:http|gateway)_\w+)` \|", text, re.MULTILINE))
    yield from compare("docs/architecture.md", "metric", code, told)


def demo_models():
    code = set(re.findall(r'\.name = "([\w-]+)"', text_of("include/lowart/provider/demo_models.hpp")))
    text = text_of("docs/configuration.md")
    table = text[text.index("## The demo models"):].split("\n## ")[0]
    yield from compare("docs/configuration.md", "demo model", code,
                       set(re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE)))


def commands():
    known = set(re.findall(r"^\./dev (\w+)", text_of("dev"), re.MULTILINE))
    for page in PAGES:
        for verb in set(re.findall(r"\./dev ([a-z]+)", text_of(page))) - known:
            yield f"{page}: ./dev has no '{verb}'"
    for suite in re.search(r"^Suites: (.*)$", text_of("dev"), re.MULTILINE)[1].split():
        if f"`{suite}`" not in text_of("CONTRIBUTING.md"):
            yield f"CONTRIBUTING.md does not tell of the suite {suite}"


def folders():
    told = set(re.findall(r"^\| `(\w+)/` \|", text_of("README.md"), re.MULTILINE))
    code = {p.name for p in (ROOT / "include/lowart").iterdir() if p.is_dir()}
    yield from compare("README.md", "folder", code, told)
    if (lines := text_of("README.md").count("\n")) > 150:
        yield f"README.md has {lines} lines, more than 150"


def files_that_validate():
    """Every YAML block behind `<!-- validate -->` is a configuration that the server takes."""
    server = os.environ.get("LOWART_BIN")
    if not server:
        return
    for page in PAGES:
        for block in re.findall(r"<!-- validate -->\n```yaml\n(.*?)^```$", text_of(page), re.DOTALL | re.MULTILINE):
            with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
                file.write(block)
                file.flush()
                done = subprocess.run([server, "validate", file.name], capture_output=True, text=True)
            if done.returncode != 0:
                yield f"{page}: a configuration is refused:\n{done.stderr}"


def snippets_that_compile():
    """snippets.cpp holds what pages quote and no example has; where the compiler is installed, it must take it."""
    compiler = shutil.which("clang++-19")
    if compiler:
        done = subprocess.run([compiler, "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Werror",
                               "-fno-caret-diagnostics", f"-I{ROOT}/include", ROOT / "tests/docs/snippets.cpp"],
                              capture_output=True, text=True)
        if done.returncode != 0:
            yield f"tests/docs/snippets.cpp does not compile:\n{done.stderr}"


FIDELITY = re.compile(r"(<!-- fidelity -->\n)(.*?)(<!-- /fidelity -->)", re.DOTALL)


def rewrite_fidelity():
    table = printed_by("fidelity")
    page = text_of("docs/fidelity.md")
    (ROOT / "docs/fidelity.md").write_text(FIDELITY.sub(lambda m: m[1] + table + m[3], page))


def fidelity():
    table = printed_by("fidelity")
    if table is not None and FIDELITY.search(text_of("docs/fidelity.md"))[2] != table:
        yield "docs/fidelity.md: the table differs from the code; check.py --write prints it anew"


def main():
    if sys.argv[1:] == ["--write"]:
        rewrite_snippets()
        rewrite_fidelity()
        (ROOT / fault_tables.PAGE).write_text(fault_tables.printed())
    checks = [snippets, links, configuration, faults, metrics, demo_models, commands, folders, files_that_validate,
              fidelity, snippets_that_compile]
    failed = 0
    for check in checks:
        problems = list(check())
        failed += bool(problems)
        for problem in problems:
            print(f"{check.__name__}: {problem}")
    print(f"{len(checks) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
