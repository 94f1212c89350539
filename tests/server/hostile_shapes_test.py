"""Hostile shapes at every door: each a 4xx in the door's dialect that says what is wrong, and nothing is sent.

Before a provider of the door's own dialect a body passes untouched where a shallow look finds nothing wrong: then
exactly these bytes arrive.
"""

from kit.cases import case, check, equal
from kit.gateway import Gateway, new_id, provider, shared, target
from kit.upstream import Upstream

DEEP = b"[" * 100_000
# Each door: its path, a body with a hole for what is hostile, its provider's type.
DOORS = {
    "anthropic": ("/v1/messages", b'{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hi"}]%s}'),
    "gemini": ("/v1beta/models/m:generateContent", b'{"contents":[{"parts":[{"text":"Hi"}]}]%s}'),
    "openai_responses": ("/v1/responses", b'{"model":"m","input":"Hi"%s}'),
    "ollama": ("/api/chat", b'{"model":"m","messages":[{"role":"user","content":"Hi"}]%s}'),
}
BROKEN = [b"", b"[]", b"null", b'"text"', b"{", b'{"model":"m"', b"\xff\xfe", b'{"model":7}', DEEP, b'{"a":' + DEEP]
# The look at a request is shallow: what is wrong within a member that nobody reads is the provider's to refuse.
HOLES = [b',"x":' + DEEP, b',"x":tru', b',"x":1e']


def everyone():
    def make():
        up = Upstream()
        models = {name: target(name) for name in DOORS}
        providers = {name: provider(up.url, type=name) for name in DOORS}
        return up, Gateway({"providers": providers, "models": models})

    return shared("hostile shapes", make)


@case("hostile shapes at each newer door are refused in its dialect, and nobody is asked")
def _():
    up, g = everyone()
    wrong = []
    for name, (path, good) in DOORS.items():
        path = path.replace("/m:", f"/{name}:")
        good = good.replace(b'"m"', b'"%s"' % name.encode())
        for body in BROKEN + [good % hole for hole in HOLES]:
            request_id = new_id()
            answer = g.ask(body, path, request_id=request_id)
            said = answer.json()
            shape = said.get("type") == "error" if name == "anthropic" else "error" in said
            text = said["error"] if name == "ollama" else said["error"]["message"]
            if not (answer.status == 400 and shape and text and not up.requests(request_id)):
                wrong.append((name, body[:80], answer.status, answer.body[:120]))
    check(not wrong, "\n".join(map(str, wrong)))


# What is wrong in bodies, by door: (what stands in the hole, the field that the refusal names). "byte": no JSON at all,
# or deeper than anybody reads, which is told by its place.
HUGE = "1" + "0" * 30
NESTED = "[" * 10_000 + "]" * 10_000
USER = '{"role":"user","content":%s}'


def numbers(limit, where=""):
    wrong = ("1e400", HUGE, '"9"', "1.5", "-1")
    return [(f'"{limit}":{n}', where + limit) for n in wrong] + [('"temperature":1e400', where + "temperature")]


ROOT = [('"x":' + NESTED, "byte"), ('"model":"other"', "model"), ('"stream":"yes"', "stream")]
ROLES = ['{"content":"Hi"}', '{"role":"king","content":"Hi"}', '{"role":7,"content":"Hi"}']


def listed(name, elements):
    """`elements`: (one element of the list, where it is wrong)."""
    return [(f'"{name}":[{element}]', where if where == "byte" else f"{name}[0]{where}") for element, where in elements]


CHAT = (
    [('"messages":{}', "messages"), ('"messages":"Hi"', "messages"), ('"messages":7', "messages")]
    + listed("messages", [(role, ".role") for role in ROLES])
    + listed(
        "messages",
        [
            ('"Hi"', ""),
            (USER % "7", ".content"),
            (USER % "[7]", ".content[0]"),
            (USER % '[{"text":"x"}]', ".content[0].type"),
            (USER % '[{"type":"text","text":7}]', ".content[0].text"),
            (USER % NESTED, "byte"),
            (USER % '"a\\ud800b"', "byte"),
            ('{"role":"assistant","tool_calls":{}}', ".tool_calls"),
            (
                '{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":{}}}]}',
                ".tool_calls[0].function.arguments",
            ),
        ],
    )
)
MESSAGES = (
    [('"messages":{}', "messages"), ('"messages":"Hi"', "messages")]
    + listed("messages", [(role, ".role") for role in ROLES])
    + listed(
        "messages",
        [
            ('"Hi"', ""),
            ('{"role":"user"}', ".content"),
            (USER % "7", ".content"),
            (USER % "[7]", ".content[0]"),
            (USER % '[{"text":"x"}]', ".content[0].type"),
            (USER % '[{"type":"text","text":7}]', ".content[0].text"),
            (USER % '[{"type":"tool_use","id":"t","name":"f","input":"x"}]', ".content[0].input"),
            (USER % '[{"type":"tool_use","id":"t","name":"f","input":[]}]', ".content[0].input"),
            (USER % '[{"type":"tool_result","tool_use_id":"t","content":7}]', ".content[0].content"),
            (USER % NESTED, "byte"),
            (USER % '"a\\ud800b"', "byte"),
        ],
    )
)
INPUT = (
    [('"input":7', "input"), ('"input":{}', "input"), ('"input":"a\\ud800b"', "byte")]
    + listed("input", [('{"type":"message","content":"Hi"}', ".role"), (ROLES[1], ".role"), (ROLES[2], ".role")])
    + listed(
        "input",
        [
            ("7", ""),
            (USER % "7", ".content"),
            (USER % "[7]", ".content[0]"),
            (USER % '[{"text":"x"}]', ".content[0].type"),
            ('{"type":"function_call","call_id":"c","name":"f","arguments":{}}', ".arguments"),
            ('{"type":"function_call_output","call_id":"c","output":7}', ".output"),
            (USER % NESTED, "byte"),
        ],
    )
)
PARTS = '{"parts":%s}'
CONTENTS = [('"contents":7', "contents"), ('"contents":"Hi"', "contents")] + listed(
    "contents",
    [
        ("7", ""),
        (PARTS % '"Hi"', ".parts"),
        (PARTS % "[7]", ".parts[0]"),
        (PARTS % '[{"text":7}]', ".parts[0].text"),
        ('{"role":"king","parts":[]}', ".role"),
        ('{"role":7,"parts":[]}', ".role"),
        (PARTS % '[{"functionCall":{"name":"f","args":"x"}}]', ".parts[0].functionCall.args"),
        (PARTS % '[{"functionResponse":{"name":"f","response":"x"}}]', ".parts[0].functionResponse.response"),
        (PARTS % '[{"inlineData":{"mimeType":"image/png","data":7}}]', ".parts[0].inlineData.data"),
        (PARTS % NESTED, "byte"),
        (PARTS % '[{"text":"a\\ud800b"}]', "byte"),
    ],
)
SETTINGS = [
    ('"generationConfig":{%s}' % number, field)
    for number, field in numbers("maxOutputTokens", "generationConfig.")
]
TEXTS = [
    ('"input":7', "input"),
    ('"input":{}', "input"),
    ('"input":[]', "input"),
    ('"input":["a",7]', "input[1]"),
    ('"input":[null]', "input[0]"),
    ('"input":[-1]', "input[0]"),
    (f'"input":[{HUGE}]', "input[0]"),
    ('"input":[1e400]', "input[0]"),
    ('"input":"a\\ud800b"', "byte"),
    (f'"input":{NESTED}', "byte"),
    ('"input":"Hi","dimensions":1e400', "dimensions"),
    (f'"input":"Hi","dimensions":{HUGE}', "dimensions"),
    ('"input":"Hi","encoding_format":7', "encoding_format"),
    ('"input":"Hi","model":"other"', "model"),
]
TEXT = '"content":{"parts":[{"text":"Hi"}]}'
ONE = [
    ('"content":7', "content"),
    ('"content":"Hi"', "content"),
    ('"content":{}', "content.parts"),
    ('"content":{"parts":"Hi"}', "content.parts"),
    ('"content":{"parts":[7]}', "content.parts[0]"),
    ('"content":{"parts":[{"text":7}]}', "content.parts[0].text"),
    ('"content":{"parts":[{"text":"\\ud800"}]}', "byte"),
    (f'"content":{NESTED}', "byte"),
    (TEXT + ',"outputDimensionality":1e400', "outputDimensionality"),
    (TEXT + f',"outputDimensionality":{HUGE}', "outputDimensionality"),
    (TEXT + ',"model":7', "model"),
    (TEXT + ',"model":"models/other"', "model"),
    (TEXT + ',"model":"models/MODEL","model":"models/other"', "model"),
]
MANY = [
    ('"requests":7', "requests"),
    ('"requests":[7]', "requests[0]"),
    ('"requests":[{}]', "requests[0].content"),
    ('"requests":[{"content":{"parts":[7]}}]', "requests[0].content.parts[0]"),
    ('"requests":[{%s,"model":"models/other"}]' % TEXT, "requests[0].model"),
    ('"requests":[{%s,"model":"MODEL","model":"other"}]' % TEXT, "requests[0].model"),
    ('"requests":[],"requests":[{%s}]' % TEXT, "requests"),
]
HI = '"contents":[{"parts":[{"text":"Hi"}]}]'
COUNTED = [
    ('"generateContentRequest":7', "generateContentRequest"),
    ('"generateContentRequest":{%s,"model":"models/other"}' % HI, "generateContentRequest.model"),
    ('"generateContentRequest":{%s,"model":"MODEL","model":"other"}' % HI, "generateContentRequest.model"),
    (
        '"generateContentRequest":{%s},"generate_content_request":{%s,"model":"other"}' % (HI, HI),
        "generateContentRequest",
    ),
]


OLLAMA = (
    [('"messages":{}', "messages"), ('"messages":"Hi"', "messages")]
    + listed("messages", [(role, ".role") for role in ROLES])
    + listed(
        "messages",
        [
            ("7", ""),
            (USER % "[]", ".content"),
            (USER % NESTED, "byte"),
            (USER % '"a\\ud800b"', "byte"),
            ('{"role":"user","content":"x","images":[7]}', ".images[0]"),
            ('{"role":"user","content":"x","images":["%"]}', ".images[0]"),
            ('{"role":"user","content":"x","images":"Hi"}', ".images"),
            ('{"role":"assistant","tool_calls":[7]}', ".tool_calls[0]"),
            ('{"role":"assistant","tool_calls":[{"function":{"arguments":{}}}]}', ".tool_calls[0].function.name"),
            (
                '{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"x"}}]}',
                ".tool_calls[0].function.arguments",
            ),
        ],
    )
)
OLLAMA_SETTINGS = [
    ('"options":7', "options"),
    ('"options":{"num_predict":1.5}', "options.num_predict"),
    ('"options":{"num_predict":1e400}', "options.num_predict"),
    (f'"options":{{"num_predict":{HUGE}}}', "options.num_predict"),
    ('"options":{"temperature":1e400}', "options.temperature"),
    ('"options":{"stop":[7]}', "options.stop[0]"),
    ('"format":7', "format"),
    ('"think":[]', "think"),
    ('"tools":[{"function":{}}]', "tools[0].function.name"),
    ('"Model":"other"', "model"),
]
PROMPTS = [
    ('"prompt":7', "prompt"),
    ('"prompt":["Hi"]', "prompt"),
    (f'"prompt":{NESTED}', "byte"),
    ('"prompt":"Hi","system":7', "system"),
    ('"prompt":"Hi","images":["%"]', "images[0]"),
    ('"prompt":"Hi","context":[1]', "context"),
    ('"prompt":"Hi","suffix":"x"', "suffix"),
    ('"prompt":"Hi","raw":true', "raw"),
]
OLLAMA_TEXTS = [
    ('"input":7', "input"),
    ('"input":{}', "input"),
    ('"input":[]', "input"),
    ('"input":["a",7]', "input[1]"),
    (f'"input":{NESTED}', "byte"),
    (f'"input":"Hi","dimensions":{HUGE}', "dimensions"),
    ('"input":"Hi","options":7', "options"),
    ('"input":"Hi","model":"other"', "model"),
]


def beside(body, wrong):
    return [(f"{body},{hole}", field) for hole, field in wrong]


GREETING = '"messages":[{"role":"user","content":"Hi"}]'
LIMIT = '"max_tokens":9'
# Each table: (path, its provider's type, another's, what comes before the hole, the hole's fillings).
NAMED = '{"model":"MODEL",%s}'
UNNAMED = "{%s}"
AT = "/v1beta/models/MODEL:"
TABLES = {
    "chat": ("/v1/chat/completions", "openai", "anthropic", NAMED, CHAT + beside(GREETING, numbers("max_tokens") + ROOT)),
    "messages": (
        "/v1/messages",
        "anthropic",
        "gemini",
        NAMED,
        beside(LIMIT, MESSAGES) + beside(GREETING, numbers("max_tokens")) + beside(f"{LIMIT},{GREETING}", ROOT),
    ),
    "responses": (
        "/v1/responses",
        "openai_responses",
        "anthropic",
        NAMED,
        INPUT
        + beside('"input":"Hi"', numbers("max_output_tokens") + ROOT)
        + [('"input":"Hi","instructions":7', "instructions"), ('"previous_response_id":7', "previous_response_id")],
    ),
    "gemini": (AT + "generateContent", "gemini", "openai", UNNAMED, CONTENTS + beside(HI, SETTINGS + ROOT[:1])),
    "ollama's chat": (
        "/api/chat",
        "ollama",
        "openai",
        NAMED,
        OLLAMA + beside(GREETING, OLLAMA_SETTINGS + ROOT),
    ),
    "ollama's generate": (
        "/api/generate",
        "ollama",
        "openai",
        NAMED,
        PROMPTS + beside('"prompt":"Hi"', OLLAMA_SETTINGS[:8] + ROOT),
    ),
    "ollama's embeddings": ("/api/embed", "ollama", "openai", NAMED, OLLAMA_TEXTS),
    "embeddings": ("/v1/embeddings", "openai", "gemini", NAMED, TEXTS),
    "gemini embeddings": (AT + "embedContent", "gemini", "openai", UNNAMED, ONE),
    "gemini embedding batches": (AT + "batchEmbedContents", "gemini", "openai", UNNAMED, MANY),
    "counts of messages": (
        "/v1/messages/count_tokens",
        "anthropic",
        "openai",
        NAMED,
        MESSAGES + beside(GREETING, numbers("max_tokens") + ROOT),
    ),
    "counts of responses": (
        "/v1/responses/input_tokens",
        "openai_responses",
        "openai",
        NAMED,
        INPUT + beside('"input":"Hi"', numbers("max_output_tokens") + ROOT),
    ),
    "counts of gemini": (AT + "countTokens", "gemini", "openai", UNNAMED, CONTENTS + COUNTED + beside(HI, ROOT[:1])),
}


def every_provider():
    def make():
        up = Upstream()
        kinds = ("openai", "openai_responses", "anthropic", "gemini", "ollama")
        models = {kind: target(kind, kind) for kind in kinds}
        return up, Gateway({"providers": {kind: provider(up.url, type=kind) for kind in kinds}, "models": models})

    return shared("hostile members", make)


def names(path, said, field):
    """Whether a refusal has the shape of its path's dialect, and names the field."""
    error = said.get("error", {})
    if path.startswith("/api/"):  # one text
        return list(said) == ["error"] and ("byte" if field == "byte" else f"'{field}'") in error
    if path.startswith("/v1beta"):
        shape = set(error) - {"details"} == {"code", "message", "status"}
        shape = shape and (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
    elif path.startswith("/v1/messages"):
        shape = (said["type"], error["type"]) == ("error", "invalid_request_error")
    else:
        shape = set(error) == {"message", "type", "param", "code"} and error["type"] == "invalid_request_error"
    named = "byte" if field == "byte" else f"'{field}'"
    return shape and (named in error["message"] or error.get("param") == field)


for table_name, table in TABLES.items():

    @case(f"hostile members at the door of {table_name}: refused with their name, or passed on as they came")
    def _(table=table):
        up, g = every_provider()
        path, own, other, frame, holes = table
        wrong = []
        for kind in (own, other):
            for hole, field in holes:
                body = (frame % hole).replace("MODEL", kind).encode()
                request_id = new_id()
                answer = g.ask(body, path.replace("MODEL", kind), request_id=request_id)
                sent = up.requests(request_id)
                if kind == own and sent:
                    good = [request.body for request in sent] == [body]
                else:
                    good = not sent and answer.status == 400 and names(path, answer.json(), field)
                if not good:
                    wrong.append((kind, hole[:100], field, answer.status, answer.body[:160], len(sent)))
        check(not wrong, "\n".join(map(str, wrong)))


@case("of a member that stands twice the last counts for a translation, as providers read it")
def _():
    up, g = every_provider()
    twice = {
        "/v1/chat/completions": ("anthropic", f'{GREETING},{GREETING.replace("Hi", "Ho")}'),
        "/v1/messages": ("openai", f'{LIMIT},{GREETING},{GREETING.replace("Hi", "Ho")}'),
        "/v1/responses": ("openai", '"input":"Hi","input":"Ho"'),
        AT + "generateContent": ("openai", f'{HI},{HI.replace("Hi", "Ho")}'),
        "/v1/embeddings": ("gemini", '"input":"Hi","input":"Ho"'),
        "/api/chat": ("openai", f'{GREETING},{GREETING.replace("Hi", "Ho")}'),
        "/api/generate": ("openai", '"prompt":"Hi","prompt":"Ho"'),
        "/api/embed": ("openai", '"input":"Hi","input":"Ho"'),
        AT + "embedContent": ("openai", f'{TEXT},{TEXT.replace("Hi", "Ho")}'),
    }
    for path, (kind, members) in twice.items():
        frame = UNNAMED if path.startswith(AT) else NAMED
        request_id = new_id()
        g.ask((frame % members).replace("MODEL", kind).encode(), path.replace("MODEL", kind), request_id=request_id)
        (sent,) = up.requests(request_id)
        equal((b'"Ho"' in sent.body, b'"Hi"' in sent.body), (True, False), sent.body)
