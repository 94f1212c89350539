"""Two upstreams that speak the four protocols, each behind its proxy, in a process of their own.

What is answered follows from the request's own text, `chaos:NUMBER:LENGTH`, so that clients know it without being told:
the words, and a usage in which the input is NUMBER + 1.
"""

import asyncio
import json
import multiprocessing
import random
import re
from urllib.parse import parse_qsl, urlsplit

from kit.vendors import anthropic, gemini, openai_chat, openai_responses
from kit.vendors.turns import Refused, Text, ToolCall, Turn, Usage

from proxy import Proxy

WIRES = {
    "/v1/chat/completions": openai_chat,
    "/v1/responses": openai_responses,
    "/v1/messages": anthropic,
}
STATUSES = (500, 502, 503, 529)


def words_of(number, length):
    """`length` characters at least, that say how far they came."""
    text = f"answer {number} "
    if length < 2000:
        return text + "".join(f"word{i} " for i in range(length // 6)) + "end"
    return text + "x" * length + "end"


def usage_of(number):
    return Usage(input=number + 1, output=3 + number % 97)


def turn_of(number, length, asked):
    if asked.tools:
        name = next(iter(asked.tools))
        parts = (Text(words_of(number, length)), ToolCall(f"call_{number}", name, {"city": f"city {number}"}))
        return Turn(parts, "tools", usage_of(number))
    return Turn((Text(words_of(number, length)),), usage=usage_of(number))


class Vendor:
    """Answers whoever asks; `share` of the requests get a status, an error as the first event, or what is no answer."""

    def __init__(self, seed):
        self.dice = random.Random(seed)
        self.share = 0.0
        self.server = None
        self.port = 0

    async def start(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0, backlog=512, limit=1 << 21)
        self.port = self.server.sockets[0].getsockname()[1]

    async def serve(self, reader, writer):
        try:
            while await self.answer(reader, writer):
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def answer(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in head[1:] if line)}
        body = json.loads(await reader.readexactly(int(fields.get("content-length", 0))))
        url = urlsplit(head[0].split()[1])
        if url.path.endswith("/embeddings") or "mbedContent" in url.path:
            return self.embed(writer, url.path, body)
        wire = WIRES.get(url.path, gemini)
        try:
            asked = wire.read(url.path, fields, body)
            number, length = map(int, re.findall(r"chaos:(\d+):(\d+)", asked.text)[-1])
        except Refused as no:  # a request that no vendor takes: the judge sees it as a failure of the gateway
            return respond(writer, no.status, wire.error(no.status, no.message, no.param, no.details))
        if self.dice.random() < self.share:
            return await self.fail(writer, wire, asked.stream)
        turn = turn_of(number, length, asked)
        if not asked.stream:
            return respond(writer, 200, wire.whole(asked, turn))
        query = dict(parse_qsl(url.query))
        events = wire.events(asked, turn)
        if wire is gemini and query.get("alt") != "sse":
            return respond(writer, 200, [json.loads(event[6:]) for event in events])
        await self.stream(writer, events, self.dice.choice((0, 0, 0.001, 0.004)) if length < 2000 else 0)
        return True

    async def stream(self, writer, events, pace):
        start_stream(writer)
        for event in events:
            if writer.is_closing():
                raise ConnectionResetError
            writer.write(b"%x\r\n%s\r\n" % (len(event), event))
            if pace:
                await asyncio.sleep(pace)
            else:
                await writer.drain()
        writer.write(b"0\r\n\r\n")

    async def fail(self, writer, wire, stream):
        how = self.dice.randrange(4)
        if how == 0 and stream:
            start_stream(writer)
            event = wire.error_event("says the vendor")
            writer.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(event), event))
            return True
        if how == 1:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 15\r\n\r\n<html>no</html>")
            return True
        status = self.dice.choice(STATUSES)
        return respond(writer, status, wire.error(status, "says the vendor"))

    def embed(self, writer, path, body):
        if path.endswith("/embeddings"):
            number = int(json.dumps(body["input"]).strip('[]"').split(":")[1])  # a text, or a list with one
            entry = {"object": "embedding", "index": 0, "embedding": [0.5, number]}
            usage = {"prompt_tokens": number + 1, "total_tokens": number + 1}
            return respond(writer, 200, {"object": "list", "data": [entry], "model": body["model"], "usage": usage})
        asked = body["requests"] if "requests" in body else [body]
        numbers = [int(one["content"]["parts"][0]["text"].split(":")[1]) for one in asked]
        vectors = [{"values": [0.5, number]} for number in numbers]
        return respond(writer, 200, {"embeddings": vectors} if "requests" in body else {"embedding": vectors[0]})


def respond(writer, status, value):
    data = json.dumps(value, ensure_ascii=False).encode()
    head = b"HTTP/1.1 %d Said\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    writer.write(head % (status, len(data)) + data)
    return True


def start_stream(writer):
    writer.write(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"
    )


# --- the process ------------------------------------------------------------------------------------------------------


class Upstreams:
    """Starts the process. `ports`: where the proxies of the two listen."""

    def __init__(self, seed):
        self.pipe, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=run, args=(theirs, seed), daemon=True)
        self.process.start()
        theirs.close()
        self.ports = self.pipe.recv()

    def set(self, *states):
        """What is wrong with each: (down, share of broken exchanges)."""
        return self.ask("set", states)

    def tell(self):
        """[(troubles by kind, connections from the gateway)] of each."""
        return self.ask("tell", None)

    def ask(self, what, value):
        self.pipe.send((what, value))
        return self.pipe.recv()

    def end(self):
        self.process.kill()
        self.process.join()


def run(pipe, seed):
    asyncio.run(serve(pipe, seed))


async def serve(pipe, seed):
    vendors = [Vendor(f"{seed} vendor {name}") for name in "ab"]
    for vendor in vendors:
        await vendor.start()
    proxies = [Proxy(f"{seed} proxy {name}", vendor.port) for name, vendor in zip("ab", vendors)]
    for proxy in proxies:
        await proxy.start()
    pipe.send([proxy.port for proxy in proxies])
    loop = asyncio.get_running_loop()
    while True:
        what, value = await loop.run_in_executor(None, pipe.recv)
        if what == "set":
            for proxy, vendor, (down, share) in zip(proxies, vendors, value):
                await proxy.set(down, share)
                vendor.share = share / 3
            pipe.send(None)
        else:
            pipe.send([(dict(proxy.counts), len(proxy.open)) for proxy in proxies])
