"""Secrets are nowhere but where they belong: not in logs, metrics, answers, nor in the data directory; and the master key
that they are sealed with can be replaced."""

import base64
import json
import secrets
import signal
import time
import urllib.parse
from pathlib import Path

from kit.cases import case, check, equal, eventually
from kit.gateway import chat, new_id, provider, target
from kit.house import PASSWORD, House, refused
from kit.upstream import Upstream, refusal


def secret(prefix):
    return prefix + secrets.token_hex(20)


def spellings(text):
    """A secret as it might stand somewhere."""
    raw = text.encode()
    yield raw
    yield raw.hex().encode()
    yield base64.b64encode(raw).rstrip(b"=")
    yield base64.urlsafe_b64encode(raw).rstrip(b"=")
    yield urllib.parse.quote(text, safe="").encode()


class Vault:
    """A gateway that was told secrets of every kind, and all that it said since."""

    def __init__(self):
        self.up = Upstream()
        self.secrets = {
            "provider of the file": secret("sk-file-"),
            "provider of the environment": secret("sk-env-"),
            "provider of the database": secret("sk-db-"),
            "provider of the database, before": secret("sk-before-"),
            "master key": secrets.token_hex(32),
            "client of the identity provider": secret("oidc-"),
            "password": secret("pass-"),
            "password, before": secret("pass-before-"),
            "password that is wrong": secret("pass-wrong-"),
            "unknown key": secret("sk-lw-"),
        }
        s = self.secrets
        self.told_once = {}  # name: (secret, the answers that may tell it)
        config = {
            "providers": {
                "up": provider(self.up.url, api_key=s["provider of the file"]),
                "env": provider(self.up.url, api_key="${UP_KEY}"),
                "dead": provider("http://127.0.0.1:1/v1", api_key="${UP_KEY}"),
            },
            "models": {"plain": target("up"), "env": target("env"), "dead": target("dead")},
            "secrets": {"master_key": "${MASTER}"},
            "login": {
                "oidc": {
                    "issuer": "http://127.0.0.1:1",
                    "client_id": "us",
                    "client_secret": s["client of the identity provider"],
                    "redirect_uri": "http://127.0.0.1:1/auth/oidc/callback",
                    "default_role": "member",
                }
            },
        }
        environment = {"UP_KEY": s["provider of the environment"], "MASTER": s["master key"]}
        self.house = House(config, keeps=True, environment=environment)
        s["key of the file"], s["admin key of the file"] = self.house.key, self.house.boss

    def tell_once(self, name, text):
        """Notes what the answer before this told."""
        self.told_once[name] = text, self.house.asked[-1][2]

    def use(self):
        """Everything that touches a secret, also where it fails."""
        house, s = self.house, self.secrets
        house.make("providers", "db", type="openai", base_url=self.up.url, api_key=s["provider of the database, before"])
        house.done("PATCH", "/admin/providers/db", {"api_key": s["provider of the database"]})
        house.make("models", "db", targets=[{"provider": "db", "model": "x"}])
        house.make("users", "ada", role="owner")
        for name in ("password, before", "password"):
            house.done("PUT", "/admin/users/ada/password", {"password": s[name]}, 204)
        made = house.make("keys", "signs", user="ada", signed=True)
        self.tell_once("key", made["key"])
        self.tell_once("signing secret", made["signing_secret"])
        self.tell_once("key of a user", house.make("keys", "plain", user="ada")["key"])
        self.tell_once("key, new", house.done("POST", "/admin/keys/plain/regenerate")["key"])
        login = house.log_in("ada", s["password"])
        self.tell_once("access token", login["access_token"])
        self.tell_once("refresh token", login["refresh_token"])
        time.sleep(1.1)  # tokens of one second are the same
        fresh = house.done("POST", "/auth/refresh", {"refresh_token": login["refresh_token"]}, token="")
        self.tell_once("access token, new", fresh["access_token"])
        self.tell_once("refresh token, new", fresh["refresh_token"])
        token = fresh["access_token"]
        self.tell_once("key of a session", house.done("POST", "/auth/llm-token", token=token)["key"])
        self.tell_once("own key", house.done("POST", "/auth/keys", {"name": "mine"}, 201, token=token)["key"])
        # What fails.
        wrong = s["password that is wrong"]
        for user, password in (("ada", wrong), (wrong, wrong), (s["password"], "x"), ("ada", s["unknown key"])):
            house.admin("POST", "/auth/login", {"user": user, "password": password}, token="")
        house.admin("POST", "/auth/login", raw=b'{"user": "ada", "password": "%s"' % s["password"].encode(), token="")
        house.admin("POST", "/auth/refresh", {"refresh_token": s["unknown key"]}, token="")
        house.admin("PUT", "/auth/password", {"old_password": wrong, "password": "short"}, token=token)
        house.admin("PUT", "/admin/users/ada/password", {"password": [s["password"]]})
        house.admin("PUT", "/admin/users/ada/password", {"passwort": s["password"]})
        house.admin("PATCH", "/admin/providers/db", {"api_key": s["provider of the database"], "type": "nonsense"})
        house.admin("PATCH", "/admin/providers/db", {"api_key": [[s["provider of the database"]]]})
        house.admin("POST", "/admin/providers", {"name": "x", "type": "openai", "api_key": s["provider of the database"]})
        house.admin("GET", "/auth/oidc/login", token="")
        for token in (s["unknown key"], "ey" + s["unknown key"] + ".a.b"):
            house.admin("GET", "/admin/users", token=token)
        self.calls()

    def calls(self):
        house, s = self.house, self.secrets
        for model in ("plain", "env", "dead", "db", "nothing"):
            for body in (chat(model), chat(model, stream=True)):
                self.keep(house.ask(body))
        request_id = new_id()
        self.up.script(request_id, refusal(b"401 No", "invalid_api_key"))
        self.keep(house.ask(chat(), request_id=request_id))
        for key in (s["unknown key"], self.told_once["key"][0], self.told_once["key of a user"][0]):
            self.keep(house.ask(chat(), key=key))
        for path in (f"/v1beta/models?key={s['key of the file']}", f"/v1/models?api_key={s['key of the file']}", f"/v1/models?key={s['unknown key']}"):
            self.keep(house.get(path, key=""))
        house.ask(chat(), fields=[("x-api-key", s["unknown key"]), ("x-goog-api-key", s["key of the file"])], key="")

    def keep(self, answer):
        self.house.asked.append(("", "", answer))

    def read_everything(self):
        house = self.house
        document = house.done("GET", "/openapi.json")
        for path, methods in document["paths"].items():
            if "get" not in methods:
                continue
            for name in ("signs", "plain", "ada", "db", "up", "env", "ada%2Fmine"):
                house.admin("GET", path.replace("{name}", name))
        for kind in ("users", "teams", "keys", "providers", "models"):
            house.admin("GET", f"/admin/config/history?kind={kind}&limit=1000")
        house.admin("GET", "/admin/audit?limit=1000")
        for path in ("/metrics", "/v1/usage/me", "/v1/quota", "/health", "/v1/models"):
            self.keep(house.get(path))

    def find(self):
        """Where secrets stand that must not: a list of texts."""
        house = self.house
        lines = house.stdout().splitlines()
        logged = [line for line in lines if not line.startswith(("  key    ", "  curl -N "))]  # the greeting's
        places = [("stdout", "\n".join(logged).encode()), ("stderr", house.stderr().encode())]
        for path in sorted(Path(house.data).rglob("*")):
            if path.is_file() and path.name != "master.key":
                places.append((str(path.relative_to(house.data)), path.read_bytes()))
        answers = [(f"{method} {path}", answer) for method, path, answer in house.asked]
        found = []
        names = {name: (text, None) for name, text in self.secrets.items()} | self.told_once
        for name, (text, once) in names.items():
            for spelling in set(spellings(text)):
                found += [f"{name} in {place}" for place, data in places if spelling in data]
                for place, answer in answers:
                    data = answer.body + repr(answer.fields).encode()
                    if answer is not once and spelling in data:
                        found.append(f"{name} in the answer to {place}")
        return found


@case("no secret stands in a log, in the metrics, in an answer or in the data directory, whatever went wrong")
def _():
    v = Vault()
    with v.house:
        v.use()
        v.read_everything()
        equal(v.find(), [])
        # A reload, and one that is refused.
        v.house.config["models"]["more"] = target("env")
        v.house.write_config()
        eventually(lambda: v.house.ask(chat("more")).status == 200, 3, "the new model")
        v.house.config["providers"]["env"]["type"] = "nonsense"
        v.house.write_config()
        v.house.process.send_signal(signal.SIGHUP)
        eventually(lambda: v.house.events("config_refused"), 3, "the refusal")
        v.house.config["providers"]["env"]["type"] = "openai"
        v.house.write_config()
        v.house.kill()
        time.sleep(0.1)
        v.house.start()
        v.calls()
        v.read_everything()
        equal(v.find(), [])
        check(not (v.house.data / "master.key").exists(), "a master key was made beside the one of the environment")
        v.house.stop()
        equal(v.find(), [])
        check(len(v.house.asked) > 300, len(v.house.asked))
        # A file that is wrong from the start.
        v.house.config["secrets"] = {"master_key": "${MASTER}", "master_key_file": "/nowhere"}
        v.house.write_config()
        try:
            v.house.start()
            check(False, "it started")
        except AssertionError as refusal_to_start:
            check("the server ended" in str(refusal_to_start), refusal_to_start)
        equal(v.find(), [])


def whole_house(environment=None, **more):
    up = Upstream()
    house = House({"providers": {"up": provider(up.url)}, "models": {"plain": target("up")}, **more}, environment=environment)
    return up, house


def fill(up, house):
    """What is sealed: settings, their history, a signing secret, keys of the installation; and what it takes to see that
    all of it still opens."""
    for i in range(3):
        house.make("providers", f"p{i}", type="openai", base_url=up.url, api_key=f"sk-old-{i}")
        house.done("PATCH", f"/admin/providers/p{i}", {"api_key": f"sk-new-{i}"})
        house.make("models", f"m{i}", targets=[{"provider": f"p{i}", "model": "x"}])
    then = house.done("GET", "/admin/config")["revision"]
    house.done("PATCH", "/admin/providers/p0", {"api_key": "sk-later"})
    house.done("DELETE", "/admin/models/m1", None, 204)
    house.make_user("ada", role="owner")
    key = house.make("keys", "k", user="ada")["key"]
    house.make("keys", "signs", signed=True)
    return then, key, house.log_in("ada")


def all_opens(up, house, key, login, wanted):
    for model, text in wanted.items():
        request_id = new_id()
        equal(house.ask(chat(model), key=key, request_id=request_id).status, 200, model)
        equal(up.requests(request_id)[0].field("authorization"), f"Bearer {text}", model)
    equal(house.done("GET", "/auth/me", token=login["access_token"])["role"], "owner")
    house.log_in("ada")


@case("the master key is replaced: a new first line, a restart, a rotation, and the old line can go")
def _():
    up, house = whole_house()
    with house:
        then, key, login = fill(up, house)
        wanted = {"m0": "sk-later", "m2": "sk-new-2"}
        all_opens(up, house, key, login, wanted)
        file = house.data / "master.key"
        equal(file.stat().st_mode & 0o777, 0o600)
        old = file.read_text()
        check(old.startswith("first:"), old[:10])
        new = f"second:{secrets.token_hex(32)}\n"
        file.write_text(new + old)
        house.stop()
        house.start()
        all_opens(up, house, key, login, wanted)
        refused(house.admin("POST", "/admin/secrets/rotate", token=house.make("keys", "weak", admin=True)["key"]), 403)
        done = house.done("POST", "/admin/secrets/rotate")
        equal(done["master_key"], "second")
        check(done["sealed"] >= 10, done)
        all_opens(up, house, key, login, wanted)
        house.stop()
        for path in house.data.rglob("lowart.db*"):
            check(b"lw1.first." not in path.read_bytes(), "sealed under the old one, in", path)
        file.write_text(new)
        house.start()
        all_opens(up, house, key, login, wanted)
        # Also what was, and comes back.
        house.done("POST", "/admin/config/rollback", {"revision_wanted": then})
        all_opens(up, house, key, login, {"m0": "sk-new-0", "m1": "sk-new-1", "m2": "sk-new-2"})
        equal(house.done("POST", "/admin/secrets/rotate")["master_key"], "second", "a second time")
        all_opens(up, house, key, login, {"m0": "sk-new-0"})
        check(house.done("GET", "/admin/audit/verify")["intact"])


@case("with a master key that is wrong, or gone, it does not start, and says so without telling any")
def _():
    up, house = whole_house()
    with house:
        fill(up, house)
        house.stop()
        file = house.data / "master.key"
        good = file.read_text()
        other = secrets.token_hex(32)
        for text, words in ((f"second:{other}\n", "first"), (f"first:{other}\n", ""), ("nonsense", "master key"), ("", "master key"), (None, "not here")):
            if text is None:
                file.unlink()
            else:
                file.write_text(text)
            before = len(house.stderr())
            try:
                house.start()
                check(False, "it started with", text)
            except AssertionError as ended:
                check("the server ended" in str(ended), ended)
            said = house.stderr()[before:]
            check(words in said and said.strip(), "it said", said)
            check(other not in said and good.strip()[6:] not in said, "it told a key")
            check(text is None or file.read_text() == text, "the file was written over")
        check(not file.exists(), "a new key was made for an old database")
        file.write_text(good)
        house.start()
        house.log_in("ada")


@case("the answer that tells a key is the only one, also in the usage of its calls")
def _():
    up, house = whole_house()
    with house:
        key = house.make("keys", "k")["key"]
        for _ in range(3):
            equal(house.ask(chat(), key=key).status, 200)
        house.records("k", 3)
        for path in ("/v1/usage/me", "/v1/quota", "/v1/models"):
            check(key not in house.get(path, key=key).body.decode(), path)
        shown = json.dumps(house.done("GET", "/admin/keys/k"))
        check(key not in shown and key[:12] in shown, shown)
        check(PASSWORD not in shown)
