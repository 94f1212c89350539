"""Proxy: stands between the gateway and one upstream, and does to connections and bytes what networks do.

Each exchange (a request, and what comes back) gets one trouble or none, drawn from the proxy's own generator. What is
wrong with the upstream as a whole is its `down`: no listener, a reset for each connection, silence, or answers with 503.
"""

import asyncio
import random
import socket
import struct
from collections import Counter
from dataclasses import dataclass

NOW = struct.pack("ii", 1, 0)  # SO_LINGER: what closes, resets


@dataclass
class Trouble:
    """What happens to one exchange. Offsets are in bytes of the answer, head included."""

    kind: str = "none"
    delay: float = 0.0  # before its first byte
    at: int | None = None  # where it is cut or stalls
    piece: int = 0  # it comes in pieces of so many bytes, one each `gap` seconds
    gap: float = 0.0


def draw(dice, share):
    """The trouble of an exchange; `share` of them have one that breaks it."""
    if dice.random() >= share:
        odds = dice.random()
        if odds < 0.1:
            return Trouble("latency", delay=dice.uniform(0.01, 0.3))
        if odds < 0.14:
            return Trouble("trickle", piece=dice.randint(40, 200), gap=dice.uniform(0.002, 0.015))
        return Trouble()
    kind = dice.choices(
        ["reset", "close", "cut by reset", "cut by close", "stall", "swallowed", "half-closed", "garbage"],
        [2, 2, 6, 6, 1, 1, 1, 1],
    )[0]
    at = 0 if kind in ("reset", "close", "garbage") else int(2 ** dice.uniform(3, 12.5))
    return Trouble(kind, at=at)


class Proxy:
    def __init__(self, seed, upstream_port):
        self.dice = random.Random(seed)
        self.upstream_port = upstream_port
        self.down = ""  # refuses, resets, silent or status: what is wrong with all of it
        self.share = 0.0
        self.counts = Counter()
        self.open = set()
        self.server = None
        self.held = hold(0)
        self.port = self.held.getsockname()[1]

    async def start(self):
        self.server = await asyncio.start_server(self.serve, sock=self.held, backlog=512)
        self.held = None

    async def set(self, down, share):
        """Changes what is wrong; who is connected to something that goes down feels it at once."""
        was, self.down, self.share = self.down, down, share
        if down == was:
            return
        if down == "refuses":
            self.server.close()
            self.held = hold(self.port)
        elif was == "refuses":
            await self.start()
        if down in ("refuses", "resets"):
            for writer in list(self.open):
                reset(writer)

    async def serve(self, reader, writer):
        if self.down == "resets":
            return reset(writer)
        self.open.add(writer)
        try:
            await self.join(reader, writer)
        except OSError:
            pass
        finally:
            self.open.discard(writer)
            writer.close()

    async def join(self, reader, writer):
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.upstream_port)
        link = Link(self, reader, writer, up_reader, up_writer)
        try:
            await link.run()
        finally:
            up_writer.close()


class Link:
    """One connection through the proxy."""

    def __init__(self, proxy, reader, writer, up_reader, up_writer):
        self.proxy, self.reader, self.writer = proxy, reader, writer
        self.up_reader, self.up_writer = up_reader, up_writer
        self.trouble = None  # of the exchange under way; None between two
        self.passed = 0

    async def run(self):
        tasks = [asyncio.ensure_future(self.requests()), asyncio.ensure_future(self.answers())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def requests(self):
        while data := await self.reader.read(65536):
            if self.trouble is None or self.passed:
                self.trouble, self.passed = draw(self.proxy.dice, self.proxy.share), 0
                self.proxy.counts[self.trouble.kind] += 1
            if self.proxy.down == "silent" or self.trouble.kind == "swallowed":
                continue
            if self.trouble.kind == "reset":
                return reset(self.writer)
            if self.trouble.kind == "close":
                return None
            if self.trouble.kind == "garbage":
                self.writer.write(b"\x16\x03\x01 what is this \r\n\r\n")
                return await self.writer.drain()
            if self.proxy.down == "status":
                self.writer.write(b"HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nbusy")
                self.passed = 1
                continue
            self.up_writer.write(data)
            await self.up_writer.drain()

    async def answers(self):
        while data := await self.up_reader.read(16384):
            trouble = self.trouble or Trouble()
            if self.proxy.down == "silent":
                return await asyncio.sleep(3600)  # until the gateway has had enough
            if not self.passed and trouble.delay:
                await asyncio.sleep(trouble.delay)
            if trouble.at is not None and self.passed + len(data) >= trouble.at:
                self.writer.write(data[: trouble.at - self.passed])
                await self.writer.drain()
                return await self.breaks(trouble.kind)
            self.passed += len(data)
            for at in range(0, len(data), trouble.piece or len(data)):
                self.writer.write(data[at : at + (trouble.piece or len(data))])
                await self.writer.drain()
                if trouble.gap:
                    await asyncio.sleep(trouble.gap)

    async def breaks(self, kind):
        if kind == "cut by reset":
            await asyncio.sleep(0.005)  # what was sent before the reset is to arrive
            return reset(self.writer)
        if kind == "half-closed":
            self.writer.write_eof()
        if kind in ("stall", "half-closed"):
            await asyncio.sleep(3600)
        return None


def hold(port):
    """A socket that has the port and does not listen: connections to it are refused."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    return sock


def reset(writer):
    sock = writer.get_extra_info("socket")
    if sock is not None and sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NOW)
    writer.transport.abort()
