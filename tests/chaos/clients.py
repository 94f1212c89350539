"""Clients: each works through calls of its own, one after another, over connections that it keeps for a while.

Most read what they asked for. Some leave: before all of the request is sent, before the answer, or in the middle of it;
some read slowly. What each call came to is a Seen.
"""

import asyncio
import json
import random
import socket
from collections import Counter
from dataclasses import dataclass

from talk import TALKS, Ask, Broken, events_of
from vendors import usage_of, words_of

PATIENCE = 30.0  # after so many seconds a client says that it got no answer
TEXT_MODELS = ("chat", "responses", "messages", "gemini", "mixed")
VECTOR_MODELS = ("chat", "gemini")
SEVERITY = ("both down", "one down", "both shaky", "both well")


@dataclass
class Seen:
    """What became of a call: complete, broken (an error event after content), refused (an error with its status), left
    (the client's own doing), or wrong (nothing that a client can accept, for the reason in `why`)."""

    ask: Ask
    how: str
    phases: tuple  # in which it began and ended
    status: int = 0
    why: str = ""
    provider: str = ""
    tokens: tuple | None = None
    sent: bool = True  # the gateway has all of the request

    @property
    def phase(self):
        """The worse of its phases: a call that both upstreams were down for a part of is one of those."""
        return min(self.phases, key=lambda phase: SEVERITY.index(phase.partition(":")[0]))

    @property
    def id(self):
        return f"chaos-{self.ask.number}"


class Wrong(Exception):
    pass


class Load:
    """All clients together. `phase` is what they note with each call; while it is `heavy` many ask and get much; while
    `pause` is set nobody begins a call."""

    def __init__(self, gateway, seed, count):
        self.gateway, self.seed, self.count = gateway, seed, count
        self.phase, self.heavy, self.pause, self.over = "", False, False, False
        self.next_number, self.running = 0, 0
        self.seen = []
        self.kinds = Counter()

    async def run(self):
        await asyncio.gather(*(Client(self, i).run() for i in range(self.count)))

    def draw(self, dice):
        number, self.next_number = self.next_number, self.next_number + 1
        talk = dice.choices(list(TALKS), [20, 3, 16, 20, 14, 5, 6, 4])[0]
        vectors = "embeddings" in talk
        models = VECTOR_MODELS if vectors else TEXT_MODELS
        if talk == "completions":
            models = ("messages", "gemini", "responses")  # other dialects: the vendors here have no such path
        length = int(2 ** dice.uniform(3, 9))
        padding = 0
        if dice.random() < (0.2 if self.heavy else 0.01):
            length, padding = dice.choice((100, 5_000, 40_000)), dice.choice((0, 20_000, 300_000))
        stream = not vectors and (talk == "gemini-array" or dice.random() < 0.65)
        tools = not vectors and talk != "completions" and dice.random() < 0.2
        if length == 40_000 and not stream:
            length = 300_000
        return Ask(number, talk, dice.choice(models), stream, tools, length, padding)


class Client:
    def __init__(self, load, index):
        self.load = load
        self.dice = random.Random(f"{load.seed} client {index}")
        self.reader = self.writer = None
        self.naps = 0  # that a slow reader takes before it reads on as others do

    async def run(self):
        while not self.load.over:
            if self.load.pause:
                self.close()
                await asyncio.sleep(0.02)
                continue
            self.load.running += 1
            try:
                await self.call()
            finally:
                self.load.running -= 1
            if self.dice.random() < 0.05:
                self.close()
            await asyncio.sleep(self.dice.uniform(0, 0.05))
        self.close()

    async def call(self):
        ask = self.load.draw(self.dice)
        manner = self.dice.choices(
            ["reads", "slow", "half a request", "leaves at once", "leaves in the middle"], [90, 3, 2, 2, 3]
        )[0]
        seen = Seen(ask, "wrong", (self.load.phase,))
        self.load.kinds[f"{ask.talk} {'streamed' if ask.stream else 'whole'}"] += 1
        self.load.kinds[manner] += 1
        try:
            async with asyncio.timeout(PATIENCE):
                await self.talk(ask, manner, seen)
        except TimeoutError:
            seen.why = "no answer in time"
        except (OSError, asyncio.IncompleteReadError) as error:
            seen.why = f"the connection ended: {error!r}"
        except Wrong as error:
            seen.why = str(error)
        except (AssertionError, LookupError, TypeError, ValueError) as error:
            seen.why = f"{type(error).__name__}: {error}"
        if seen.how in ("wrong", "left"):
            self.close()
        seen.phases += (self.load.phase,)
        self.load.seen.append(seen)

    async def talk(self, ask, manner, seen):
        await self.connect(4096 if manner == "slow" else 0)
        self.naps = 200 if manner == "slow" else 0
        data = self.request(ask)
        if manner == "half a request":
            seen.how, seen.sent = "left", False
            self.writer.write(data[: self.dice.randrange(1, len(data))])
            return await self.leave()
        self.writer.write(data)
        await self.writer.drain()
        if manner == "leaves at once":
            seen.how = "left"
            await asyncio.sleep(self.dice.choice((0, 0.002, 0.05)))
            return await self.leave()
        status, fields = await self.head()
        seen.status, seen.provider = status, fields.get("x-lowart-provider", "")
        if fields.get("x-request-id") != seen.id:
            raise Wrong(f"answered with the id {fields.get('x-request-id')}")
        if manner == "leaves in the middle":
            seen.how = "left"
            await self.reader.read(self.dice.randrange(1, 2000))
            return await self.leave()
        body = await self.body(fields)
        self.judge(ask, status, fields, body, seen)

    def request(self, ask):
        talk = TALKS[ask.talk]
        body = json.dumps(talk.body(ask)).encode()
        path = talk.path_of(ask) if hasattr(talk, "path_of") else talk.path
        head = (
            f"POST {path} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {self.load.gateway.key}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\nx-request-id: chaos-{ask.number}\r\n\r\n"
        )
        return head.encode() + body

    # --- the connection

    async def connect(self, receive_buffer):
        if receive_buffer:
            self.close()
        if self.writer is not None:
            return
        sock = socket.socket()
        sock.setblocking(False)
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        await asyncio.get_running_loop().sock_connect(sock, self.load.gateway.address)
        limit = receive_buffer or 1 << 16
        self.reader, self.writer = await asyncio.open_connection(sock=sock, limit=limit)

    def close(self):
        if self.writer is not None:
            self.writer.close()
            self.reader = self.writer = None

    async def leave(self):
        """Closes, or resets."""
        if self.dice.random() < 0.5:
            self.writer.transport.abort()
        self.close()

    async def head(self):
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = dict(map(str.strip, line.lower().split(":", 1)) for line in lines[1:] if line)
        return int(lines[0].split()[1]), fields

    async def body(self, fields):
        if "content-length" in fields:
            return await self.exactly(int(fields["content-length"]))
        body = bytearray()  # appending to bytes copies all of them, and 40,000 events are many
        while size := int((await self.reader.readuntil(b"\r\n")), 16):
            body += await self.exactly(size)
            await self.reader.readexactly(2)
        await self.reader.readexactly(2)
        return bytes(body)

    async def exactly(self, size):
        if self.naps == 0:
            return await self.reader.readexactly(size)
        data = bytearray()
        while len(data) < size:
            data += (piece := await self.reader.read(min(2048, size - len(data))))
            if not piece:
                raise asyncio.IncompleteReadError(data, size)
            self.naps -= self.naps > 0
            await asyncio.sleep(0.01)
        return bytes(data)

    # --- what it is worth

    def judge(self, ask, status, fields, body, seen):
        talk = TALKS[ask.talk]
        if status != 200:
            if not talk.error(json.loads(body)):
                raise Wrong(f"an error that is none in its dialect: {body[:200]}")
            seen.how, seen.why = "refused", body.decode()[:300]
            return
        words = [0.5, ask.number] if "embeddings" in ask.talk else words_of(ask.number, ask.length)
        is_stream = fields["content-type"].startswith("text/event-stream")
        if is_stream != (ask.stream and ask.talk != "gemini-array"):
            raise Wrong(f"a {fields['content-type']} for stream: {ask.stream}")
        try:
            text, calls, tokens = talk.stream(events_of(body)) if is_stream else talk.whole(json.loads(body))
        except Broken as broken:
            if not words.startswith(broken.text):
                raise Wrong(f"a broken stream that said something else: {broken.text[-200:]!r}") from broken
            seen.how = "broken"
            return
        if text != words:
            raise Wrong(f"it said {str(text)[-200:]!r}")
        if list(calls.values()) != ([{"city": f"city {ask.number}"}] if ask.tools else []):
            raise Wrong(f"it called {calls}")
        usage = usage_of(ask.number)
        if "embeddings" not in ask.talk and tokens != (usage.all_input, usage.all_output):
            raise Wrong(f"it told {tokens} tokens")
        seen.how, seen.tokens = "complete", tokens
