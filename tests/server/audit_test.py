"""The audit log: what stands in it, and that nobody changes it unseen."""

import json
import sqlite3
import threading

from kit.cases import case, check, equal
from kit.gateway import provider, target
from kit.house import House, refused
from kit.upstream import Upstream


class Noted:
    """A gateway whose audit log has some entries, and the head of its chain."""

    def __init__(self):
        up = Upstream()
        self.house = House({"providers": {"up": provider(up.url)}, "models": {"plain": target("up")}})
        for i in range(6):
            self.house.make("users", f"u{i}")
        self.head = self.verify()["head"]

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.house.__exit__(*what)

    def verify(self, expect=""):
        return self.house.done("GET", f"/admin/audit/verify{expect and f'?expect={expect}'}")

    def edit(self, statement):
        with sqlite3.connect(f"{self.house.data}/lowart.db", timeout=5) as database:
            equal(database.execute(statement).rowcount, 1, statement)
        database.close()


@case("an entry that is edited is found, whichever of its members it is")
def _():
    for column, value in (
        ("actor", "'key other'"),
        ("address", "'10.0.0.1'"),
        ("act", "'deleteUser'"),
        ("subject", "'users/u9'"),
        ("outcome", "'denied'"),
        ("detail", "'{}'"),
        ("at", "at + 1"),
        ("hash", "zeroblob(32)"),
    ):
        with Noted() as n:
            equal(n.verify(), {"intact": True, "entries": 6, "head": n.head})
            n.edit(f"UPDATE audit SET {column} = {value} WHERE seq = 3")
            verdict = n.verify()
            equal((verdict["intact"], verdict["broken_at"]), (False, 3), column)
            check("entry 3" in verdict["reason"], verdict)


@case("an entry that is gone is found: in the middle by itself, at the end by a head that was noted")
def _():
    with Noted() as n:
        n.edit("DELETE FROM audit WHERE seq = 4")
        verdict = n.verify()
        equal((verdict["intact"], verdict["broken_at"], verdict["reason"]), (False, 4, "entry 4 is missing"))
    with Noted() as n:
        n.edit("DELETE FROM audit WHERE seq = 1")
        equal(n.verify()["broken_at"], 1)
    with Noted() as n:
        n.edit("DELETE FROM audit WHERE seq = 6")
        check(n.verify()["intact"], "the chain itself is whole")
        verdict = n.verify(n.head)
        check(not verdict["intact"] and "cut off" in verdict["reason"], verdict)
        # Nor does it help to go on from there.
        for i in range(3):
            n.house.make("users", f"more{i}")
        check(n.verify()["intact"] and not n.verify(n.head)["intact"], n.verify(n.head))
    with Noted() as n:
        n.house.make("users", "more")
        equal(n.verify(n.head)["intact"], True, "a head of before is still in the chain")
        for wrong in ("x" * 64, "a", "A" * 65):
            answer = n.house.admin("GET", f"/admin/audit/verify?expect={wrong}")
            check(answer.status == 400 or not answer.json()["intact"], answer)


@case("two entries that change places, and one that is written between, are found")
def _():
    with Noted() as n:
        n.edit("UPDATE audit SET seq = 100 WHERE seq = 2")
        n.edit("UPDATE audit SET seq = 2 WHERE seq = 3")
        n.edit("UPDATE audit SET seq = 3 WHERE seq = 100")
        equal(n.verify()["broken_at"], 2)
    with Noted() as n:
        n.edit(
            "INSERT INTO audit SELECT 7, at, actor, address, act, 'users/forged', outcome, detail, hash FROM audit WHERE seq = 6"
        )
        equal(n.verify()["broken_at"], 7)


@case("who did what from where is told, with what was before and after, and can be looked for")
def _():
    with Noted() as n:
        house = n.house
        house.make_user("ada", role="admin")
        token = house.session("ada")
        house.done("PATCH", "/admin/users/u1", {"rpm": 5}, token=token)
        house.done("PATCH", "/admin/users/u1", {"rpm": 6}, token=token)
        refused(house.admin("PATCH", "/admin/users/u1", {"role": "owner"}, token=token), 403)
        refused(house.admin("PATCH", "/admin/users/u1", {"rpm": -1}, token=token), 400)
        entry = house.audit(act="updateUser", outcome="done")[0]
        wanted = {
            "actor": "user ada",
            "address": "127.0.0.1",
            "act": "updateUser",
            "subject": "users/u1",
            "outcome": "done",
            "detail": {"rpm": [5, 6]},
        }
        equal({name: entry[name] for name in wanted}, wanted)
        equal([one["outcome"] for one in house.audit(actor="user%20ada")], ["denied", "done", "done", "done"])
        equal(len(house.audit(subject="users/u1")), 3)
        equal(house.audit(**{"from": "2999-01-01T00:00:00Z"}), [])
        equal(house.audit(until=entry["time"], act="updateUser", outcome="done")[0]["detail"], {"rpm": [None, 5]})
        page = house.done("GET", "/admin/audit?limit=2")
        rest = house.done("GET", f"/admin/audit?before={page['next']}&limit=1000")
        everything = house.done("GET", "/admin/audit?limit=1000")["data"]
        equal(page["data"] + rest["data"], everything)
        exported = house.admin("GET", "/admin/audit/export")
        equal(exported.field("content-type"), "application/jsonl")
        equal([json.loads(line) for line in exported.body.decode().splitlines()], everything)


@case("acts of many at the same time stand one after the other, and the chain holds over restarts")
def _():
    with Noted() as n:
        house = n.house

        def make(thread):
            for i in range(10):
                house.make("teams", f"t{thread}-{i}")

        threads = [threading.Thread(target=make, args=(i,)) for i in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        equal(n.verify(n.head)["entries"], 66)
        for end in (house.kill, house.stop):
            end()
            house.start()
            house.make("teams", f"after-{end.__name__}")
        equal((n.verify(n.head)["intact"], n.verify()["entries"]), (True, 68))
