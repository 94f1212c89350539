"""Keys of providers that clients bring: whose key is sent, and whose affair it is when it is refused."""

from kit.cases import case, check, equal
from kit.gateway import UPSTREAM_KEY, Gateway, chat, new_id, new_key, provider
from kit.upstream import Upstream, refusal

OWN = "sk-own-" + "z3" * 16
BROUGHT = [("x-lowart-provider-key", OWN)]
PLACES = {
    "openai": ("authorization", f"Bearer {OWN}"),
    "openai_responses": ("authorization", f"Bearer {OWN}"),
    "anthropic": ("x-api-key", OWN),
    "gemini": ("x-goog-api-key", OWN),
    "ollama": ("authorization", f"Bearer {OWN}"),
    "cohere": ("authorization", f"Bearer {OWN}"),
}


def gateway_of(providers):
    targets = [{"provider": name, "model": "m"} for name in providers]
    models = {target["provider"]: {"targets": [target]} for target in targets}
    models["all"] = {"targets": targets}
    return Gateway(
        {"providers": providers, "models": models}, keys={"boss": {"key": new_key(), "admin": True}}
    )


def asked(gateway, up, model, fields=BROUGHT):
    request_id = new_id()
    answer = gateway.ask(chat(model), fields=fields, request_id=request_id)
    return answer, up.requests(request_id)[0]


@case("client key: the configured key goes first, then the client's where that is allowed, then none")
def _():
    up = Upstream()
    entry = provider(up.url)
    bare = {name: value for name, value in entry.items() if name != "api_key"}
    with gateway_of({"both": {**entry, "client_key": True}, "theirs": {**bare, "client_key": True}, "none": bare}) as g:
        wanted = {"both": f"Bearer {UPSTREAM_KEY}", "theirs": f"Bearer {OWN}", "none": None}
        for model, key in wanted.items():
            answer, request = asked(g, up, model)
            equal((answer.status, request.field("authorization")), (200, key), model)
            equal(request.field("x-lowart-provider-key"), None, "it goes nowhere else")
        answer, request = asked(g, up, "theirs", fields=[])
        equal((answer.status, request.field("authorization")), (200, None))
        check(OWN not in g.stdout() + g.stderr(), "a key is in the log")


@case("client key: each protocol has its place for it; a refusal is told to its client only, and opens no breaker")
def _():
    up = Upstream()
    up.default = refusal(b"401 Unauthorized", "invalid_api_key")
    providers = {
        kind: {"type": kind, "base_url": up.url, "client_key": True, "retry": {"attempts": 1}} for kind in PLACES
    }
    with gateway_of(providers) as g:
        for kind, (field, value) in PLACES.items():
            for _ in range(2):
                answer, request = asked(g, up, kind)
                equal(request.field(field), value, kind)
                equal((answer.status, answer.error["code"]), (401, "invalid_api_key"), answer)
                check("x-lowart-provider-key" in answer.error["message"], answer.error)
        request_id = new_id()
        equal(g.ask(chat("all"), fields=BROUGHT, request_id=request_id).status, 401)
        equal(len(up.requests(request_id)), 1, "asked, and no other target after it")
        page = g.get("/admin/breakers", key=g.keys["boss"]["key"]).json()["data"]
        equal({b["state"] for b in page}, {"closed"})
