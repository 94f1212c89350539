"""The contract of docs/faults.md, before and after content: each row in each dialect, before a provider that speaks it
and before one that does not."""

import itertools

from kit import fault_plays as plays
from kit.cases import case, check, equal
from kit.contract import AFTER, BEFORE
from kit.envelopes import DIALECTS, ended_well, events, family, last_words, request, text, told_by_page, words
from kit.gateway import Gateway, new_id, new_key, outcome, provider, shared, target
from kit.upstream import Upstream, closed_port, stalled_listener
from kit.vendors.vendor import VENDOR_KEY

KINDS = {"openai": "/v1", "openai_responses": "/v1", "anthropic": "/v1", "gemini": "/v1beta", "ollama": "", "cohere": ""}
CLOCKS = {"connect": "300ms", "first_token": "400ms", "between_tokens": "400ms", "whole": "10s"}
RETRY = ("retry-after", "7")

# How each row of the contract comes about: a play of the upstream, or the name of a provider that cannot be reached.
HOW_BEFORE = {
    "connection refused": "closed",
    "its name does not resolve": "nowhere",
    "TLS handshake fails": "no-tls",
    "nobody answers the handshake": "deaf",
    "closes after the request": plays.raw(),
    "resets after the request": plays.raw(then="reset"),
    "garbage instead of a head": plays.raw(b"\x16\x03\x01 garbage \r\n\r\n"),
    "a redirect": plays.raw(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1/\r\ncontent-length: 0\r\n\r\n"),
    "200 with another content type": plays.html,
    "200 with what is not JSON": plays.not_json,
    "200 with an error: a stream's first event, or the body": plays.error_in_200,
    "400": plays.status(400),
    "401": plays.status(401),
    "402": plays.status(402),
    "403": plays.status(403),
    "404": plays.missing,
    "404 that names the model": plays.missing_model,
    "408": plays.status(408),
    "413": plays.status(413),
    "422": plays.status(422),
    "429 without a time": plays.status(429),
    "429 with a time": plays.status(429, RETRY),
    "500": plays.status(500),
    "503": plays.status(503),
    "503 with a time": plays.status(503, RETRY),
    "529": plays.status(529),
    "silent before its head": plays.raw(then="silence"),
    "silent before its content": plays.before_content("silence"),
    "closes before its content": plays.before_content("close"),
    "resets before its content": plays.before_content("reset"),
    "ends without an answer, as HTTP ends": plays.no_terminal,
    "no answer within `whole`": plays.raw(then="silence"),
}
HOW_AFTER = {
    "closes": plays.after_content("close"),
    "resets": plays.after_content("reset"),
    "ends without its terminal event": plays.after_content("end"),
    "an event that is not JSON": plays.after_content("close", b"data: {oops\n\n"),
    "framing that is not HTTP": plays.bad_framing,
    "an error event": plays.error_after_content,
    "falls silent": plays.after_content("silence"),
    "goes on after `whole`": plays.goes_on,
}
SPARE = 60


class House:
    """For each kind of provider: one that fails, one that is well, and models before one of them or both. A breaker guards
    one model of one provider, and some rows open it: so there are many models, and each is asked once."""

    def __init__(self):
        self.up, self.second = Upstream(), Upstream()
        self.up.default = self.second.default = plays.ordinary
        self.plain = Upstream()
        self.plain.on_accept = plays.speaks_no_tls
        self.deaf, deaf_port = stalled_listener()
        self.closed, shut_port = closed_port()
        at = {
            "up": f"http://127.0.0.1:{self.up.port}",
            "second": f"http://127.0.0.1:{self.second.port}",
            "closed": f"http://127.0.0.1:{shut_port}",
            "deaf": f"http://127.0.0.1:{deaf_port}",
            "nowhere": "http://no-such-host.invalid",
            "no-tls": f"https://127.0.0.1:{self.plain.port}",
        }
        providers, models = {}, {}
        for kind, prefix in KINDS.items():
            more = {"type": kind, "api_key": VENDOR_KEY, "breaker": {"failures": 1000, "rest": 0}}
            for name, url in at.items():
                clocks = {**CLOCKS, "first_token": "5s"} if name == "deaf" else CLOCKS  # one of them is to ring
                providers[f"{name}-{kind}"] = provider(url + prefix, timeouts=clocks, **more)
                models[f"{name}-{kind}"] = target(f"{name}-{kind}", "m")
                models[f"{name}-{kind}-chain"] = chain(f"{name}-{kind}", "m", kind)
            brief = {**CLOCKS, "first_token": 0, "between_tokens": 0, "whole": "500ms"}
            providers[f"brief-{kind}"] = provider(at["up"] + prefix, timeouts=brief, **more)
            models[f"brief-{kind}"] = target(f"brief-{kind}", "m")
            models[f"brief-{kind}-chain"] = chain(f"brief-{kind}", "m", kind)
            models[f"nobody-{kind}"] = {
                "targets": target(f"closed-{kind}", "m")["targets"] + target(f"nowhere-{kind}", "m")["targets"]
            }
            for i in range(SPARE):
                models[f"{kind}-{i}"] = target(f"up-{kind}", f"m{i}")
                models[f"{kind}-{i}-chain"] = chain(f"up-{kind}", f"m{i}", kind)
            for status in ("401", "402"):  # they open the breaker of the provider's key
                providers[f"{status}-{kind}"] = provider(at["up"] + prefix, timeouts=CLOCKS, **more)
                models[f"{status}-{kind}"] = target(f"{status}-{kind}", "m")
                models[f"{status}-{kind}-chain"] = chain(f"{status}-{kind}", "m", kind)
        self.spare = {kind: itertools.count() for kind in KINDS}
        keys = {f"k{i}": {"key": new_key()} for i in range(len(BEFORE) + len(AFTER))}
        self.gateway = Gateway({"providers": providers, "models": models}, keys=keys)
        self.names = itertools.count()

    def own_key(self):
        name = f"k{next(self.names)}"
        return name, self.gateway.keys[name]["key"]

    def model(self, row, kind, is_chain):
        """The model to ask for, for this row."""
        how = HOW_BEFORE.get(row.fault)
        first = how if isinstance(how, str) else row.fault if row.fault in ("401", "402") else "up"
        if "`whole`" in row.fault:
            first = "brief"
        if getattr(row, "retry_after", "") or row.fault == "403":
            first, kind = kind, next(self.spare[kind])
        return f"{first}-{kind}" + ("-chain" if is_chain else "")


def chain(first, model, kind):
    return {"targets": target(first, model)["targets"] + target(f"second-{kind}", "m")["targets"]}


def house():
    return shared("house of faults", House)


def told_of(row, dialect, stream):
    """The page's line for the row's code."""
    return told_by_page()[row.code_of(dialect, stream)]


def asked(dialect, model, stream, play, key):
    h = house()
    request_id = new_id()
    if callable(play):
        h.up.script(request_id, play)
    path, body = request(dialect, model, stream)
    return h.gateway.ask(body, path, key=key, request_id=request_id), request_id


def combinations(streams=(False, True)):
    """(client's dialect, kind of provider, streamed): its own kind, and another one; kinds that are no client's."""
    for dialect, kind in DIALECTS.items():
        for stream in streams:
            yield dialect, kind, stream
            yield dialect, "anthropic" if kind != "anthropic" else "openai", stream
    for dialect in ("completions", "embeddings"):
        yield dialect, "openai", False
    yield "gemini embeddings", "gemini", False
    for kind, dialect, stream in itertools.product(("ollama", "cohere"), ("chat", "messages"), streams):
        yield dialect, kind, stream


def fails(row, dialect, kind, stream, key):
    """One call with one target: what is wrong with the answer, as the contract has it."""
    answer, request_id = asked(dialect, house().model(row, kind, False), stream, HOW_BEFORE[row.fault], key)
    status, retry, known = told_of(row, dialect, stream)
    own = row.code == "upstream_rejected" and DIALECTS.get(dialect, kind) == kind
    wanted = {
        "status": row.status or status,
        "x-should-retry": None if family(dialect) == "gemini" else (retry or None),
        "retry-after": row.retry_after or None,
    }
    got = {"status": answer.status} | {name: answer.field(name) for name in wanted if name != "status"}
    if own:
        got["words"], wanted["words"] = "says the vendor" in answer.body.decode() or "does not exist" in answer.body.decode(), True
    elif row.code != "upstream_rejected":
        got["words"], wanted["words"] = words(dialect, answer.json()), known[family(dialect)]
    line = house().gateway.log_of(request_id)
    got["log"] = (line["outcome"], line["error"], line["status"])
    wanted["log"] = ("failed", row.code_of(dialect, stream).split()[0], wanted["status"])
    return None if got == wanted else (dialect, kind, stream, got, wanted, answer.body[:200])


def fails_over(row, dialect, kind, stream, key):
    """The same with a second target that is well."""
    answer, request_id = asked(dialect, house().model(row, kind, True), stream, HOW_BEFORE[row.fault], key)
    line = house().gateway.log_of(request_id)
    got = (answer.status, line["outcome"], line["attempts"])
    if row.goes_on:
        well = answer.status == 200 and (not stream or ended_well(dialect, events(answer)))
        good = well and got[1:] == ("complete", 2) and answer.field("x-lowart-provider") == f"second-{kind}"
    else:
        good = got == (row.status or told_of(row, dialect, stream)[0], "failed", 1)
    return None if good else (dialect, kind, stream, got, answer.body[:200])


def each(row, one, name, key, streams=(False, True)):
    wrong = [problem for c in combinations(streams) if (problem := one(row, *c, key))]
    check(not wrong, f"{len(wrong)} wrong:\n" + "\n".join(map(str, wrong[:12])))


for row in BEFORE:

    @case(f"before the first content: {row.fault}")
    def _(row=row):
        name, key = house().own_key()
        each(row, fails, name, key)
        records = house().gateway.records(name, len(list(combinations())))
        equal({outcome(r) for r in records}, {("failed", "none")})
        each(row, fails_over, name, key)
        records = house().gateway.records(name, 2 * len(list(combinations())))
        chained = records[len(records) // 2 :]
        good = ("complete", "failed")[not row.goes_on]
        equal({outcome(r)[0] for r in chained}, {good})


@case("before the first content: all targets fail")
def _():
    _, _, known = told_by_page()["connect_failed"]
    for dialect, kind, stream in combinations():
        answer, request_id = asked(dialect, f"nobody-{kind}", stream, None, house().gateway.key)
        equal((answer.status, words(dialect, answer.json())), (502, known[family(dialect)]), dialect)
        for name in ("closed", "nowhere"):
            check(f"{name}-{kind} (connect_failed)" in answer.error["message"], answer)
        equal(house().gateway.log_of(request_id)["attempts"], 2)


def breaks(row, dialect, kind, stream, key):
    """One stream that breaks after content."""
    answer, request_id = asked(dialect, house().model(row, kind, True), True, HOW_AFTER[row.fault], key)
    status, _, known = told_of(row, dialect, True)
    found = events(answer)
    said = text(dialect, found[:-1])
    begun = said.startswith("Hello") and "Hello, world".startswith(said[:12].split("Hello")[0])
    line = house().gateway.log_of(request_id)
    got = (answer.status, answer.complete, last_words(dialect, found[-1], status), begun, ended_well(dialect, found))
    got += (sum("error" in e for e in found if isinstance(e, dict) and e.get("error")), line["outcome"], line["error"])
    wanted = (200, True, known[family(dialect)], True, False, 1, "partial", row.code)
    return None if got == wanted else (dialect, kind, got, wanted, answer.body[-300:])


for row in AFTER:

    @case(f"after content: {row.fault}")
    def _(row=row):
        name, key = house().own_key()
        streamed = [c for c in combinations((True,)) if c[2]]
        wrong = [problem for c in streamed if (problem := breaks(row, *c, key))]
        check(not wrong, f"{len(wrong)} wrong:\n" + "\n".join(map(str, wrong)))
        records = house().gateway.records(name, len(streamed))
        equal({outcome(r)[0] for r in records}, {"partial"})
        check(all(r["output"] for r in records), "nothing was counted of what came", records)


@case("each row of the contract has its test, and each test its row")
def _():
    equal(set(HOW_BEFORE), {row.fault for row in BEFORE})
    equal(set(HOW_AFTER), {row.fault for row in AFTER})
