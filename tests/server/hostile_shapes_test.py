"""Hostile shapes at the doors of Anthropic, Gemini and Responses: each a 4xx in the door's dialect, nothing sent."""

from kit.cases import case, check, equal
from kit.gateway import Gateway, new_id, provider, shared, target
from kit.upstream import Upstream

DEEP = b"[" * 100_000
# Each door: its path, a body with a hole for what is hostile, its provider's type.
DOORS = {
    "anthropic": ("/v1/messages", b'{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hi"}]%s}'),
    "gemini": ("/v1beta/models/m:generateContent", b'{"contents":[{"parts":[{"text":"Hi"}]}]%s}'),
    "openai_responses": ("/v1/responses", b'{"model":"m","input":"Hi"%s}'),
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
            if not (answer.status == 400 and shape and said["error"]["message"] and not up.requests(request_id)):
                wrong.append((name, body[:80], answer.status, answer.body[:120]))
    check(not wrong, "\n".join(map(str, wrong)))
