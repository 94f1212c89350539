"""Users, teams and keys from their making to their end, and what calls notice of it."""

import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

from kit.cases import case, check, equal, eventually
from kit.gateway import chat, provider, shared, target
from kit.house import PASSWORD, House, refused
from kit.upstream import Upstream

KINDS = ["users", "teams", "keys"]


def config():
    up = Upstream()
    return {
        "providers": {"up": provider(up.url)},
        "models": {
            "plain": target("up"),
            "fast": target("up", "fast-up"),
            "e": {**target("up"), "doors": ["embeddings"]},
        },
        "tiers": {"small": {"rpm": 2}},
    }


def accounts():
    return shared("accounts", lambda: House(config()))


def status(house, key, model="plain"):
    return house.ask(chat(model), key=key).status


def on_every_loop(house, key, wanted, model="plain", connections=12):
    """That every event loop answers with this: connections are dealt out among them."""
    for _ in range(connections):
        equal(status(house, key, model), wanted, "an answer")


def holders(house, text):
    """The files of the data directory that have a text in them."""
    return [str(p) for p in Path(house.data).rglob("*") if p.is_file() and text.encode() in p.read_bytes()]


def in_seconds(seconds):
    return (datetime.now(timezone.utc) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@case("users, teams and keys are made, shown, changed, replaced and taken away")
def _():
    house = accounts()
    for kind in KINDS:
        made = house.make(kind, "full", metadata={"a": 1, "b": {"c": 2}}, rpm=100, cost_per_day="1.50")
        equal((made["name"], made["status"], made["rpm"]), ("full", "active", 100))
        path = f"/admin/{kind}/full"
        answer = house.admin("GET", path)
        equal(answer.field("etag"), f'"{made["revision"]}"')
        equal(answer.field("cache-control"), "no-store")
        shown = answer.json()
        equal(shown, {name: value for name, value in made.items() if name != "key"}, "shown as it was told")
        changed = house.done("PATCH", path, {"rpm": 5, "metadata": {"a": None, "b": {"d": 3}}})
        equal((changed["rpm"], changed["metadata"]), (5, {"b": {"c": 2, "d": 3}}), "merged")
        check(changed["revision"] > made["revision"] and changed["created_at"] == made["created_at"], changed)
        gone = house.done("PATCH", path, {"rpm": None})
        check("rpm" not in gone and gone["cost_per_day"] == "1.50", gone)
        whole = {"revision": gone["revision"], "status": "active", "tpm": 7}
        replaced = house.done("PUT", path, whole)
        check("cost_per_day" not in replaced and replaced["tpm"] == 7, replaced)
        refused(house.admin("PATCH", path, {"name": "other"}), 400, "a name stays")
        refused(house.admin("POST", f"/admin/{kind}", {"name": "full"}), 409, "already")
        equal(house.admin("DELETE", path).status, 204)
        refused(house.admin("GET", path), 404, "'full'")
        refused(house.admin("DELETE", path), 404)
        history = [(one["kind"], one["after"] is None) for one in house.done("GET", f"/admin/config/history?kind={kind}&name=full")["data"]]
        equal(history, [(kind, True)] + [(kind, False)] * 4, "its history")
        acts = [one["act"] for one in house.audit(subject=f"{kind}/full")]
        one = {"users": "User", "teams": "Team", "keys": "Key"}[kind]
        equal(acts, [f"{act}{one}" for act in ("delete", "replace", "update", "update", "create")], "in the audit log")


@case("lists come in pages, each account once, and by prefix, status, team and user")
def _():
    house = House(config())
    with house:
        house.make("teams", "red")
        for i in range(23):
            house.make("users", f"u{i:02}", **({"team": "red"} if i % 2 else {}))
            house.make("keys", f"k{i:02}", user=f"u{i % 3:02}")
        house.done("PATCH", "/admin/users/u05", {"status": "blocked"})
        for kind, letter in (("users", "u"), ("keys", "k")):
            seen, after = [], ""
            while True:
                page = house.done("GET", f"/admin/{kind}?limit=5{after and f'&after={after}'}")
                seen += [one["name"] for one in page["data"]]
                check(len(page["data"]) <= 5, "a page of", len(page["data"]))
                if not page["has_more"]:
                    check("next" not in page, page)
                    break
                after = page["next"]
            equal(seen, [f"{letter}{i:02}" for i in range(23)], f"all {kind}")

        def names(asked):
            return [one["name"] for one in house.done("GET", f"/admin/{asked}")["data"]]

        equal(names("users?prefix=u1"), [f"u1{i}" for i in range(10)])
        equal(names("users?team=red&prefix=u0"), ["u01", "u03", "u05", "u07", "u09"])
        equal(names("users?status=blocked"), ["u05"])
        equal(names("keys?user=u02"), [f"k{i:02}" for i in range(2, 23, 3)])
        equal(names("keys?user=u02&after=k08&limit=2"), ["k11", "k14"])
        for bad in ("limit=0", "limit=1001", "limit=x", "limit=", "limit=1&limit=2", "nonsense=1"):
            refused(house.admin("GET", f"/admin/users?{bad}"), 400, bad.split("=")[0] if bad != "nonsense=1" else "no parameter")


@case("two who change the same: the second is told, and nothing of the first is lost")
def _():
    house = accounts()
    for kind in KINDS:
        seen = house.make(kind, "contested", rpm=1)["revision"]
        path = f"/admin/{kind}/contested"
        house.done("PATCH", path, {"rpm": 2, "revision": seen})
        for method, body in (("PATCH", {"rpm": 3}), ("PUT", {"rpm": 3, "status": "active"})):
            refused(house.admin(method, path, {**body, "revision": seen}), 409, "read it again")
            refused(house.admin(method, path, body, fields=[("if-match", f'"{seen}"')]), 409)
        equal(house.admin("DELETE", path, fields=[("if-match", f'"{seen}"')]).status, 409)
        now = house.done("GET", path)
        equal(now["rpm"], 2)
        refused(house.admin("PUT", path, {"rpm": 4}), 400, "'revision'")
        refused(house.admin("PATCH", path, {"rpm": 4}, fields=[("if-match", "nonsense")]), 400, "if-match")
        house.done("PATCH", path, {"rpm": 5}, fields=[("if-match", f'W/"{now["revision"]}"')])


@case("a key's text is told once; a new one keeps its limits and what is used of them")
def _():
    house = accounts()
    made = house.make("keys", "once", rpm=3, models=["plain"])
    text = made["key"]
    check(text.startswith(made["prefix"]) and len(text) > 40, made)
    for path in ("/admin/keys/once", "/admin/keys?prefix=once", "/admin/config/history?kind=keys", "/admin/audit?limit=1000"):
        check(text not in house.admin("GET", path).body.decode(), "told again at", path)
    check(not holders(house, text), "in", holders(house, text))
    on_every_loop(house, text, 200, connections=2)
    fresh = house.done("POST", "/admin/keys/once/regenerate")
    check(fresh["key"] != text and fresh["rpm"] == 3, fresh)
    on_every_loop(house, text, 401)
    equal(status(house, fresh["key"]), 200, "the third of three")
    equal(status(house, fresh["key"]), 429, "the fourth")
    equal(status(house, fresh["key"], "fast"), 403, "what it may not use")


@case("a key that is revoked is refused at once on every loop, and for ever")
def _():
    house = accounts()
    for turn in range(5):
        key = house.make("keys", f"ends{turn}")["key"]
        on_every_loop(house, key, 200, connections=4)
        house.done("POST", f"/admin/keys/ends{turn}/revoke")
        on_every_loop(house, key, 401)
    refused(house.admin("PATCH", "/admin/keys/ends0", {"status": "active"}), 409, "revoked")
    disabled = house.make("keys", "rests")["key"]
    house.done("PATCH", "/admin/keys/rests", {"status": "disabled"})
    on_every_loop(house, disabled, 401)
    house.done("PATCH", "/admin/keys/rests", {"status": "active"})
    on_every_loop(house, disabled, 200)
    house.done("DELETE", "/admin/keys/rests", None, 204)
    on_every_loop(house, disabled, 401)
    fresh = house.done("POST", "/admin/keys/ends0/regenerate")["key"]
    on_every_loop(house, fresh, 200)


@case("a key ends when its time has come")
def _():
    house = accounts()
    key = house.make("keys", "brief", expires_at=in_seconds(1.5))["key"]
    on_every_loop(house, key, 200, connections=4)
    time.sleep(1.6)
    on_every_loop(house, key, 401)
    house.done("PATCH", "/admin/keys/brief", {"expires_at": in_seconds(60)})
    on_every_loop(house, key, 200)


@case("keys of a user or a team that is not active do not work, and do again when it is")
def _():
    house = accounts()
    house.make("teams", "crew")
    house.make("users", "sailor", team="crew")
    keys = [
        house.make("keys", "of-user", user="sailor")["key"],
        house.make("keys", "of-team", team="crew")["key"],
        house.make("keys", "of-none")["key"],
    ]

    def all_are(*wanted):
        for key, one in zip(keys, wanted):
            on_every_loop(house, key, one, connections=6)

    all_are(200, 200, 200)
    for state in ("blocked", "inactive"):
        house.done("PATCH", "/admin/users/sailor", {"status": state})
        all_are(401, 200, 200)
    house.done("PATCH", "/admin/users/sailor", {"status": "active"})
    all_are(200, 200, 200)
    house.done("PATCH", "/admin/teams/crew", {"status": "inactive"})
    all_are(401, 401, 200)
    house.done("PATCH", "/admin/users/sailor", {"team": None})
    all_are(200, 401, 200)
    house.done("PATCH", "/admin/teams/crew", {"status": "active"})
    all_are(200, 200, 200)
    house.done("PATCH", "/admin/users/sailor", {"team": "crew"})
    refused(house.admin("DELETE", "/admin/teams/crew"), 409, "still name")
    house.done("DELETE", "/admin/users/sailor", None, 204)
    all_are(401, 200, 200)
    refused(house.admin("GET", "/admin/keys/of-user"), 404)
    refused(house.admin("POST", "/admin/keys", {"name": "lost", "user": "sailor"}), 400, "no user 'sailor'")


@case("models, types and addresses of a key are kept to")
def _():
    house = accounts()
    only = house.make("keys", "only", models=["fa*"])["key"]
    equal((status(house, only, "fast"), status(house, only)), (200, 403))
    blocked = house.make("keys", "not", blocked_models=["fast"])["key"]
    equal((status(house, blocked, "fast"), status(house, blocked)), (403, 200))
    listed = [one["id"] for one in house.get("/v1/models", key=blocked).json()["data"]]
    check("plain" in listed and "fast" not in listed, listed)
    typed = house.make("keys", "typed", types=["embedding"])["key"]
    equal(status(house, typed), 403)
    embeds = house.ask({"model": "e", "input": "x"}, "/v1/embeddings", key=typed)
    check(embeds.status not in (401, 403, 404), embeds)
    near = house.make("keys", "near", addresses=["127.0.0.0/8"])["key"]
    far = house.make("keys", "far", addresses=["10.0.0.0/8", "2001:db8::/32"])["key"]
    equal((status(house, near), status(house, far)), (200, 403))
    house.done("PATCH", "/admin/keys/far", {"addresses": ["127.0.0.1"]})
    on_every_loop(house, far, 200)
    for bad in (["nonsense"], ["10.0.0.0/33"], "127.0.0.1", [1], [""]):
        wrong = refused(house.admin("PATCH", "/admin/keys/far", {"addresses": bad}), 400)
        check(wrong["param"].startswith("addresses"), wrong)
    refused(house.admin("PATCH", "/admin/keys/far", {"types": ["songs"]}), 400, "is one of")


def let_in(house, key, most=10):
    """How many calls pass until one is refused; all limits here are by the minute and small."""
    for count in range(most):
        answer = house.ask(chat(), key=key)
        if answer.status == 429:
            check(answer.field("retry-after") is not None, answer.fields)
            return count
        equal(answer.status, 200, answer)
    return most


@case("limits of a tier, a user and a team are at work, shared by their keys, and change at once")
def _():
    house = accounts()
    house.make("teams", "four", rpm=4)
    house.make("users", "three", rpm=3, team="four")
    house.make("users", "free", team="four")
    first, second = (house.make("keys", f"three-{i}", user="three")["key"] for i in range(2))
    equal(let_in(house, first) + let_in(house, second), 3, "both keys of a user")
    third = house.make("keys", "four-1", user="free")["key"]
    equal(let_in(house, third), 1, "what the team has left")
    tiered = house.make("keys", "tiered", tier="small")["key"]
    equal(let_in(house, tiered), 2, "of the tier in the file")
    house.done("PATCH", "/admin/keys/tiered", {"rpm": 600})
    equal(status(house, tiered), 200, "its own limit goes before")
    house.make("tiers", "wide", rpm=1)
    wide = house.make("keys", "wide", tier="wide")["key"]
    equal(let_in(house, wide), 1, "of a tier in the database")
    house.done("PATCH", "/admin/tiers/wide", {"rpm": 1000})
    eventually(lambda: status(house, wide) == 200, 2, "a tier that was widened")
    refused(house.admin("DELETE", "/admin/tiers/wide"), 409, "still name")
    refused(house.admin("POST", "/admin/keys", {"name": "x", "tier": "nothing"}), 400, "no tier 'nothing'")


@case("keys of one's own: made, listed, renewed and ended by their user, and by nobody else's")
def _():
    house = accounts()
    for name in ("own-a", "own-b"):
        house.make_user(name)
    a, b = house.session("own-a"), house.session("own-b")
    made = house.done("POST", "/auth/keys", {"name": "laptop", "models": ["plain"]}, 201, token=a)
    equal((made["name"], made["user"]), ("own-a/laptop", "own-a"))
    on_every_loop(house, made["key"], 200, connections=4)
    equal([one["name"] for one in house.done("GET", "/auth/keys", token=a)["data"]], ["own-a/laptop"])
    equal(house.done("GET", "/auth/keys", token=b)["data"], [])
    refused(house.admin("POST", "/auth/keys", {"name": "laptop"}, token=a), 409, "already")
    path = "/auth/keys/own-a%2Flaptop"
    for act in ("revoke", "regenerate"):
        refused(house.admin("POST", f"{path}/{act}", token=b), 404, "of yours")
    for field in ({"admin": True}, {"rpm": 1}, {"user": "own-b"}, {"tier": "small"}, {"team": "x"}):
        refused(house.admin("POST", "/auth/keys", {"name": "more", **field}, token=a), 400, "not known")
    fresh = house.done("POST", f"{path}/regenerate", token=a)
    on_every_loop(house, made["key"], 401, connections=4)
    on_every_loop(house, fresh["key"], 200, connections=4)
    house.done("POST", f"{path}/revoke", token=a)
    on_every_loop(house, fresh["key"], 401, connections=4)
    refused(house.admin("POST", f"{path}/regenerate", token=a), 409, "revoked")
    # A key that counts for nobody has none of its own.
    refused(house.admin("GET", "/auth/keys"), 403, "belongs to none")
    most = 0
    while most < 120 and house.admin("POST", "/auth/keys", {"name": f"n{most}"}, token=b).status == 201:
        most += 1
    equal(most, 100, "keys of one's own, at most")


@case("a program that has logged in is handed a key, which ends with the session")
def _():
    house = accounts()
    house.make_user("desk")
    session = house.session("desk")
    first = house.done("POST", "/auth/llm-token", token=session)
    equal(first["user"], "desk")
    on_every_loop(house, first["key"], 200, connections=4)
    second = house.done("POST", "/auth/llm-token", token=session)
    equal(second["name"], first["name"], "the same key")
    on_every_loop(house, first["key"], 401, connections=4)
    on_every_loop(house, second["key"], 200, connections=4)
    house.done("POST", "/auth/logout", None, 204, token=session)
    on_every_loop(house, second["key"], 401, connections=4)
    refused(house.admin("GET", "/auth/me", token=session), 401, "has ended")
    # Or stays, where that is asked for.
    session = house.session("desk")
    kept = house.done("POST", "/auth/llm-token", token=session)["key"]
    house.done("POST", "/auth/logout", {"keep_key": True}, 204, token=session)
    on_every_loop(house, kept, 200, connections=4)
    refused(house.admin("POST", "/auth/llm-token"), 403)
    # Whoever ends sessions ends their keys.
    for end in (
        lambda: house.done("POST", "/admin/users/desk/logout", None, 204),
        lambda: house.done("PUT", "/admin/users/desk/password", {"password": PASSWORD}, 204),
    ):
        key = house.done("POST", "/auth/llm-token", token=house.session("desk"))["key"]
        on_every_loop(house, key, 200, connections=4)
        end()
        on_every_loop(house, key, 401, connections=4)
    # A session that was ended cannot be handed one, nor one whose key an administrator revoked.
    session = house.session("desk")
    name = house.done("POST", "/auth/llm-token", token=session)["name"].replace("/", "%2F")
    house.done("POST", f"/admin/keys/{name}/revoke")
    refused(house.admin("POST", "/auth/llm-token", token=session), 409, "revoked")


@case("a signed key that is changed, or handed out anew, keeps its secret to itself")
def _():
    house = accounts()
    made = house.make("keys", "signs", signed=True)
    check(len(made["signing_secret"]) > 20, made)
    changed = house.done("PATCH", "/admin/keys/signs", {"rpm": 10})
    equal(changed["signing_secret"], "***")
    house.make_user("signer")
    session = house.session("signer")
    name = house.done("POST", "/auth/llm-token", token=session)["name"].replace("/", "%2F")
    house.done("PATCH", f"/admin/keys/{name}", {"signed": True})
    secret = house.done("POST", "/auth/llm-token", token=session)["signing_secret"]
    check(len(secret) > 20, secret)
    check(not holders(house, secret), "in", holders(house, secret))


def everything(house):
    told = [house.done("GET", f"/admin/{kind}")["data"] for kind in (*KINDS, "models", "providers", "audit")]
    for one in (one for kind in told for one in kind):
        one.pop("last_used_at", None)
    return told


@case("everything outlives a restart, also one without a farewell")
def _():
    house = House(config())
    with house:
        house.make("teams", "t", rpm=1000)
        house.make_user("u", team="t", role="admin")
        key = house.make("keys", "k", user="u", models=["plain"])["key"]
        ended = house.make("keys", "ended", user="u")["key"]
        house.done("POST", "/admin/keys/ended/revoke")
        login = house.log_in("u")
        handed = house.done("POST", "/auth/llm-token", token=login["access_token"])["key"]
        house.make("models", "later", targets=[{"provider": "up", "model": "x"}])
        before = everything(house)
        for end in (house.kill, house.stop):
            end()
            house.start()
            equal(everything(house), before, "all that was there")
            equal([status(house, one) for one in (key, ended, handed)], [200, 401, 200])
            equal(status(house, house.key, "later"), 200)
            equal(house.done("GET", "/auth/me", token=login["access_token"])["role"], "admin")
        house.done("POST", "/auth/refresh", {"refresh_token": login["refresh_token"]}, token="")
        check(house.done("GET", "/admin/audit/verify")["intact"])


@case("a key tells when it was last used, also over a restart; one that was not tells nothing")
def _():
    house = House(config())
    with house:
        key = house.make("keys", "used")["key"]
        house.make("keys", "idle")
        equal(status(house, key), 200)
        used = eventually(lambda: house.done("GET", "/admin/keys/used").get("last_used_at"), 5, "last_used_at")
        check(used > house.done("GET", "/admin/keys/used")["created_at"], used)
        listed = {one["name"]: one.get("last_used_at") for one in house.done("GET", "/admin/keys")["data"]}
        equal(listed, {"used": used, "idle": None})
        house.stop()
        house.start()
        equal(house.done("GET", "/admin/keys/used")["last_used_at"], used)
