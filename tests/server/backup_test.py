"""Backups: made while the gateway works, verified, and restored after the data directory is lost."""

import shutil
import subprocess
import threading

from kit.cases import case, check, equal, eventually
from kit.gateway import BIN, Gateway, chat, target


def gateway(**more):
    models = {"m": {**target("demo", "demo-fast"), "price": {"input": 1, "output": 2}}}
    config = {"providers": {"demo": {"type": "demo"}}, "models": models, "request_log": {"keep": True}}
    return Gateway({**config, **more})


def run(*arguments):
    return subprocess.run([BIN, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)


def backups_in(folder):
    return sorted(p for p in folder.iterdir() if not p.name.endswith(".part")) if folder.is_dir() else []


@case("a data directory that is lost under load comes back with the sums of its backup")
def _():
    with gateway() as g:
        stop = threading.Event()

        def load():
            while not stop.is_set():
                equal(g.ask(chat("m")).status, 200)

        clients = [threading.Thread(target=load) for _ in range(3)]
        for client in clients:
            client.start()
        eventually(lambda: g.usage()["request_count"] >= 60, 20)
        folder = g.directory / "backups"
        under_load = run("backup", "--data", g.data, "--to", folder)
        equal(under_load.returncode, 0, under_load.stderr)
        stop.set()
        for client in clients:
            client.join()
        shutil.rmtree(backups_in(folder)[0])
        before = g.usage()  # asks the folder, so all of it is in the store
        equal(run("backup", "--data", g.data, "--to", folder).returncode, 0)
        (backup,) = backups_in(folder)
        for _ in range(7):
            g.ask(chat("m"))
        check(g.usage()["request_count"] == before["request_count"] + 7)
        busy = run("restore", "--from", backup, "--data", g.data)
        check(busy.returncode == 1 and "another process uses" in busy.stderr, busy.stderr)
        g.kill()
        shutil.rmtree(g.data)
        done = run("restore", "--from", backup, "--data", g.data)
        equal(done.returncode, 0, done.stderr)
        check("journal" in done.stdout, done.stdout)
        g.start()
        after = g.usage()
        equal({**after, "until": before["until"]}, before)


@case("a restore keeps what it replaces, adds what the journal still has, and refuses a damaged backup")
def _():
    with gateway() as g:
        for _ in range(10):
            g.ask(chat("m"))
        before = g.usage()["request_count"]
        folder = g.directory / "backups"
        equal(run("backup", "--data", g.data, "--to", folder).returncode, 0)
        (backup,) = backups_in(folder)
        for _ in range(5):
            g.ask(chat("m"))
        equal(g.usage()["request_count"], before + 5)
        g.kill()
        done = run("restore", "--from", backup, "--data", g.data)
        equal(done.returncode, 0, done.stderr)
        (aside,) = [p for p in g.data.iterdir() if p.name.startswith("replaced-")]
        check(str(aside) in done.stdout and (aside / "usage.db").exists(), done.stdout)
        g.start()
        equal(g.usage()["request_count"], before + 5, "the journal of a killed process has them still")
        g.stop()
        database = backup / "usage.db"
        text = bytearray(database.read_bytes())
        text[4096:8192] = bytes(4096)
        database.write_bytes(text)
        refused = run("restore", "--from", backup, "--data", g.data)
        check(refused.returncode == 1 and str(backup) in refused.stderr, refused.stderr)
        none = run("restore", "--from", g.directory, "--data", g.data)
        check(none.returncode == 1 and "is no backup" in none.stderr, none.stderr)
        none = run("backup", "--data", folder, "--to", g.directory / "others")
        check(none.returncode == 1 and "is this the data directory" in none.stderr, none.stderr)


@case("backups come every so often, the oldest go, and metrics and events tell")
def _():
    with gateway() as g:
        folder = g.directory / "backups"
        g.stop()
        g.config["backup"] = {"every": "1s", "keep": 2, "directory": str(folder)}
        g.write_config()
        g.start()
        for _ in range(3):
            g.ask(chat("m"))
        eventually(lambda: len(g.events("backup_made")) >= 4, 20, "four backups")
        check(len(backups_in(folder)) <= 3, backups_in(folder))
        seen = g.metrics()
        check(seen.sum("gateway_backup_last_success_timestamp") > 1_700_000_000, seen)
        equal(seen.sum("gateway_backup_failures_total"), 0)
        newest = backups_in(folder)[-1]
        g.stop()
        shutil.rmtree(g.data)
        equal(run("restore", "--from", backups_in(folder)[-1], "--data", g.data).returncode, 0, newest)


@case("a backup that cannot be made is told and counted, and calls go on")
def _():
    with gateway() as g:
        g.stop()
        (g.directory / "file").write_text("in the way")
        g.config["backup"] = {"directory": str(g.directory / "file")}
        g.write_config()
        g.start()
        eventually(lambda: g.events("backup_failed"), 10)
        equal(g.ask(chat("m")).status, 200)
        equal(g.metrics().sum("gateway_backup_failures_total"), 1)
