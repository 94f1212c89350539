"""Real traffic, replayed: every recorded chat exchange goes through the gateway as it was."""

import base64
import json
import lzma
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kit.cases import Skip, case, check, shorten
from kit.gateway import Gateway, new_id, provider, shared, target
from kit.upstream import Upstream
from strict import faults, heard

SPLITS = {True: (1 << 20, 1000, 37), False: (1 << 20, 700)}


def load():
    directory = os.environ.get("LOWART_RECORDINGS", "")
    path = Path(directory) if directory.endswith(".xz") else Path(directory or "-") / "recordings.jsonl.xz"
    if not directory or not path.is_file():
        raise Skip("LOWART_RECORDINGS names no directory with recordings.jsonl.xz")
    with lzma.open(path, "rt", encoding="utf8") as lines:
        found = [entry for entry in map(json.loads, lines) if entry["kind"] == "chat"]
    check(len(found) > 100, "only", len(found), "recordings")
    return found


def body_of(recording):
    return recording["text"].encode() if "text" in recording else base64.b64decode(recording["b64"])


class Replayed:
    def __init__(self):
        self.recordings = load()
        self.up = Upstream()
        providers = {"up": provider(self.up.url), "lax": provider(self.up.url, done_required=False)}
        # One model each, so that what one recording does to its breaker is not seen by the next; a refusal may concern
        # the key, and so gets a provider as well.
        models = {f"r{i}": target("up", f"r{i}") for i in range(len(self.recordings))}
        for i, recording in enumerate(self.recordings):
            if recording["status"] == 200:
                continue
            for size in SPLITS[False]:
                providers[f"up{i}-{size}"] = providers["up"]
                models[f"refused{i}-{size}"] = target(f"up{i}-{size}", f"r{i}")
        models |= {f"lax{i}": target("lax", f"r{i}") for i in range(len(self.recordings))}
        self.gateway = Gateway({"providers": providers, "models": models}, keys={})

    def play(self, recording, size):
        body = body_of(recording)
        keep = ("content-type", "retry-after", "x-request-id", "x-should-retry")
        fields = "".join(f"{n}: {v}\r\n" for n, v in recording["headers"].items() if n in keep)
        head = f"HTTP/1.1 {recording['status']} Recorded\r\n{fields}".encode()

        def play(peer, _):
            if not recording["stream"]:
                peer.send(head + b"content-length: %d\r\n\r\n" % len(body))
            else:
                peer.send(head + b"transfer-encoding: chunked\r\n\r\n")
            for at in range(0, len(body), size):
                piece = body[at : at + size]
                peer.send(b"%x\r\n%s\r\n" % (len(piece), piece) if recording["stream"] else piece)
            if recording["stream"]:
                peer.send(b"0\r\n\r\n")
            return True

        return play

    def run(self, index, size):
        """Asks once; returns (recording, answer, log line)."""
        recording = self.recordings[index]
        request_id = new_id("rec")
        self.up.script(request_id, self.play(recording, size))
        request = recording.get("request")
        request = dict(request) if isinstance(request, dict) else {}
        request.setdefault("messages", [])
        streamed = is_stream(recording)
        done = not streamed or b"[DONE]" in body_of(recording)
        # What a refusal does to breakers is not for the next round.
        name = f"{'r' if done else 'lax'}{index}" if recording["status"] == 200 else f"refused{index}-{size}"
        request.update(model=name, stream=streamed)
        answer = self.gateway.ask(request, request_id=request_id)
        return recording, answer, request_id


def is_stream(recording):
    """Some streams were recorded without their content type."""
    return bool(recording["stream"]) or body_of(recording).startswith(b"data:")


def reported_usage(recording):
    """(input, output) as the recording's last usage object says; None where it says nothing."""
    body = body_of(recording).decode()
    found = None
    blocks = [body]
    if is_stream(recording):
        blocks = [
            line[5:]
            for line in body.replace("\r\n", "\n").split("\n")
            if line.startswith("data:") and "[DONE]" not in line
        ]
    for block in blocks:
        value = json.loads(block)
        usage = value.get("usage") or (value.get("x_groq") or {}).get("usage")
        if usage:
            found = usage
    if not found or found.get("prompt_tokens") is None or found.get("completion_tokens") is None:
        return None
    # xAI's completion_tokens leave the reasoning out, its total does not.
    return found["prompt_tokens"], max(
        found["completion_tokens"], (found.get("total_tokens") or 0) - found["prompt_tokens"]
    )


def replay(streamed, size):
    r = shared("replayed", Replayed)
    wrong, ran, with_usage, repaired = [], 0, 0, 0
    chosen = [i for i, recording in enumerate(r.recordings) if bool(recording["stream"]) == streamed]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda i: r.run(i, size), chosen))
    lines = {}
    r.gateway.log_of(results[-1][2])
    for line in r.gateway.stdout().splitlines():
        if line.startswith("{"):
            entry = json.loads(line)
            lines[entry["request_id"]] = entry
    for recording, answer, request_id in results:
        where = f"{recording['src']}#{recording['n']}"
        body, status = body_of(recording), recording["status"]
        ran += 1
        if status == 200 and not body:
            if answer.status != 502:
                wrong.append(f"{where}: an empty reply became {answer}")
        elif status == 200 and not is_stream(recording) and body.lstrip().startswith(b'{ "error"'):
            # An error that was recorded with 200 gets the status that its words mean.
            if answer.status != 400 or answer.body != body:
                wrong.append(f"{where}: an error with 200 became {answer}")
        elif status == 200:
            # What strict clients would refuse is repaired, everything else is what it was.
            defective = is_stream(recording) and bool(faults(body))
            repaired += defective
            same = answer.body == body
            if defective and answer.status == 200:
                same = not faults(answer.body) and heard(answer.body) == heard(body)
            if answer.status != 200 or not same or not answer.complete:
                wrong.append(
                    f"{where}: {answer.status}, {len(answer.body)} of {len(body)} bytes: {shorten(answer.body[-300:])}"
                )
                continue
            assumed = "text/event-stream" if is_stream(recording) else "application/json"
            if answer.field("content-type") != recording["headers"].get("content-type", assumed):
                wrong.append(f"{where}: content-type {answer.field('content-type')}")
            line = lines.get(request_id) or r.gateway.log_of(request_id)
            if line["outcome"] != "complete":
                wrong.append(f"{where}: outcome {line}")
            if (usage := reported_usage(recording)) is not None:
                with_usage += 1
                if (line.get("input_tokens", 0), line.get("output_tokens", 0)) != usage:
                    wrong.append(
                        f"{where}: usage {line.get('input_tokens')}, {line.get('output_tokens')}, recorded {usage}"
                    )
        elif status in (401, 403):
            if answer.status != 502 or answer.error["code"] != "upstream_auth":
                wrong.append(f"{where}: {status} became {answer}")
        elif answer.status != status or answer.body != body:
            wrong.append(f"{where}: {status} became {answer}")
    check(not wrong, f"{len(wrong)} of {ran} are wrong:\n  " + "\n  ".join(wrong[:12]))
    check(ran > 100 and with_usage > 50, "ran", ran, "with usage", with_usage)
    check(repaired >= 4 or not streamed, "only", repaired, "streams were defective")


for streamed, sizes in SPLITS.items():
    for size in sizes:

        @case(
            f"recorded {'streams' if streamed else 'whole replies and errors'} reach the client byte for byte, or repaired, cut every {size} bytes"
        )
        def _(streamed=streamed, size=size):
            replay(streamed, size)
