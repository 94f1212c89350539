#!/usr/bin/env python3
"""Holds the catalogue of vendors to its schema, and to what a schema cannot say."""

import copy
import datetime
import json
import re
import sys
from decimal import Decimal

from tree import ROOT, result

FILE = "reference-server/catalogue/vendors.json"
SCHEMA = json.loads((ROOT / "reference-server/catalogue/schema.json").read_text())
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, Decimal)}
KNOWN = {"$ref", "$defs", "$schema", "title", "description", "type", "enum", "pattern", "minimum", "minItems",
         "required", "properties", "additionalProperties", "items"}


def is_of(value, kind):
    return isinstance(value, TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def violations(value, schema, path=""):
    """(path, what is wrong) of a value, by the words of JSON Schema that this schema uses."""
    assert schema.keys() <= KNOWN, f"the checker does not know {schema.keys() - KNOWN}"
    if "$ref" in schema:
        yield from violations(value, SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]], path)
    if "type" in schema and not is_of(value, schema["type"]):
        yield path, f"must be of type {schema['type']}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield path, f"is {value!r}, none of {', '.join(schema['enum'])}"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield path, f"is {value!r}, which does not match {schema['pattern']}"
    if "minimum" in schema and value < schema["minimum"]:
        yield path, f"is {value}, less than {schema['minimum']}"
    if isinstance(value, list):
        if len(value) < schema.get("minItems", 0):
            yield path, f"has {len(value)} entries, less than {schema['minItems']}"
        for index, item in enumerate(value):
            yield from violations(item, schema.get("items", {}), f"{path}[{index}]")
    if isinstance(value, dict):
        inner = schema.get("properties", {})
        yield from ((f"{path}.{name}".lstrip("."), "is missing") for name in schema.get("required", [])
                    if name not in value)
        for name, member in value.items():
            here = f"{path}.{name}".lstrip(".")
            if name in inner:
                yield from violations(member, inner[name], here)
            elif schema.get("additionalProperties") is False:
                yield here, "is not known here"


def doubles(names):
    return sorted({n for n in names if names.count(n) > 1})


def is_day(text):
    try:
        return datetime.date.fromisoformat(text) <= datetime.date.today()
    except ValueError:
        return False


def beyond_schema(vendor):
    """What belongs together in one entry."""
    if (vendor["auth"] == "none") == ("key_variable" in vendor):
        yield "key_variable", "must stand there exactly where 'auth' is not none"
    if (vendor["auth"] == "header") != ("auth_header" in vendor):
        yield "auth_header", "must stand there exactly where 'auth' is header"
    if not is_day(vendor.get("checked_at", "2020-01-01")):
        yield "checked_at", "is no day up to today"
    if ("checked_at" in vendor) != ("source" in vendor):
        yield "source", "must stand there exactly where there is a checked_at"
    yield from (("models", f"has {name!r} twice") for name in doubles([m["id"] for m in vendor["models"]]))
    for index, model in enumerate(vendor["models"]):
        yield from ((f"models[{index}].{name}", "must stand there exactly where there is a price")
                    for name in ("priced_at", "price_source") if (name in model) != ("price" in model))
        if not is_day(model.get("priced_at", "2020-01-01")):
            yield f"models[{index}].priced_at", "is no day up to today"
        if not model.get("price", {"input": 1}):
            yield f"models[{index}].price", "has no price in it"
        yield from ((f"models[{index}].price.{name}", "has more than nine decimals")
                    for name, usd in model.get("price", {}).items()
                    if isinstance(usd, Decimal) and usd.as_tuple().exponent < -9)


def name_of(catalogue, path):
    """'vendors[3].docs' as it is told: the vendor and the field."""
    at = re.match(r"vendors\[(\d+)\]\.?", path)
    if not at:
        return path
    vendor = catalogue["vendors"][int(at[1])]
    known = isinstance(vendor, dict) and vendor.get("id")
    return f"vendor '{known or '#' + at[1]}': {path[at.end():]}"


def problems_of(catalogue):
    wrong = [f"{FILE}: {name_of(catalogue, path)} {what}" for path, what in violations(catalogue, SCHEMA)]
    if wrong:
        return wrong
    vendors = catalogue["vendors"]
    ids = [v["id"] for v in vendors]
    wrong += [f"{FILE}: vendor '{name}': id stands twice" for name in doubles(ids)]
    if ids != sorted(ids):
        wrong.append(f"{FILE}: vendors are not sorted by id: '{next(a for a, b in zip(ids, sorted(ids)) if a != b)}'")
    for vendor in vendors:
        wrong += [f"{FILE}: vendor '{vendor['id']}': {field} {what}" for field, what in beyond_schema(vendor)]
    return wrong


# What the checker must find: (vendor, how its entry is spoilt, the field and the word that must be told).
def spoil(**fields):
    return lambda entry: entry.update(fields)


SPOILT = [
    ("openai", spoil(auth="secret"), "auth", "none of bearer"),
    ("openai", spoil(type="opnai"), "type", "none of openai"),
    ("openai", spoil(base_url="api.openai.com"), "base_url", "match"),
    ("openai", spoil(base_url="https://api.openai.com/v1/"), "base_url", "match"),
    ("openai", spoil(checked_at="2099-01-01"), "checked_at", "today"),
    ("openai", spoil(checked_at="2026-02-31"), "checked_at", "today"),
    ("openai", spoil(colour="red"), "colour", "not known"),
    ("openai", spoil(settings={"repairs": True}), "settings.repairs", "not known"),
    ("openai", spoil(settings={"repair": "yes"}), "settings.repair", "boolean"),
    ("openai", lambda e: e.pop("docs"), "docs", "missing"),
    ("openai", lambda e: e.pop("key_variable"), "key_variable", "exactly"),
    ("vllm", spoil(key_variable="VLLM_KEY"), "key_variable", "exactly"),
    ("anthropic", lambda e: e.pop("auth_header"), "auth_header", "exactly"),
    ("openai", lambda e: e["models"].append(e["models"][0]), "models", "twice"),
    ("openai", lambda e: e["models"][1].update(context=0), "models[1].context", "less than 1"),
    ("openai", lambda e: e["models"][1].update(context=True), "models[1].context", "integer"),
    ("openai", lambda e: e["models"][1].update(types=["texts"]), "models[1].types[0]", "none of text"),
    ("openai", lambda e: e["models"][1].pop("priced_at"), "models[1].priced_at", "price"),
    ("openai", lambda e: e["models"][1].pop("price_source"), "models[1].price_source", "price"),
    ("openai", lambda e: e["models"][1].update(price_source="a page"), "models[1].price_source", "match"),
    ("hunyuan", lambda e: e.pop("source"), "source", "checked_at"),
    ("openai", lambda e: e["models"][1]["price"].update(inputs=1), "models[1].price.inputs", "not known"),
    ("openai", lambda e: e["models"][1]["price"].update(input="1"), "models[1].price.input", "number"),
    ("openai", lambda e: e["models"][1]["price"].update(input=Decimal("0.0000000001")), "models[1].price.input", "nine"),
    ("openai", lambda e: e["models"][1].update(price={}), "models[1].price", "no price in it"),
    ("openai", lambda e: e["models"][1]["price"].update(above=[{"input": 1}]), "models[1].price.above[0].input_tokens", "missing"),
    ("openai", lambda e: e["models"][1]["price"].update(tiers={"fast": 2}), "models[1].price.tiers.fast", "not known"),
    ("openai", spoil(id="azure"), "id", "twice"),
    ("openai", spoil(id="zzz"), "vendors", "not sorted"),
]


def unseen_faults(catalogue):
    for vendor, spoil_it, field, word in SPOILT:
        bad = copy.deepcopy(catalogue)
        entry = next(v for v in bad["vendors"] if v["id"] == vendor)
        spoil_it(entry)
        told = "\n".join(problems_of(bad))
        if field not in told or word not in told:
            yield f"the checker of the catalogue does not tell of a bad '{field}' of '{vendor}': {told or 'nothing'}"


def main():
    catalogue = json.loads((ROOT / FILE).read_text(), parse_float=Decimal)
    problems = problems_of(catalogue)
    if not problems:
        problems = list(unseen_faults(catalogue))
    return result(len(catalogue.get("vendors", [])) + len(SPOILT) - len(problems), problems)


if __name__ == "__main__":
    sys.exit(main())
