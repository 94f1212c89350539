"""The contract of docs/faults.md where the gateway itself refuses, or one side leaves: each row in each dialect."""

import json
import time

from kit import fault_plays as plays
from kit.cases import case, check, equal, eventually
from kit.contract import ENDINGS, OURS
from kit.envelopes import DIALECTS, ended_well, events, family, last_words, request, told_by_page, words
from kit.gateway import Gateway, new_id, new_key, outcome, provider, shared, target
from kit.upstream import Upstream
from kit.vendors.vendor import VENDOR_KEY

KINDS = {"openai": "/v1", "openai_responses": "/v1", "anthropic": "/v1", "gemini": "/v1beta"}
CLIENTS = [*DIALECTS, "completions", "embeddings", "gemini embeddings"]
# What a provider of another kind cannot say: (kind, path into the request, value).
UNSAID = {
    "chat": ("anthropic", "n", 2),
    "completions": ("anthropic", "n", 2),
    "responses": ("anthropic", "text", {"format": {"type": "json_object"}}),
    "messages": ("openai", "top_k", 5),
    "gemini": ("openai", "generationConfig", {"topK": 5}),
    "embeddings": ("gemini", "input", [1, 2]),
    "gemini embeddings": ("openai", "taskType", "CLUSTERING"),
}
WRONG = {"messages": ("messages", 7), "responses": ("input", 7), "gemini": ("contents", 7), "embeddings": ("input", 7)}
WRONG |= {"chat": ("messages", 7), "completions": ("stream", "yes"), "gemini embeddings": ("content", 7)}


def kind_of(dialect):
    return DIALECTS.get(dialect, "gemini" if "gemini" in dialect else "openai")


class House:
    def __init__(self):
        self.up = Upstream()
        self.up.default = plays.ordinary
        self.root = f"http://127.0.0.1:{self.up.port}"
        providers = self.providers()
        models = {}
        for kind in KINDS:
            models[kind] = target(kind, "m")
        for dialect in CLIENTS:
            kind, name = kind_of(dialect), dialect.replace(" ", "-")
            models[f"open-{name}"] = target(f"fragile-{kind}", f"m-{dialect}")
            packed = {"provider": kind, "model": f"m-{name}", "bulkhead": {"concurrency": 1, "queue": 0}}
            models[f"packed-{name}"] = {"targets": [packed]}
            models[f"full-{name}"] = {"targets": [{"provider": kind, "model": f"m-{name}", "concurrency": 1}]}
        models["chat-only"] = {**target("openai", "m"), "doors": ["chat"]}
        models["embeddings-only"] = {**target("openai", "m"), "doors": ["embeddings"]}
        keys = {"narrow": {"key": new_key(), "models": ["chat-only"]}, "records": {"key": new_key()}}
        for dialect in CLIENTS:
            path, body = request(dialect, kind_of(dialect), False)
            tokens = -(-len(json.dumps(body)) // 4) + body.get("max_tokens", 0)
            keys[f"rpm-{dialect}"] = {"key": new_key(), "rpm": 1}
            keys[f"month-{dialect}"] = {"key": new_key(), "requests_per_month": 1}
            keys[f"tpm-{dialect}"] = {"key": new_key(), "tpm": tokens}
            keys[f"tiny-{dialect}"] = {"key": new_key(), "tpm": 1}
            keys[f"one-{dialect}"] = {"key": new_key(), "concurrency": 1}
            keys[f"own-{dialect}"] = {"key": new_key()}
            keys |= {f"leaving-{dialect}-{when}": {"key": new_key()} for when in ("before", "within")}
        limits = {"body": "64KiB", "assumed_output_tokens": 0}
        self.gateway = Gateway({"providers": providers, "models": models, "limits": limits}, keys=keys)

    def providers(self):
        made = {}
        for kind, prefix in KINDS.items():
            more = {"type": kind, "api_key": VENDOR_KEY}
            made[kind] = provider(self.root + prefix, **more)
            made[f"fragile-{kind}"] = provider(self.root + prefix, **{**more, "breaker": {"failures": 1, "rest": "1h"}})
        return made

    def key(self, name):
        return self.gateway.keys[name]["key"]

    def ask(self, dialect, model=None, key="main", change=None, play=None, **options):
        """The answer to one call; `change`: (name, value) in its body, or the body itself."""
        path, body = request(dialect, model or kind_of(dialect), False)
        if isinstance(change, tuple):
            body[change[0]] = change[1]
        elif change is not None:
            body = change
        request_id = new_id()
        if play:
            self.up.script(request_id, play)
        key = self.key(key) if key in self.gateway.keys else key
        answer = self.gateway.ask(body, options.pop("path", path), key=key, request_id=request_id, **options)
        answer.request_id = request_id
        return answer

    def hold(self, dialect, model, key):
        """A connection on which a call of this dialect waits for its answer."""
        request_id = new_id()
        self.up.script(request_id, plays.raw(then="silence"))
        path, body = request(dialect, model, False)
        connection = self.gateway.connect()
        connection.send(self.gateway.bytes_of(body, path, key=self.key(key), request_id=request_id))
        eventually(lambda: self.up.requests(request_id), what="the request upstream")
        return connection


def house():
    return shared("house of our own refusals", House)


def over_limit(name):
    def ask(h, dialect):
        equal(h.ask(dialect, key=f"{name}-{dialect}").status, 200, f"the first call of {dialect}")
        for _ in range(50):  # a call may use less than it reserves
            answer = h.ask(dialect, key=f"{name}-{dialect}")
            if answer.status != 200:
                break
        return answer

    return ask


def crowded(h, dialect):
    with h.hold(dialect, kind_of(dialect), f"one-{dialect}"):
        return h.ask(dialect, key=f"one-{dialect}")


def full(what):
    def ask(h, dialect):
        model = f"{what}-{dialect.replace(' ', '-')}"
        with h.hold(dialect, model, "main"):
            return h.ask(dialect, model, key=f"own-{dialect}")

    return ask


def broken(h, dialect):
    model = f"open-{dialect.replace(' ', '-')}"
    equal(h.ask(dialect, model, play=plays.status(500)).status, 502)
    return h.ask(dialect, model, key=f"own-{dialect}")


def cannot_say(h, dialect):
    kind, *change = UNSAID[dialect]
    return h.ask(dialect, kind, key=f"own-{dialect}", change=tuple(change))


def lost_path(h, dialect):
    """Below the dialect's own path, where it has one for itself."""
    path = request(dialect, kind_of(dialect), False)[0]
    return h.ask(dialect, path=path.replace(":", "/nothing:") if "gemini" in dialect else path + "/nothing/at/all")


HOW = {
    "no key": lambda h, d: h.ask(d, key=""),
    "a key that nobody knows": lambda h, d: h.ask(d, key="sk-lw-nobody-knows-this-one"),
    "the key may not use the model": lambda h, d: h.ask(d, key="narrow"),
    "no such model": lambda h, d: h.ask(d, "no-such-model"),
    "a model that is not offered at this door": lambda h, d: h.ask(d, ("embeddings-only", "chat-only")["embed" in d]),
    "no such path": lost_path,
    "another method": lambda h, d: h.ask(d, method="PUT"),
    "a body that is not JSON": lambda h, d: h.ask(d, change=b'{"model": oops'),
    "a field that is wrong": lambda h, d: h.ask(d, UNSAID[d][0], change=WRONG[d]),
    "a field that the provider's dialect cannot say": cannot_say,
    "a body over `limits.body`": lambda h, d: h.ask(d, change=("padding", "x" * 100_000)),
    "more tokens than `tpm` ever holds": lambda h, d: h.ask(d, key=f"tiny-{d}"),
    "`rpm` reached": over_limit("rpm"),
    "`tpm` reached": over_limit("tpm"),
    "`concurrency` reached": crowded,
    "a day's, week's or month's limit reached": over_limit("month"),
    "a target that is full, and no other": full("full"),
    "a bulkhead without room, and no other target": full("packed"),
    "an open breaker, and no other target": broken,
    "the gateway drains": None,  # see below: it takes a gateway of its own
}


def refused(row, dialect, answer):
    """What is wrong with a refusal; None where it is as the contract has it."""
    status, retry, known = told_by_page()[row.code]
    wanted = {"status": status, "words": known[family(dialect)]}
    wanted["x-should-retry"] = None if family(dialect) == "gemini" else retry or None
    got = {"status": answer.status, "words": words(dialect, answer.json()), "x-should-retry": answer.field("x-should-retry")}
    for name in ("retry-after", "retry-after-ms"):
        wanted[name], got[name] = row.retry_after, answer.field(name) is not None
    if row.names_field and family(dialect) == "openai":
        wanted["param"], got["param"] = True, bool(answer.error["param"])
    if row.fault != "no such path" and row.fault != "another method":
        line = house().gateway.log_of(answer.request_id) if hasattr(answer, "request_id") else None
        wanted["log"], got["log"] = row.plain_code, line and line["error"]
        if line is None:
            del wanted["log"], got["log"]
    return None if got == wanted else (dialect, got, wanted, answer.body[:200])


for row in OURS:
    if row.fault == "the gateway drains":
        continue

    @case(f"the gateway's own: {row.fault}")
    def _(row=row):
        h = house()
        wrong = [p for d in CLIENTS if (p := refused(row, d, HOW[row.fault](h, d)))]
        check(not wrong, f"{len(wrong)} wrong:\n" + "\n".join(map(str, wrong)))


@case("the gateway's own: the gateway drains")
def _():
    (row,) = [row for row in OURS if row.fault == "the gateway drains"]
    h = House()
    with h.gateway as g:
        held = h.hold("chat", "openai", "main")
        late = {}
        for dialect in CLIENTS:
            path, body = request(dialect, kind_of(dialect), False)
            late[dialect] = (g.connect(), g.bytes_of(body, path))
            late[dialect][0].send(late[dialect][1][:20])
        time.sleep(0.05)
        g.terminate()
        eventually(lambda: g.events("draining"), 3, "draining")
        wrong = []
        for dialect, (connection, data) in late.items():
            connection.send(data[20:])
            wrong.append(refused(row, dialect, connection.answer()))
        held.close()
        check(not any(wrong), "\n".join(map(str, filter(None, wrong))))


def ending(fault):
    (row,) = [row for row in ENDINGS if row.fault == fault]
    return row


def leaving(row, streamed):
    """A client of each dialect leaves: the upstream is closed soon, and the record says so."""
    h = house()
    for dialect in DIALECTS:
        key, kind = f"leaving-{dialect}-{'within' if streamed else 'before'}", kind_of(dialect)
        request_id = new_id()
        h.up.script(request_id, plays.goes_on if streamed else plays.raw(then="silence"))
        path, body = request(dialect, kind, True)
        with h.gateway.connect() as connection:
            connection.send(h.gateway.bytes_of(body, path, key=h.key(key), request_id=request_id))
            eventually(lambda: h.up.requests(request_id), what="the request upstream")
            while streamed and b"Hello" not in connection.buffer:
                connection.fill()
        line = h.gateway.log_of(request_id)
        equal(line["outcome"], row.record, line)
        (record,) = h.gateway.records(key)
        equal(outcome(record)[0], row.record, dialect)


@case("endings: the client leaves before the first content")
def _():
    leaving(ending("the client leaves before the first content"), False)


@case("endings: the client leaves within a stream")
def _():
    leaving(ending("the client leaves within a stream"), True)


def terminated(row, play):
    """{dialect: the answer} of streams that run when SIGTERM comes; judged by their records as well."""
    h = House.__new__(House)
    h.up = Upstream()
    h.root = f"http://127.0.0.1:{h.up.port}"
    config = {"providers": h.providers(), "models": {kind: target(kind, "m") for kind in KINDS}, "drain": "600ms"}
    with Gateway(config) as g:
        h.gateway, running = g, {}
        for dialect in DIALECTS:
            request_id = new_id()
            h.up.script(request_id, play)
            path, body = request(dialect, kind_of(dialect), True)
            running[dialect] = g.connect()
            running[dialect].send(g.bytes_of(body, path, request_id=request_id))
            eventually(lambda: h.up.requests(request_id), what="the request upstream")
        time.sleep(0.1)
        g.terminate()
        answers = {dialect: connection.answer() for dialect, connection in running.items()}
        equal(g.process.wait(5), 0, "exit code")
        equal({outcome(r)[0] for r in g.records("main", len(DIALECTS))}, {row.record})
    return answers


@case("endings: SIGTERM, and a stream that ends within `drain`")
def _():
    row = ending("SIGTERM, and a stream that ends within `drain`")
    for dialect, answer in terminated(row, plays.slow).items():
        check(answer.complete and ended_well(dialect, events(answer)), dialect, answer)


@case("endings: SIGTERM, and no content within `drain`")
def _():
    row = ending("SIGTERM, and no content within `drain`")
    status, retry, known = told_by_page()["shutting_down"]
    for dialect, answer in terminated(row, plays.raw(then="silence")).items():
        check(answer is not None, dialect, "closed without a word")
        equal((answer.status, words(dialect, answer.json())), (status, known[family(dialect)]), dialect)
        equal(answer.field("retry-after"), "1", answer)


@case("endings: SIGTERM, and a stream that goes on after `drain`")
def _():
    row = ending("SIGTERM, and a stream that goes on after `drain`")
    status, _, known = told_by_page()["shutting_down"]
    for dialect, answer in terminated(row, plays.goes_on).items():
        found = events(answer)
        check(answer.complete and not ended_well(dialect, found), dialect, answer.body[-200:])
        equal(last_words(dialect, found[-1], status), known[family(dialect)], dialect)


@case("each row of what the gateway refuses itself has its test, and each test its row")
def _():
    equal(set(HOW), {row.fault for row in OURS})
    from kit.cases import registered

    tested = {sentence.removeprefix("endings: ") for sentence, _, _ in registered if sentence.startswith("endings: ")}
    equal(tested, {row.fault for row in ENDINGS})
