"""How people log in and stay logged in: passwords, locks, refresh tokens, and an identity provider."""

import collections
import http.client
import itertools
import re
import sqlite3
import tempfile
import threading
import time
import urllib.parse
from pathlib import Path

from kit.cases import case, check, equal, eventually
from kit.gateway import provider, scratch, shared, target
from kit.house import PASSWORD, House, refused
from kit.oidc_house import OidcHouse
from kit.upstream import Upstream

BACK = "http://127.0.0.1:1/auth/oidc/callback"


def config(**more):
    up = Upstream()
    return {"providers": {"up": provider(up.url)}, "models": {"plain": target("up")}, **more}


def people():
    return shared("people", lambda: House(config()))


def in_database(house, statement, *values):
    """What an hour of waiting would bring about."""
    with sqlite3.connect(f"{house.data}/lowart.db", timeout=5) as database:
        check(database.execute(statement, values).rowcount == 1, "not one row:", statement)
    database.close()


def log_in(house, user, password):
    return house.admin("POST", "/auth/login", {"user": user, "password": password}, token="")


def refresh(house, token):
    return house.admin("POST", "/auth/refresh", {"refresh_token": token}, token="")


@case("a session begins with a password, and says who asks")
def _():
    house = people()
    house.make_user("ada", role="billing")
    login = house.log_in("ada")
    equal((login["user"], login["role"], login["token_type"], login["expires_in"]), ("ada", "billing", "Bearer", 900))
    me = house.done("GET", "/auth/me", token=login["access_token"])
    equal((me["actor"], me["user"], me["role"]), ("user ada", "ada", "billing"))
    equal(house.audit(subject="users/ada", act="logIn")[0]["outcome"], "done")
    equal(log_in(house, "ada", PASSWORD).field("cache-control"), "no-store")
    # What is not right is not told apart.
    house.make("users", "no-password")
    texts = {refused(log_in(house, *pair), 401)["message"] for pair in (("ada", "wrong"), ("nobody", PASSWORD), ("no-password", PASSWORD))}
    equal(len(texts), 1, texts)
    for state in ("blocked", "inactive"):
        house.done("PATCH", "/admin/users/ada", {"status": state})
        refused(log_in(house, "ada", PASSWORD), 403, state)
        refused(log_in(house, "ada", "wrong"), 401)
    # An altered token is none.
    house.done("PATCH", "/admin/users/ada", {"status": "active"})
    token = login["access_token"]
    head, claims, signature = token.split(".")
    for bad in (f"{head}.{claims}.", f"{head}.{claims}.{signature[::-1]}", f"{head}.{signature}.{claims}", "ey.", "eyJhbGciOiJub25lIn0.e30."):
        refused(house.admin("GET", "/auth/me", token=bad), 401)


@case("a password has 12 to 1024 bytes, and is changed by who knows the old one")
def _():
    house = people()
    house.make_user("bob")
    for bad in ("", "a" * 11, "a" * 1025):
        refused(house.admin("PUT", "/admin/users/bob/password", {"password": bad}), 400, "password" if len(bad) > 1024 else "")
    for good in ("a" * 12, "ü" * 512):
        house.done("PUT", "/admin/users/bob/password", {"password": good}, 204)
        equal(log_in(house, "bob", good).status, 200)
    house.done("PUT", "/admin/users/bob/password", {"password": PASSWORD}, 204)
    mine, other = house.log_in("bob"), house.log_in("bob")
    change = {"old_password": "not the old one", "password": "a wholly new one"}
    refused(house.admin("PUT", "/auth/password", change, token=mine["access_token"]), 403, "old_password")
    refused(house.admin("PUT", "/auth/password", {"password": "a wholly new one"}, token=mine["access_token"]), 403)
    house.done("PUT", "/auth/password", {**change, "old_password": PASSWORD}, 204, token=mine["access_token"])
    house.done("GET", "/auth/me", token=mine["access_token"])
    refused(house.admin("GET", "/auth/me", token=other["access_token"]), 401, "has ended")
    refused(refresh(house, other["refresh_token"]), 401)
    equal(refresh(house, mine["refresh_token"]).status, 200, "who changed it goes on")
    refused(log_in(house, "bob", PASSWORD), 401)
    house.done("PUT", "/admin/users/bob/password", {"password": PASSWORD}, 204)
    refused(house.admin("GET", "/auth/me", token=mine["access_token"]), 401, "has ended")
    # Who has found an open session cannot try out passwords there.
    token = house.session("bob")
    tries = [house.admin("PUT", "/auth/password", change, token=token) for _ in range(6)]
    equal([one.status for one in tries], [403] * 5 + [429])
    check(0 < int(tries[-1].field("retry-after")) <= 60, tries[-1].fields)
    equal(log_in(house, "bob", PASSWORD).status, 429, "nor at the door")


@case("five wrong passwords lock an account for a minute, also for the right one, and for longer each time")
def _():
    house = people()
    house.make_user("carl")
    for _ in range(5):
        refused(log_in(house, "carl", "wrong"), 401)
    locked = log_in(house, "carl", PASSWORD)
    refused(locked, 429, "too often")
    check(55 <= int(locked.field("retry-after")) <= 60, locked.fields)
    equal([one["outcome"] for one in house.audit(subject="users/carl", act="logIn")], ["denied"] * 5)
    in_database(house, "UPDATE password SET last_failure = last_failure - 61000000 WHERE user = 'carl'")
    refused(log_in(house, "carl", "wrong"), 401)
    check(int(log_in(house, "carl", PASSWORD).field("retry-after")) > 100, "twice as long")
    in_database(house, "UPDATE password SET last_failure = last_failure - 121000000 WHERE user = 'carl'")
    equal(log_in(house, "carl", PASSWORD).status, 200)
    for _ in range(4):
        refused(log_in(house, "carl", "wrong"), 401)
    equal(log_in(house, "carl", PASSWORD).status, 200, "counted from the beginning")


@case("a user that is not there is answered, and locked, as one that is")
def _():
    house = people()
    house.make_user("known")
    answers = {}
    for name in ("known", "stranger"):
        answers[name] = [log_in(house, name, "wrong") for _ in range(7)]
    told = {name: [(one.status, one.json()["error"]["message"]) for one in all_of_it] for name, all_of_it in answers.items()}
    equal(told["stranger"], told["known"])
    equal([one.status for one in answers["stranger"]], [401] * 5 + [429] * 2)
    equal(house.audit(subject="users/stranger"), [], "strangers could fill the log")


@case("a session that lapses takes the key along that was handed out to it")
def _():
    house = people()
    house.make_user("lapsed")
    first = house.log_in("lapsed")
    key = house.done("POST", "/auth/llm-token", token=first["access_token"])["key"]
    equal(house.get("/v1/models", key=key).status, 200)
    in_database(house, "UPDATE session SET expires_at = 1 WHERE user = 'lapsed'")
    house.log_in("lapsed")
    eventually(lambda: house.get("/v1/models", key=key).status == 401, 2, "the end of the key")


@case("a refresh token is good once; used again later, its session ends with the key that was handed out")
def _():
    house = people()
    house.make_user("dora")
    first = house.log_in("dora")
    key = house.done("POST", "/auth/llm-token", token=first["access_token"])["key"]
    second = refresh(house, first["refresh_token"]).json()
    check(second["refresh_token"] != first["refresh_token"], "the same token")
    third = refresh(house, second["refresh_token"]).json()
    refused(refresh(house, first["refresh_token"]), 401)
    # A client whose answer was lost asks again at once.
    again = refresh(house, second["refresh_token"])
    equal(again.status, 200, again)
    house.done("GET", "/auth/me", token=again.json()["access_token"])
    fourth = refresh(house, again.json()["refresh_token"]).json()
    in_database(house, "UPDATE session SET rotated_at = rotated_at - 11000000 WHERE user = 'dora'")
    equal(house.get("/v1/models", key=key).status, 200)
    refused(refresh(house, again.json()["refresh_token"]), 401)
    refused(refresh(house, fourth["refresh_token"]), 401)
    refused(house.admin("GET", "/auth/me", token=fourth["access_token"]), 401, "has ended")
    equal(house.get("/v1/models", key=key).status, 401)
    denied = house.audit(subject="users/dora", act="refreshSession")[0]
    equal(denied["outcome"], "denied")
    check("twice" in denied["detail"]["reason"], denied)
    check(third["refresh_token"] != fourth["refresh_token"])


@case("a session ends with its time, with its user, and with an administrator's word")
def _():
    house = people()
    house.make_user("emil")
    login = house.log_in("emil")
    in_database(house, "UPDATE session SET expires_at = 1 WHERE user = 'emil'")
    refused(refresh(house, login["refresh_token"]), 401)
    login = house.log_in("emil")
    house.done("PATCH", "/admin/users/emil", {"status": "blocked"})
    refused(refresh(house, login["refresh_token"]), 401)
    house.done("PATCH", "/admin/users/emil", {"status": "active"})
    login = house.log_in("emil")
    house.done("POST", "/admin/users/emil/logout", None, 204)
    refused(house.admin("GET", "/auth/me", token=login["access_token"]), 401)
    refused(refresh(house, login["refresh_token"]), 401)
    for bad in ("", "rt-lw-", "rt-lw-" + "a" * 43, "x" * 10000, "\u0000"):
        answer = refresh(house, bad)
        check(answer.status in (400, 401), bad[:20], answer)


@case("strangers who log in by the hundred keep neither calls nor administration waiting", alone=True)
def _():
    house = people()
    stopping, statuses, names = threading.Event(), collections.Counter(), itertools.count()

    def knock():
        while not stopping.is_set():
            answer = log_in(house, f"nobody-{next(names)}", "a guess of somebody")
            statuses[answer.status] += 1
            check(answer.status != 503 or answer.field("retry-after") == "1", answer.fields)

    threads = [threading.Thread(target=knock) for _ in range(40)]
    for thread in threads:
        thread.start()
    waited = []
    try:
        time.sleep(0.5)
        for _ in range(10):
            begun = time.monotonic()
            house.done("GET", "/admin/users?limit=1")
            waited.append(time.monotonic() - begun)
    finally:
        stopping.set()
        for thread in threads:
            thread.join()
    equal(set(statuses), {401, 503}, statuses)
    check(max(waited) < 2, "administration waited", waited)


# --- an identity provider ------------------------------------------------------------------------------------------


def plain_get(url):
    """(status, the fields of the answer), without following anything."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    connection.request("GET", f"{parts.path}?{parts.query}")
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, dict(answer.getheaders())


class Identities:
    """A gateway and its identity provider."""

    def __init__(self, **more):
        self.provider = OidcHouse(keys_directory())
        self.provider.register("gateway", BACK, "s3cret-of-the-client")
        oidc = {
            "issuer": self.provider.url,
            "client_id": "gateway",
            "client_secret": "s3cret-of-the-client",
            "redirect_uri": BACK,
            "role_claim": "groups",
            "roles": {"ops": "admin", "money": "billing"},
            "default_role": "member",
            **more,
        }
        self.house = House(config(login={"oidc": oidc}))

    def begin(self):
        """(the cookie, where the provider sent the browser back to)."""
        answer = self.house.admin("GET", "/auth/oidc/login", token="")
        equal(answer.status, 302, answer)
        cookie = answer.field("set-cookie")
        check("HttpOnly" in cookie and "SameSite=Lax" in cookie, cookie)
        status, fields = plain_get(answer.field("location"))
        equal(status, 302)
        return cookie.split(";")[0], urllib.parse.urlsplit(fields["location"]).query

    def end(self, cookie, query):
        fields = [("cookie", cookie)] if cookie else []
        return self.house.admin("GET", f"/auth/oidc/callback?{query}", token="", fields=fields)

    def log_in(self, **person):
        self.provider.person = {"sub": "u-1", "email": "ann@example.com", "email_verified": True, "name": "Ann", **person}
        return self.end(*self.begin())


def keys_directory():
    return Path(tempfile.mkdtemp(dir=scratch.name))


@case("a login by an identity provider makes an account, with the role that its groups mean")
def _():
    i = Identities(auto_create=True)
    login = i.log_in(groups=["money"])
    equal(login.status, 200, login)
    equal((login.json()["user"], login.json()["role"]), ("ann@example.com", "billing"))
    user = i.house.done("GET", "/admin/users/ann@example.com")
    equal((user["display_name"], user["email"], user["role"]), ("Ann", "ann@example.com", "billing"))
    me = i.house.done("GET", "/auth/me", token=login.json()["access_token"])
    equal(me["actor"], "user ann@example.com")
    # The subject is who it is, whatever becomes of its name and its address; roles follow.
    login = i.log_in(email="ann@new.example.com", name="Ann B.", groups=["ops", "money"]).json()
    equal((login["user"], login["role"]), ("ann@example.com", "admin"))
    equal(i.house.done("GET", "/admin/users/ann@example.com")["email"], "ann@new.example.com")
    equal(i.log_in(sub="u-2", email="ben@example.com").json()["role"], "member")
    equal(i.log_in(sub="u-3", email="eve@example.com", email_verified=False).json()["user"], "u-3")
    # Somebody else's name is not taken over.
    i.house.make_user("own@example.com")
    refused(i.log_in(sub="u-4", email="own@example.com"), 409, "not of this identity provider")
    i.house.done("PATCH", "/admin/users/ben@example.com", {"status": "blocked"})
    refused(i.log_in(sub="u-2", email="ben@example.com"), 403, "blocked")


@case("what people are called elsewhere does no harm here")
def _():
    i = Identities(auto_create=True)
    for number, name in enumerate(["a" + "ü" * 300, "\u0000\n", "'; DROP TABLE resource; --", "\u202eevil", ""]):
        answer = i.log_in(sub=f"strange-{number}", email="", name=name)
        equal(answer.status, 200, answer)
        i.house.done("GET", f"/admin/users/strange-{number}")
    for bad in ("x" * 200, "a\u0000b", "line\nbreak", ".."):
        refused(i.log_in(sub=bad, email=""), 403, "name")
    i.house.done("GET", "/admin/users?limit=1000")
    i.house.stop()
    i.house.start()
    i.house.done("GET", "/admin/users/strange-0")


@case("a login that was begun elsewhere, or comes twice, is refused")
def _():
    i = Identities(auto_create=True)
    i.provider.person = {"sub": "u-7", "email": "", "name": "G"}
    cookie, query = i.begin()
    refused(i.end("", query), 401, "not begun here")
    refused(i.end("lowart_login=" + "x" * 43, query), 401)
    refused(i.end(cookie, query.replace("state=", "state=x")), 401)
    refused(i.end(cookie, "state=&code="), 401)
    refused(i.end(cookie, re.sub("code=[^&]*", "code=", query)), 401)
    cookie, query = i.begin()
    equal(i.end(cookie, query).status, 200)
    refused(i.end(cookie, query), 401, "not begun here")
    # The state of one with the code of another: the proof does not fit.
    first, second = i.begin(), i.begin()
    code = re.search("code=([^&]*)", second[1])[1]
    refused(i.end(first[0], re.sub("code=[^&]*", f"code={code}", first[1])), 401)
    # A code that the provider has seen.
    cookie, query = i.begin()
    refused(i.end(cookie, re.sub("code=[^&]*", f"code={code}", query)), 401)
    # The provider says no.
    cookie, query = i.begin()
    state = re.search("state=([^&]*)", query)[1]
    refused(i.end(cookie, f"state={state}&error=access_denied"), 401, "access_denied")


@case("a token with the wrong nonce, audience, issuer, time or key lets nobody in")
def _():
    i = Identities(auto_create=True)
    for claims in ({"nonce": "other"}, {"aud": "another"}, {"iss": "http://127.0.0.1:2"}, {"exp": 1}, {"sub": ""}, {"nonce": None}):
        i.provider.claims = claims
        answer = i.log_in(sub="u-8", email="")
        equal(answer.status, 401, (claims, answer))
    i.provider.claims = {}
    equal(i.log_in(sub="u-8", email="").status, 200)
    i.provider.instead["/token"] = (500, "oops")
    answer = i.log_in(sub="u-8", email="")
    check(answer.status in (401, 502, 503), answer)
    i.provider.instead = {}
    i.provider.rotate()  # new keys are asked for once a minute: until then theirs are strangers'
    equal(i.log_in(sub="u-8", email="").status, 401)
    i.house.stop()
    i.house.start()
    equal(i.log_in(sub="u-8", email="").status, 200, "after its keys were changed")


@case("without auto_create only those who are known get in; without a role nobody does")
def _():
    i = Identities(auto_create=False, default_role="")
    refused(i.log_in(groups=["ops"]), 403, "nobody here is known")
    refused(i.log_in(groups=["strangers"]), 403)
    equal(i.house.done("GET", "/admin/users")["data"], [])
    none = people().admin("GET", "/auth/oidc/login", token="")
    refused(none, 404, "no identity provider")
