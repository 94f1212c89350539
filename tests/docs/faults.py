"""Prints the tables of docs/faults.md: what an error looks like from the code, which fault becomes which from the contract."""

import re
import sys

from program import ROOT, printed_by

sys.path.insert(0, str(ROOT / "tests/server"))

from kit import contract  # noqa: E402

PAGE = "docs/faults.md"


def table(head, rows):
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def code_cell(row):
    cell = f"`{row.code.split()[0]}`"
    cell += f"; whole: `{row.whole}`" if row.whole else ""
    return cell + (f"; embeddings: `{row.embeddings}`" if row.embeddings else "")


def before():
    for row in contract.BEFORE:
        status = f"its {row.status}" if row.status else ""
        when = "`retry-after`" if row.retry_after else ""
        second = "its answer" if row.goes_on else "the same error"
        yield row.fault, code_cell(row), status, when, second


def after():
    for row in contract.AFTER:
        yield row.fault, f"`{row.code}`"


def ours():
    for row in contract.OURS:
        code, _, variant = row.code.partition(" ")
        says = [word for word, yes in (("the field", row.names_field), ("`retry-after`", row.retry_after)) if yes]
        yield row.fault, f"`{code}`", ", ".join(says), row.record


def endings():
    for row in contract.ENDINGS:
        yield row.fault, row.client, row.record


TABLES = {
    "before": (["the upstream", "error", "status, if another", "says when", "a second target is well"], before),
    "after": (["the upstream", "error, as the last event"], after),
    "ours": (["the request", "error", "says", "record"], ours),
    "endings": (["who ends it", "the client gets", "record"], endings),
}


def meanings():
    """What the code says of each error."""
    body = re.search(r"enum class Errc[^{]*\{(.*?)\};", (ROOT / "include/lowart/core/error.hpp").read_text(), re.DOTALL)[1]
    return dict(re.findall(r"^\s*(\w+), *///< (.*)$", body, re.MULTILINE))


def with_meanings(lines):
    """The same table with a last column."""
    told = meanings()
    head, rule, *rows = lines.splitlines()
    yield f"{head} meaning |"
    yield f"{rule}---|"
    for row in rows:
        yield f"{row} {told[re.match(r'. `(.*?)`', row)[1]].replace('Error::retry_after', '`retry-after`')} |"


def errors():
    """The table of errors; None where there is no compiler."""
    lines = printed_by("errors")
    if lines is None:
        return None
    return "\n".join(with_meanings(lines)) + "\n"


def printed():
    """The page with every table as it should be."""
    text = (ROOT / PAGE).read_text()
    made = {name: "\n".join(table(head, rows())) + "\n" for name, (head, rows) in TABLES.items()}
    if (told := errors()) is not None:
        made["errors"] = told
    for name, lines in made.items():
        mark = re.compile(rf"(<!-- {name} -->\n)(.*?)(<!-- /{name} -->)", re.DOTALL)
        if not mark.search(text):
            raise SystemExit(f"{PAGE} has no place for the table '{name}'")
        text = mark.sub(lambda m, lines=lines: m[1] + lines + m[3], text)
    return text
