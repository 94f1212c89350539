"""Chaos: a load of mixed clients, the real server, and two upstreams that fail in every way, by a seed."""

import asyncio
import os
import re
import sys
import time
from collections import Counter
from pathlib import Path

here = Path(__file__).resolve().parent
sys.path[:0] = [str(here), str(here.parent / "server")]

from kit import gateway as kit  # noqa: E402

import judge as judging  # noqa: E402
from clients import Client, Load  # noqa: E402
from phases import config_of, cycles  # noqa: E402
from vendors import Upstreams  # noqa: E402

CLIENTS = 24
WARM_CALLS = 40  # of each client
TIDIED_EVERY = 5.0  # seconds: as include/lowart/gateway/tidying.hpp has it


def resident(gateway):
    """(KiB in all, those that are not of files)"""
    status = Path(f"/proc/{gateway.process.pid}/status").read_text()
    return tuple(int(re.search(rf"{name}:\s+(\d+)", status)[1]) for name in ("VmRSS", "RssAnon"))


def descriptors(gateway):
    """(sockets, other descriptors); without the journal's segments, which come and go."""
    folder = Path(f"/proc/{gateway.process.pid}/fd")
    found = [os.readlink(entry) for entry in folder.iterdir()]
    sockets = sum(name.startswith("socket:") for name in found)
    return sockets, sum(not name.endswith(".segment") for name in found) - sockets


async def until(probe, seconds=10.0):
    """Asks until it is true; false: it did not come true."""
    end = time.monotonic() + seconds
    while not probe():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.1)
    return True


async def rest(gateway, load):
    """All clients away, all calls ended, and time for each loop of the gateway to tidy up: what is resident then."""
    load.pause = True
    await until(lambda: load.running == 0, 40)
    await until(lambda: gateway.metrics().sum("gateway_in_flight") == 0)
    await asyncio.sleep(1.3 * TIDIED_EVERY)
    load.pause = False
    return resident(gateway)


async def warm_up(gateway, upstreams, load):
    """Each kind of call, also large ones and such with troubles, from all clients: what the program needs for them, its
    code, its tables and its connections, is resident then."""
    await asyncio.to_thread(upstreams.set, ("", 0.1), ("", 0.1))
    load.phase, load.heavy = "both shaky", True

    async def some(client):
        for _ in range(WARM_CALLS):
            await client.call()
        client.close()

    await asyncio.gather(*(some(Client(load, f"of the warm-up {i}")) for i in range(CLIENTS)))
    return await rest(gateway, load)


async def drive(gateway, upstreams, load, seed, seconds, judge):
    sockets_at_first = descriptors(gateway)[0]
    samples = [await warm_up(gateway, upstreams, load)]
    others_at_first = descriptors(gateway)[1]
    clients = asyncio.ensure_future(load.run())
    for number, phases in enumerate(cycles(seed, seconds)):
        for phase in phases:
            await asyncio.to_thread(upstreams.set, *phase.states)
            load.phase, load.heavy = phase.name, phase.heavy
            await asyncio.sleep(phase.seconds)
        busy = resident(gateway)
        samples.append(await rest(gateway, load))
        now = Counter(s.how for s in load.seen)
        memory = f"resident KiB, and not of files: {busy} under load, {samples[-1]} at rest"
        print(f"round {number + 1}: {memory}, {descriptors(gateway)[0]} sockets, {dict(now)}", flush=True)
    load.over = True
    await asyncio.wait_for(clients, 60)
    judge.hold("every breaker closes once its target is asked again", await until(lambda: probe_all(gateway)))
    await rest(gateway, load)
    troubles = await asyncio.to_thread(upstreams.tell)
    await asyncio.to_thread(upstreams.end)  # closes what the pools of the gateway keep
    at_first = (sockets_at_first, others_at_first)
    none_left = lambda: all(now <= then for now, then in zip(descriptors(gateway), at_first))
    gone = await until(none_left, 3 * TIDIED_EVERY)
    judge.hold("no descriptor is left", gone, descriptors(gateway), "were", at_first)
    metrics = gateway.metrics()
    judge.hold("no connection is left", metrics.sum("gateway_connections") <= 1)
    judge.hold("no call is in flight", metrics.sum("gateway_in_flight") == 0)
    return samples, troubles


def breakers_of(gateway):
    return gateway.get("/admin/breakers").json()["data"]


def probe_all(gateway):
    """Asks each target that rests: a breaker closes by a call only. True when none is left."""
    resting = [b["provider"] for b in breakers_of(gateway) if b["state"] != "closed"]
    for provider in resting:
        gateway.ask(kit.chat(f"only-{provider}", "chaos:0:10"), request_id=kit.new_id("chaos-probe"))
    return not resting


def main():
    seconds = float(os.environ.get("LOWART_CHAOS_SECONDS", "40"))
    seed = os.environ.get("LOWART_CHAOS_SEED") or str(int(time.time()))
    print(f"seed {seed}, {seconds:.0f} s, {CLIENTS} clients", flush=True)
    upstreams = Upstreams(seed)
    gateway = kit.Gateway(config_of(upstreams.ports), keys={"main": {"key": kit.new_key(), "admin": True}})
    gateway.key = gateway.keys["main"]["key"]
    judge, load = judging.Judge(), Load(gateway, seed, CLIENTS)
    start = time.monotonic()
    samples, troubles = asyncio.run(drive(gateway, upstreams, load, seed, seconds, judge))
    metrics, breakers = gateway.metrics(), breakers_of(gateway)
    gateway.stop()
    lines = judging.log_lines(gateway)
    took = time.monotonic() - start
    print(f"{len(load.seen)} calls, {len(load.seen) / took:.0f} a second: {dict(Counter(s.how for s in load.seen))}")
    for name, (counts, open_links) in zip("ab", troubles):
        print(f"exchanges of {name}: {counts}, {open_links} connections kept")
    judging.judge_answers(judge, load.seen)
    judging.judge_log(judge, load.seen, lines)
    records = judging.judge_records(judge, gateway, lines)
    judging.judge_metrics(judge, metrics, lines, records, breakers)
    judging.judge_memory(judge, samples)
    failed = judge.print()
    if failed:
        print(f"again: LOWART_CHAOS_SEED={seed} LOWART_CHAOS_SECONDS={seconds:.0f} ./dev test chaos")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        code = main()
    finally:
        kit.end_all()
    sys.exit(code)
