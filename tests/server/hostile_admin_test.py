"""Administration under texts that mean harm: in names, bodies, paths, queries and fields. No answer is a 5xx, every answer
and every line of a log can be read, and the database is whole afterwards."""

import json
import sqlite3
import urllib.parse

from kit.cases import case, check, equal, shorten
from kit.gateway import provider, target
from kit.house import House, refused
from kit.upstream import Upstream

KINDS = ["users", "teams", "keys", "providers", "models", "groups", "tiers", "model_types"]

TEXTS = [
    "'; DROP TABLE resource; --",
    "\" OR 1=1 --",
    "a' UNION SELECT sealed FROM secret --",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "../../etc/passwd",
    "a/b/c",
    "..",
    ".",
    "%00",
    "%",
    "%zz",
    "{name}",
    "$.body",
    "${HOME}",
    "!!python/object:os.system",
    "*alias",
    "&anchor",
    "key: value",
    "- item",
    "'\"`\\",
    "<script>alert(1)</script>",
    "line\r\nset-cookie: a=b\r\n\r\nbody",
    '\n{"level":"info","event":"INJECTED"}',
    "nul\u0000nul",
    "\u001b[31mred",
    "\u202etxt.exe",
    "\ufeffbom",
    "\U0001f600" * 20,
    "é" * 64,
    "x" * 128,
    "x" * 129,
    "x" * 100_000,
    " ",
    "",
    "***",
    "true",
    "null",
    "1e999",
    "~",
]

VALUES = [
    None,
    True,
    0,
    -1,
    1.5,
    2**31,
    2**63 - 1,
    2**63,
    2**64,
    10**400,
    [],
    [None],
    [[]],
    [{}],
    ["x"] * 2000,
    {},
    {"a": {"b": {"c": None}}},
    {"$sealed": "v1:main:AAAA"},
    {"": ""},
    "",
    "x" * 5000,
    "\u0000",
    "9" * 400,
    "0000-00-00T00:00:00Z",
    "-0%",
    "101%",
    "-1.00",
    "1.0000000000001",
    "99999999999999999999.99",
]


def hostile():
    """One for each case: names of one are not to be in the lists of another."""
    up = Upstream()
    return House(
        {
            "providers": {"up": provider(up.url)},
            "models": {"plain": target("up")},
            "tiers": {"small": {"rpm": 1}},
        }
    )


def sound(answer, *what):
    """That an answer is ours, and can be read."""
    check(answer is not None, "no answer to", *what)
    check(answer.status < 500 and answer.complete, *(shorten(w) for w in what), answer)
    kind = answer.field("content-type") or ""
    if kind.startswith("application/json") and answer.body:
        value = json.loads(answer.body.decode("utf-8"))
        if answer.status >= 400:
            check(isinstance(value["error"]["message"], str) and len(answer.body) < 5000, shorten(answer.body))
    for name, value in answer.fields:
        check(name.lower() != "set-cookie" and "\r" not in value and "\n" not in value, name, value)
    return answer


def stays_whole(house):
    """The logs line by line, the chain of the audit log, the database itself, and a start from it."""
    for stream in (house.stdout(), house.stderr()):
        for line in stream.splitlines():
            check('"event":"INJECTED"' not in line.replace("\\", "") or line.startswith("{"), "a line of its own:", line)
            if line.startswith("{"):
                json.loads(line)
            check("\x1b" not in line and "\x00" not in line, "a control character in", repr(line))
    verdict = house.done("GET", "/admin/audit/verify")
    check(verdict["intact"], verdict)
    house.done("GET", "/admin/audit?limit=1000")
    for line in house.admin("GET", "/admin/audit/export").body.decode().splitlines():
        json.loads(line)
    with sqlite3.connect(f"file:{house.data}/lowart.db?mode=ro", uri=True, timeout=5) as database:
        equal(database.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
        for (body,) in database.execute("SELECT body FROM resource"):
            json.loads(body)
    database.close()
    house.done("GET", "/admin/config")


@case("names of every kind: what can be a name is one wherever it is used, what cannot is refused")
def _():
    house = hostile()
    kept = 0
    for kind in KINDS:
        for text in TEXTS:
            body = {"name": text}
            if kind == "models":
                body["targets"] = [{"provider": "up", "model": text}]
            if kind == "providers":
                body |= {"type": "openai", "base_url": "http://127.0.0.1:1/v1", "api_key": text}
            if kind == "groups":
                body["targets"] = [{"provider": "up", "model": "x"}]
            if kind in ("users", "teams", "keys"):
                body |= {"metadata": {text: text}}
            made = sound(house.admin("POST", f"/admin/{kind}", body), kind, text)
            quoted = urllib.parse.quote(text, safe="")
            path = f"/admin/{kind}/{quoted}"
            if made.status != 201:
                check(made.status in (400, 409, 404), kind, shorten(text), made)
                if text not in ("", ".", ".."):
                    sound(house.admin("GET", path[:8000]), path)
                continue
            kept += 1
            equal(made.json()["name"], text)
            equal(house.done("GET", path)["name"], text, "shown")
            check(text in [one["name"] for one in house.done("GET", f"/admin/{kind}?prefix={quoted}")["data"]], "in the list")
            sound(house.admin("PATCH", path, {}), path)
            house.done("DELETE", path, None, 204)
            equal(house.admin("GET", path).status, 404, "gone")
    check(kept > 100, "kept", kept)
    equal([one["name"] for one in house.done("GET", "/admin/users")["data"]], [])
    stays_whole(house)


@case("every member of every body with values of every wrong kind")
def _():
    house = hostile()
    document = house.done("GET", "/openapi.json")
    schemas = document["components"]["schemas"]
    asked = 0
    for path, methods in document["paths"].items():
        for method, one in methods.items():
            if "requestBody" not in one:
                continue
            content = one["requestBody"]["content"]["application/json"]["schema"]
            schema = schemas[content["$ref"].rsplit("/", 1)[1]]
            for name in schema["properties"]:
                for value in VALUES:
                    body = {"name": "victim", name: value} if method == "post" else {name: value}
                    answer = house.admin(method.upper(), path.replace("{name}", "victim"), body)
                    sound(answer, method, path, name, value)
                    asked += 1
                    if answer.status == 201 and "/admin/" in path:
                        made = urllib.parse.quote(answer.json()["name"], safe="")
                        sound(house.admin("DELETE", f"{path}/{made}"), path)
    check(asked > 2000, asked)
    print(f"     (asked {asked})", flush=True)
    stays_whole(house)


@case("bodies that are no objects, too deep, too large, or say a thing twice")
def _():
    house = hostile()
    deep = b"[" * 1000 + b"]" * 1000
    nested = b'{"a":' * 1000 + b"1" + b"}" * 1000
    big = json.dumps({"name": "big", "metadata": {"a": "x" * (2 << 20)}}).encode()
    bodies = [
        b"[]", b"1", b"null", b'"text"', b"{", b"}", b"{]", b"\x00", b"\xff\xfe{}", b"{}{}", b"{'a':1}", b"{} trailing",
        b"\xef\xbb\xbf{}", deep, nested, b'{"name":"n","metadata":' + nested + b"}", b'{"targets":' + deep + b"}",
        b'{"name":"a\xff"}', b'{"name":"a\xc3"}', b'{"name":"\\ud800"}', b'{"display_name":"\xed\xa0\x80"}',
        b'{"name":"\\u0000"}', b'{"a":1e9999}', b'{"rpm":' + b"9" * 5000 + b"}", b'{"rpm":-0}', b'{"rpm":1E2}',
        b'{"name":"first","name":"second"}', b'{"name":"dup","role":"member","role":"owner"}',
        b'{"revision":1,"revision":"x"}', b'{"revision":99999999999999999999}', b" " * (2 << 20), big,
        b'{"password":"' + b"x" * 2000 + b'"}', b'{"' + b"k" * 100_000 + b'":1}',
        b'{"name":"many",' + b",".join(b'"k%d":1' % i for i in range(20000)) + b"}",
    ]  # fmt: skip
    document = house.done("GET", "/openapi.json")
    for path, methods in document["paths"].items():
        for method in methods:
            if method == "get":
                continue
            for body in bodies:
                answer = house.admin(method.upper(), path.replace("{name}", "x"), raw=body)
                sound(answer, method, path, body[:60])
                if answer.status == 201:
                    name = urllib.parse.quote(answer.json()["name"], safe="")
                    sound(house.admin("DELETE", f"{path}/{name}"))
    for body, status in ((big, 413), (b'{"name":"n","metadata":' + nested + b"}", 400), (b"[]", 400)):
        equal(house.admin("POST", "/admin/users", raw=body).status, status)
    # What cannot be read again is not kept, whoever sends it: nobody could start from it.
    house.make_user("low")
    low = house.session("low")
    for number in (b"1e400", b"-1e999", b"9" * 400):
        sent = b'{"name":"mine","metadata":{"a":[' + number + b"]}}"
        refused(house.admin("POST", "/auth/keys", raw=sent, token=low), 400)
    wide = b'{"name":"wide","targets":{' + b",".join(b'"k%d":1' % i for i in range(5000)) + b"}}"
    refused(house.admin("POST", "/admin/models", raw=wide), 400, "members")
    # Of two, the last counts, for what is checked as for what is kept.
    made = house.admin("POST", "/admin/users", raw=b'{"name":"dup","role":"member","role":"owner"}').json()
    equal(made["role"], "owner")
    house.done("DELETE", "/admin/users/dup", None, 204)
    stays_whole(house)


@case("paths and queries that mean something else")
def _():
    house = hostile()
    house.make("users", "plain")
    for path in (
        "/admin/users/%2e%2e%2fkeys", "/admin/users/..%2f..%2f", "/admin/../admin/users", "/admin//users", "/admin/users//",
        "/admin/users/", "/admin/./users", "/ADMIN/users", "/admin/users/%", "/admin/users/%z", "/admin/users/%00",
        "/admin/users/%ff%fe", "/admin/users/%c3", "/admin/users/a%0d%0aset-cookie:%20x", "/admin/users/plain%00",
        "/admin/users/plain/", "/admin/users/plain%2F", "/admin/users/plain;x=1", "/admin/users/plain%20",
        "/admin/users/" + "a" * 4000, "/admin/users/" + "%41" * 2000, "/admin/keys/%25%32%65/revoke", "/auth/keys/%2F/revoke",
        "/auth/../admin/users", "/%61dmin/users", "/admin/users%2Fplain", "/openapi.json/", "/openapi.json?x",
    ):  # fmt: skip
        for method in ("GET", "DELETE", "PATCH", "POST", "PUT", "OPTIONS", "HEAD"):
            body = b"{}" if method in ("PATCH", "POST", "PUT") else None
            sound(house.admin(method, path, raw=body), method, path)
    with house.connect() as connection:  # bytes that are no characters
        connection.send(b"GET /admin/users/\xff\xc3 HTTP/1.1\r\nhost: g\r\nauthorization: Bearer %s\r\n\r\n" % house.boss.encode())
        sound(connection.answer("GET"), "raw bytes in a path")
    equal(house.done("GET", "/admin/users/plain")["name"], "plain", "nobody took it away")
    for text in TEXTS:
        quoted = urllib.parse.quote(text[:3000], safe="")
        for parameter in ("after", "prefix", "status", "team", "user"):
            answer = sound(house.admin("GET", f"/admin/keys?{parameter}={quoted}"), parameter, text)
            if answer.status == 200:
                equal(answer.json()["data"], [], f"keys by {parameter} {text!r}")
        for parameter in ("actor", "act", "subject", "outcome", "from", "until", "before"):
            sound(house.admin("GET", f"/admin/audit?{parameter}={quoted}"), parameter, text)
        for parameter in ("kind", "name", "before", "limit"):
            sound(house.admin("GET", f"/admin/config/history?{parameter}={quoted}"), parameter, text)
        sound(house.admin("GET", f"/admin/users?{quoted}={quoted}"), text)
        sound(house.admin("GET", f"/admin/audit/verify?expect={quoted}"), text)
        sound(house.admin("GET", f"/auth/oidc/callback?state={quoted}&code={quoted}", token=""), text)
    for query in ("&&&", "=", "limit", "limit=%", "%ff=1", "%00", "a" * 5000 + "=1", "&".join(["limit=1"] * 500)):
        sound(house.admin("GET", f"/admin/users?{query}"), query[:50])
    stays_whole(house)


@case("fields of a request, names and passwords of a login")
def _():
    house = hostile()
    house.make_user("victim")
    for text in ("' OR 1=1 --", '"', "\\", "W/", '""', '"', "-1", "9" * 100, "*", "\t", "\x7f", "é"):
        for field in ("if-match", "authorization", "cookie", "x-request-id", "x-forwarded-for", "content-type"):
            sound(house.admin("PATCH", "/admin/users/victim", {"rpm": 1}, fields=[(field, text)]), field, text)
        for token in (f"Bearer {text}", f"ey.{text}", f"ey{text}.e30.x"):
            sound(house.admin("GET", "/auth/me", token="", fields=[("authorization", f"Bearer {token}")]), text)
    for text in TEXTS:
        for user, password in ((text, "correct horse"), ("victim", text), (text, text)):
            answer = sound(house.admin("POST", "/auth/login", {"user": user, "password": password}, token=""), user, password)
            check(answer.status != 200, user, password)
        sound(house.admin("POST", "/auth/refresh", {"refresh_token": text}, token=""), text)
    for value in VALUES:
        for body in ({"user": value, "password": value}, {"refresh_token": value}):
            for path in ("/auth/login", "/auth/refresh"):
                sound(house.admin("POST", path, body, token=""), path, body)
    # A viewer whose denied acts are noted with what it asked for.
    house.make_user("looker", role="viewer")
    token = house.session("looker")
    for path in ("%0a%7b%22event%22%3a%22INJECTED%22%7d", "%ff", "%00", "a" * 3000):
        refused(house.admin("DELETE", f"/admin/users/{path}", token=token), 403)
    with house.connect() as connection:
        connection.send(b"DELETE /admin/users/" + b"\xc3\xa9\xff" * 120 + b" HTTP/1.1\r\nhost: g\r\nauthorization: Bearer %s\r\n\r\n" % token.encode())
        sound(connection.answer("DELETE"), "raw bytes, denied")
    stays_whole(house)
    house.stop()
    house.start()
    stays_whole(house)
