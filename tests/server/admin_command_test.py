"""Administration from the command line: the same acts as by HTTP, at work in a gateway that runs beside it."""

import json
import os
import pty
import select
import sqlite3
import subprocess
import time

from kit.cases import case, check, equal, eventually
from kit.gateway import BIN, UPSTREAM_KEY, Gateway, chat, new_key, provider, target
from kit.upstream import Upstream

SOON = 0.1  # seconds after which a gateway must follow


class House:
    """A gateway, and the command line on its configuration."""

    def __init__(self, **more):
        self.up = Upstream()
        config = {
            "providers": {"up": provider(self.up.url), "demo": {"type": "demo"}},
            "models": {"m": target("up"), "two": {"targets": [*target("up")["targets"], {"provider": "demo"}]}},
            "tiers": {"free": {"rpm": 20}},
        }
        self.gateway = Gateway({**config, **more}, keys={"ops": {"key": new_key(), "admin": True}})

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.gateway.__exit__(*error)

    def run(self, *arguments, stdin="", environment=None):
        command = [BIN, *arguments, "--config", str(self.gateway.file)]
        variables = {**os.environ, **(environment or {})}
        return subprocess.run(
            command, capture_output=True, text=True, timeout=30, check=False, input=stdin, env=variables
        )

    def text(self, *arguments, **options):
        """Of a command that is done."""
        done = self.run(*arguments, **options)
        equal(done.returncode, 0, f"{arguments}: {done.stderr}")
        return done.stdout

    def told(self, *arguments, **options):
        return json.loads(self.text(*arguments, "--json", **options))

    def refused(self, words, *arguments, code=1, **options):
        done = self.run(*arguments, **options)
        equal((done.returncode, done.stdout), (code, ""), f"{arguments}: {done.stderr}")
        check(words in done.stderr, words, "in", done.stderr)

    def becomes(self, status, key=None, model="m"):
        """How long it takes, from the end of the command on."""
        begun = time.monotonic()
        ask = lambda: self.gateway.ask(chat(model), key=key).status == status
        eventually(ask, 2, f"status {status}")
        took = time.monotonic() - begun
        check(took < SOON, f"{took:.3f} s until {status}")
        return took

    def admin(self, path):
        return self.gateway.get(path, key=self.gateway.keys["ops"]["key"]).json()


def rows(table):
    """Of a table: a list of dicts, by where the columns of the head begin."""
    head, *lines = table.splitlines()
    names = head.split()
    starts = [head.index(name) for name in names]
    ends = [*starts[1:], None]
    return [{n: line[s:e].strip() for n, s, e in zip(names, starts, ends)} for line in lines]


@case("a user, a team and a key are made, shown, listed, changed and taken away, and the key works at once", alone=True)
def _():
    with House() as h:
        h.text("team", "create", "core", "--display-name", "The core", "--cost-per-month", "500")
        made = h.told("user", "create", "ada", "--role", "admin", "--team", "core", "--metadata", "desk=7")
        equal((made["role"], made["status"], made["metadata"]), ("admin", "active", {"desk": "7"}))
        text = h.text("key", "create", "ada/laptop", "--user", "ada", "--models", "m", "--models", "t*", "--rpm", "600")
        key = next(line.split()[1] for line in text.splitlines() if line.startswith("key: "))
        equal(text.count(key), 1, "told once")
        h.becomes(200, key)
        shown = h.told("key", "show", "ada/laptop")
        equal((shown["models"], shown["rpm"], "key" in shown), (["m", "t*"], 600, False))
        table = rows(h.text("key", "list"))
        equal([(r["name"], r["status"], r["user"], r["models"]) for r in table], [("ada/laptop", "active", "ada", "m, t*")])
        changed = h.told("key", "update", "ada/laptop", "--rpm", "5", "--unset", "models", "--priority", "9")
        equal((changed["rpm"], "models" in changed, changed["priority"]), (5, False, 9))
        h.refused("changed by somebody else", "key", "update", "ada/laptop", "--rpm", "6", "--revision", "1")
        equal(h.told("user", "update", "ada", "--unset", "metadata.desk")["metadata"], {})
        h.refused("still name the team", "team", "delete", "core")
        check("is gone" in h.text("user", "delete", "ada"))
        h.becomes(401, key)
        equal(h.text("team", "delete", "core", "--json"), "")
        h.refused("there is no user 'ada'", "user", "show", "ada")
        acts = [e["act"] for e in h.told("audit", "list")["data"]]
        equal(acts, ["deleteTeam", "deleteUser", "updateUser", "updateKey", "createKey", "createUser", "createTeam"])
        check(h.told("audit", "list")["data"][0]["actor"].startswith("console "))


@case("a key that is revoked, regenerated or of a blocked user ends at once", alone=True)
def _():
    with House() as h:
        h.text("user", "create", "bob")
        first = h.told("key", "create", "b", "--user", "bob")["key"]
        h.becomes(200, first)
        second = h.told("key", "regenerate", "b")["key"]
        h.becomes(200, second)
        equal(h.gateway.ask(chat("m"), key=first).status, 401)
        h.text("user", "update", "bob", "--status", "blocked")
        h.becomes(401, second)
        h.text("user", "update", "bob", "--status", "active")
        h.becomes(200, second)
        equal(h.told("key", "revoke", "b")["status"], "revoked")
        h.becomes(401, second)
        h.refused("revoked stays revoked", "key", "update", "b", "--status", "active")
        signed = h.text("key", "create", "s", "--signed", "true")
        check("signing_secret: " in signed, signed)


@case("lists follow pages and filters")
def _():
    with House() as h:
        for i in range(5):
            h.text("user", "create", f"u{i}", "--status", "inactive" if i == 3 else "active")
        page = h.run("user", "list", "--limit", "2")
        equal([r["name"] for r in rows(page.stdout)], ["u0", "u1"])
        check("--after 'u1'" in page.stderr, page.stderr)
        told = h.told("user", "list", "--limit", "2", "--after", "u1")
        equal(([u["name"] for u in told["data"]], told["has_more"], told["next"]), (["u2", "u3"], True, "u3"))
        everyone = h.told("user", "list", "--all")
        equal((len(everyone["data"]), everyone["has_more"]), (5, False))
        equal([u["name"] for u in h.told("user", "list", "--status", "inactive")["data"]], ["u3"])
        equal([u["name"] for u in h.told("user", "list", "--prefix", "u4")["data"]], ["u4"])
        equal(h.told("key", "list")["data"], [])
        equal(h.text("key", "list", "--user", "u1").split()[0], "name")
        equal([m["name"] for m in h.told("model", "list", "--provider", "demo")["data"]], ["two"])


@case("a provider, a group, a model and a tier are made beside the file, switched, priced and put in order", alone=True)
def _():
    with House() as h:
        entry = ("--type", "openai", "--base-url", h.up.url, "--set", "retry.attempts=1", "--set", "timeouts.connect=2s")
        h.refused("others on this machine can see", "provider", "create", "own", *entry, "--api-key", "sk-x", code=2)
        h.refused("'NO_KEY' is not set", "provider", "create", "own", *entry, "--api-key", "env:NO_KEY", code=2)
        h.refused("others on this machine", "provider", "create", "own", *entry, "--set", "api_key=sk-x", code=2)
        h.refused("is not set", "provider", "create", "own", *entry, "--set", "entra.client_secret=env:NO", code=2)
        made = h.told("provider", "create", "own", *entry, "--api-key", "-", stdin=UPSTREAM_KEY + "\n")
        equal((made["api_key"], made["timeouts"], made["source"]), ("***", {"connect": "2s"}, "database"))
        h.text("group", "create", "pair", "--targets", '[{"provider": "own", "model": "x"}, {"provider": "demo"}]')
        body = {"targets": [{"group": "pair"}], "price": {"input": 0.15}, "aliases": ["n"]}
        made = h.told("model", "create", "new", "--file", "-", stdin=json.dumps(body))
        equal(made["price"], {"input": "0.15"})
        h.becomes(200, model="n")
        h.text("model", "toggle", "new", "off")
        h.becomes(404, model="new")
        h.text("model", "toggle", "new", "on")
        h.becomes(200, model="new")
        h.text("provider", "toggle", "own", "off")
        h.text("provider", "update", "own", "--set", "retry.attempts=2")
        equal(h.told("provider", "show", "own")["enabled"], False)
        h.refused("on or off", "provider", "toggle", "own", "maybe", code=2)
        equal(h.told("model", "price", "new", "input=0.30", "output=1.20")["price"]["output"], "1.20")
        two = h.told("model", "priority", "two", "demo", "-1")
        equal([t.get("priority") for t in two["targets"]], [None, -1])
        equal(rows(h.text("model", "list"))[-1]["targets"], "up/up-model, demo")
        h.text("tier", "create", "gold", "--rpm", "1000", "--soft", "80%")
        equal({t["name"]: t["source"] for t in h.told("tier", "list")["data"]}, {"free": "file", "gold": "database"})
        h.refused("stands in the configuration file", "provider", "delete", "demo")
        h.refused("'base_ulr' is not known here", "provider", "update", "own", "--set", "base_ulr=x")
        h.refused("'rpm' is a number", "tier", "update", "gold", "--rpm", "many")
        h.refused("is JSON", "model", "update", "new", "--targets", "[", code=2)
        h.refused("is not PATH=VALUE", "model", "update", "new", "--set", "x", code=2)
        equal(h.run("model", "update").returncode, 2)
        equal(h.run("model", "explode").returncode, 2)


@case("settings: shown, told apart from the file, compared between revisions, and put back", alone=True)
def _():
    with House() as h:
        equal(h.text("config", "diff"), "nothing differs\n")
        h.text("provider", "toggle", "up", "off")
        h.becomes(404)
        before = h.told("config", "history")["data"][0]["revision"]
        h.text("provider", "update", "demo", "--set", "timeouts.first_token=3s")
        h.text("provider", "update", "demo", "--set", "timeouts.first_token=4s")
        h.text("tier", "create", "gold", "--rpm", "7")
        equal(
            h.text("config", "diff").splitlines(),
            [
                'providers/demo  timeouts: (none) -> {"first_token":"4s"}',
                "providers/up  enabled: (none) -> false",
                'tiers/gold: (none) -> {"rpm":7}',
            ],
        )
        last = h.told("config", "history")["data"][0]["revision"]
        step = h.told("config", "diff", "--from", str(last - 2), "--to", str(last - 1))
        change = {"resource": "providers/demo", "member": "timeouts.first_token", "before": "3s", "after": "4s"}
        equal(step, [change])
        equal(len(h.told("config", "diff", "--from", str(before))), 2)
        equal(len(rows(h.text("config", "history"))), 4)
        check("demo:" in h.text("config", "show") and UPSTREAM_KEY not in h.text("config", "show"))
        equal(h.told("config", "show")["settings"], h.admin("/admin/config")["settings"])
        back = h.told("config", "rollback", "0")
        equal(sorted(back["changed"]), ["providers/demo", "providers/up", "tiers/gold"])
        h.becomes(200)
        equal(h.text("config", "diff"), "nothing differs\n")
        h.refused("there are revisions up to", "config", "rollback", "999")


@case("a password comes from stdin or a terminal and never from an argument; sessions end")
def _():
    with House() as h:
        h.text("user", "create", "eve", "--role", "viewer")
        h.refused("nothing came from stdin", "user", "password", "eve", code=2)
        h.refused("password", "user", "password", "eve", stdin="short\n")
        check("new password" in h.text("user", "password", "eve", stdin="twelve bytes or more\n"))
        login = lambda password: h.gateway.ask({"user": "eve", "password": password}, path="/auth/login", key="")
        token = login("twelve bytes or more").json()["access_token"]
        equal(h.gateway.get("/auth/me", key=token).status, 200)
        h.text("user", "logout", "eve")
        eventually(lambda: h.gateway.get("/auth/me", key=token).status == 401, 1)
        here, there = pty.openpty()
        command = [BIN, "user", "password", "eve", "--config", str(h.gateway.file)]
        with subprocess.Popen(command, stdin=there, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as asked:
            check(asked.stderr.read(len("password: ")) == b"password: ")
            os.write(here, b"another twelve bytes\n")
            try:
                equal(asked.wait(10), 0)
            finally:
                asked.kill()
        shown = os.read(here, 1000) if select.select([here], [], [], 0.2)[0] else b""
        check(b"another twelve" not in shown, "the terminal echoes nothing")
        os.close(here), os.close(there)
        equal((login("another twelve bytes").status, login("twelve bytes or more").status), (200, 401))


@case("the audit log: filtered, verified against a hash, exported, and refused when somebody edited it")
def _():
    with House() as h:
        for name in ("a", "b", "c"):
            h.text("user", "create", name)
        told = h.told("audit", "list", "--subject", "users/b")["data"]
        equal([e["act"] for e in told], ["createUser"])
        check(rows(h.text("audit", "list", "--limit", "1"))[0]["subject"] == "users/c")
        head = h.told("audit", "verify")["head"]
        check(h.text("audit", "verify", "--expect", head).startswith("intact"))
        lines = [json.loads(line) for line in h.text("audit", "export").splitlines()]
        equal((len(lines), lines[0]["hash"]), (3, head))
        equal(h.text("audit", "export", "--actor", "nobody"), "")
        with sqlite3.connect(h.gateway.data / "lowart.db") as database:
            database.execute("UPDATE audit SET actor = 'somebody else' WHERE seq = 2")
        broken = h.run("audit", "verify", "--json")
        equal((broken.returncode, json.loads(broken.stdout)["broken_at"]), (1, 2))


@case("databases: told what would be done, brought up to date, and refused where a newer program made them")
def _():
    with House() as h:
        dry = h.told("db", "migrate", "--dry-run")
        equal([(d["found"] == d["known"], d["state"]) for d in dry], [(True, "up to date")] * 2)
        check("usage.db: found version" in h.text("db", "migrate"))
        h.gateway.stop()
        with sqlite3.connect(h.gateway.data / "lowart.db") as database:
            known = database.execute("PRAGMA user_version").fetchone()[0]
            database.execute(f"PRAGMA user_version = {known + 1}")
        check("newer, and this program works with it" in h.text("db", "migrate", "--dry-run"))
        equal(h.told("user", "list")["data"], [], "a release that only added does not matter")
        with sqlite3.connect(h.gateway.data / "lowart.db") as database:
            database.execute(f"UPDATE schema_runs_on SET version = {known + 1}")
        words = f"has version {known + 1}, this program knows up to {known}; use the newer program"
        refused = h.run("db", "migrate", "--dry-run")
        check(refused.returncode == 1 and words in refused.stderr and "usage.db" in refused.stdout, refused)
        h.refused(words, "user", "list")
        nowhere = h.told("db", "migrate", "--data", str(h.gateway.directory / "nowhere"))
        check(all("not there" in d["state"] for d in nowhere) and not (h.gateway.directory / "nowhere").exists())


@case("master keys: all secrets are sealed under the first of today's, and the old one can go")
def _():
    with House() as h:
        entry = ("--type", "openai", "--base-url", h.up.url, "--api-key", "env:KEY")
        h.text("provider", "create", "own", *entry, environment={"KEY": UPSTREAM_KEY})
        h.gateway.stop()
        file = h.gateway.data / "master.key"
        old = file.read_text()
        new = "second:" + "ab" * 32 + "\n"
        file.write_text(new + old)
        told = h.told("keys", "rotate")
        equal(told["master_key"], "second")
        check(told["sealed"] >= 2, told)
        file.write_text(new)
        equal(h.told("provider", "show", "own")["api_key"], "***")
        h.gateway.start()
        file.write_text(old)
        check(h.run("provider", "list").returncode == 1, "the old one opens nothing")
        file.write_text(new)


@case("a configuration or data directory that is not there is told, and made is nothing")
def _():
    with House() as h:
        done = subprocess.run(
            [BIN, "user", "list", "--config", str(h.gateway.directory / "absent.yaml")],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        equal(done.returncode, 1)
        check("absent.yaml" in done.stderr, done.stderr)
        equal(h.run("user", "list", "--limit", "0").returncode, 2)
        h.refused("cannot be a name", "user", "create", "..")
        odd = 'it\'s "Ada"/100%?&#ü'
        h.text("user", "create", odd)
        equal(h.told("user", "show", odd)["name"], odd)
        h.text("user", "delete", odd)
