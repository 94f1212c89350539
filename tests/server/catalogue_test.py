"""The catalogue of vendors: in the configuration, on the bill, in the list of models, and as commands."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

from kit.cases import case, check, equal
from kit.gateway import BIN, UPSTREAM_KEY, Gateway, chat, new_id, run_on
from kit.upstream import USAGE, Upstream, closed_port, ordinary, refusal, whole

# Every vendor, told once more: id, type and base URL. A new entry of the catalogue is a new line here.
VENDORS = """
01-ai openai https://api.lingyiwanwu.com/v1
anthropic anthropic https://api.anthropic.com/v1
ark openai https://ark.cn-beijing.volces.com/api/v3
azure openai https://{resource}.openai.azure.com/openai/v1
azure-openai azure_openai https://{resource}.openai.azure.com/openai/v1
baichuan openai https://api.baichuan-ai.com/v1
bedrock bedrock https://bedrock-runtime.{region}.amazonaws.com
bedrock-openai openai https://bedrock-runtime.{region}.amazonaws.com/openai/v1
cerebras openai https://api.cerebras.ai/v1
chutes openai https://llm.chutes.ai/v1
cloudflare openai https://api.cloudflare.com/client/v4/accounts/{account}/ai/v1
cohere cohere https://api.cohere.com
cohere-openai openai https://api.cohere.ai/compatibility/v1
dashscope openai https://dashscope.aliyuncs.com/compatible-mode/v1
dashscope-intl openai https://dashscope-intl.aliyuncs.com/compatible-mode/v1
deepinfra openai https://api.deepinfra.com/v1/openai
deepseek openai https://api.deepseek.com/v1
fireworks openai https://api.fireworks.ai/inference/v1
github-models openai https://models.github.ai/inference
google gemini https://generativelanguage.googleapis.com/v1beta
groq openai https://api.groq.com/openai/v1
huggingface openai https://router.huggingface.co/v1
hunyuan openai https://api.hunyuan.cloud.tencent.com/v1
hyperbolic openai https://api.hyperbolic.xyz/v1
jina openai https://api.jina.ai/v1
llama-cpp openai http://127.0.0.1:8080/v1
lm-studio openai http://127.0.0.1:1234/v1
localai openai http://127.0.0.1:8080/v1
minimax openai https://api.minimax.io/v1
minimax-cn openai https://api.minimaxi.com/v1
mistral openai https://api.mistral.ai/v1
moonshot openai https://api.moonshot.ai/v1
moonshot-cn openai https://api.moonshot.cn/v1
nebius openai https://api.tokenfactory.nebius.com/v1
novita openai https://api.novita.ai/openai/v1
nvidia openai https://integrate.api.nvidia.com/v1
ollama ollama http://127.0.0.1:11434
ollama-openai openai http://127.0.0.1:11434/v1
openai openai https://api.openai.com/v1
openai-responses openai_responses https://api.openai.com/v1
openrouter openai https://openrouter.ai/api/v1
perplexity openai https://api.perplexity.ai
qianfan openai https://qianfan.baidubce.com/v2
replicate replicate https://api.replicate.com/v1
sambanova openai https://api.sambanova.ai/v1
scaleway openai https://api.scaleway.ai/v1
sglang openai http://127.0.0.1:30000/v1
siliconflow openai https://api.siliconflow.com/v1
siliconflow-cn openai https://api.siliconflow.cn/v1
spark openai https://spark-api-open.xf-yun.com/v1
stepfun openai https://api.stepfun.com/v1
together openai https://api.together.xyz/v1
vercel openai https://ai-gateway.vercel.sh/v1
vertex vertex https://aiplatform.googleapis.com/v1
vertex-openai openai https://{location}-aiplatform.googleapis.com/v1/projects/{project}/locations/{location}/endpoints/openapi
vllm openai http://127.0.0.1:8000/v1
voyage openai https://api.voyageai.com/v1
xai openai https://api.x.ai/v1
zai openai https://api.z.ai/api/paas/v4
zhipu openai https://open.bigmodel.cn/api/paas/v4
"""
# What stands for the placeholders of base URLs.
VALUES = {"resource": "contoso", "region": "us-east-1", "location": "us-central1", "project": "p-1", "account": "a1"}


def vendors():
    return [line.split() for line in VENDORS.strip().splitlines()]


def run(*arguments, environment=None, files=None):
    """Runs a command in a folder of its own, with these variables and no keys of anybody's."""
    with tempfile.TemporaryDirectory() as directory:
        for name, text in (files or {}).items():
            (Path(directory) / name).write_text(text)
        clean = {"PATH": os.environ["PATH"], **(environment or {})}
        return subprocess.run(
            [BIN, *arguments], capture_output=True, text=True, timeout=30, cwd=directory, env=clean, check=False
        )


def file_with(entry, model="up-model", name="up", client="m"):
    return json.dumps(
        {
            "providers": {name: entry},
            "models": {client: {"targets": [{"provider": name, "model": model}]}},
            "keys": [{"name": "k", "key": "sk-lw-0123456789abcdef"}],
        },
        indent=1,
    )


def refused(entry):
    done, _ = run_on(file_with(entry), "validate")
    equal(done.returncode, 1, done.stdout)
    return done.stderr


def listing():
    """An upstream that lists models and answers."""
    up = Upstream()

    def play(peer, request):
        if not request.line.startswith("GET "):
            return ordinary(peer, request)
        up.lists.append(request)
        data = [{"id": i, "object": "model"} for i in ("openai/gpt-oss-120b", "llama-3.3-70b-versatile", "mystery")]
        return whole(json.dumps({"object": "list", "data": data}).encode())(peer, request)

    up.lists, up.default = [], play
    return up


@case("catalogue: every vendor is listed with its type and base URL, and nothing else is")
def _():
    done = run("providers", "--json")
    equal(done.returncode, 0, done.stderr)
    known = {v["id"]: v for v in json.loads(done.stdout)}
    equal(sorted(known), sorted(v[0] for v in vendors()), "vendors")
    check(len(known) >= 40, len(known))
    for vendor, kind, url in vendors():
        equal((known[vendor]["type"], known[vendor]["base_url"]), (kind, url), vendor)


@case("catalogue: a vendor is a provider with two words in the file, wherever its type is there")
def _():
    for vendor in json.loads(run("providers", "--json").stdout):
        values = {k: v for k, v in VALUES.items() if "{" + k + "}" in vendor["base_url"]}
        key = {"project": "p-1", "access_token": "x"} if vendor["auth"] == "google" else {"api_key": "key"}
        done, _ = run_on(file_with({"vendor": vendor["id"], **key, **values}), "validate")
        if vendor["supported"]:
            equal(done.returncode, 0, (vendor["id"], done.stderr))
        else:
            check(f"speaks '{vendor['type']}', which this version does not" in done.stderr, done.stderr)


@case("catalogue: a vendor's entry answers calls, the file's own words replace the catalogue's, and its price is billed")
def _():
    up = listing()
    groq = {"vendor": "groq", "base_url": up.url, "api_key": UPSTREAM_KEY}
    known = "llama-3.3-70b-versatile"
    config = {
        "providers": {"groq": groq, "own": {**groq, "legacy_max_tokens": True}},
        "models": {
            "listed": {"targets": [{"provider": "groq", "model": known}]},
            "own-price": {"targets": [{"provider": "groq", "model": known}], "price": {"input": 1, "output": 2}},
            "target-price": {"targets": [{"provider": "groq", "model": known, "price": {"input": 3}}]},
            "free": {"targets": [{"provider": "groq", "model": known}], "price": {"input": 0}},
            "unknown": {"targets": [{"provider": "own", "model": "mystery"}]},
            "any/*": {"targets": [{"provider": "groq", "model": "*"}]},
        },
    }
    with Gateway(config, threads=1) as gateway:
        costs = {}
        for model in ("listed", "own-price", "target-price", "free", "unknown", f"any/{known}"):
            request_id = new_id()
            equal(gateway.ask(chat(model), request_id=request_id).status, 200)
            sent = up.requests(request_id)[0]
            equal(sent.field("authorization"), f"Bearer {UPSTREAM_KEY}")
            costs[model] = None
        records = gateway.records(count=len(costs))
        costs = {r["model"]: r["cost"] for r in records}
        read, written = USAGE["prompt_tokens"], USAGE["completion_tokens"]
        equal(costs["listed"], read * 590 + written * 790, "the catalogue's, in nano-dollars")
        equal(costs["own-price"], read * 1000 + written * 2000)
        equal(costs["target-price"], read * 3000)
        equal((costs["free"], costs["unknown"]), (0, 0))
        equal([c for m, c in costs.items() if m.startswith("any/")], [costs["listed"]])

        messages = {"max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
        for model, name in (("listed", "max_completion_tokens"), ("unknown", "max_tokens")):
            request_id = new_id()
            answer = gateway.ask({**messages, "model": model}, "/v1/messages", request_id=request_id)
            equal(answer.status, 200, answer)
            equal(up.requests(request_id)[0].json().get(name), 9, f"{model}: {name}")


@case("catalogue: /v1/models tells what is known of a model, and the lists of other dialects keep their shape")
def _():
    up = listing()
    known = "llama-3.3-70b-versatile"
    config = {
        "providers": {"groq": {"vendor": "groq", "base_url": up.url, "api_key": UPSTREAM_KEY}},
        "models": {
            "listed": {"targets": [{"provider": "groq", "model": known}]},
            "own": {"targets": [{"provider": "groq", "model": "mine"}], "price": {"input": 1.5}},
            "any/*": {"targets": [{"provider": "groq", "model": "*"}]},
        },
    }
    facts = {
        "context_length": 131072,
        "max_output_tokens": 32768,
        "types": ["text"],
        "capabilities": ["tools", "streaming"],
        "usd_per_million_tokens": {"input": "0.59", "output": "0.79"},
    }
    plain = lambda name: {"id": name, "object": "model", "created": 0, "owned_by": "groq"}
    with Gateway(config, threads=1) as gateway:
        cards = {c["id"]: c for c in gateway.get("/v1/models").json()["data"]}
        equal(cards["listed"], {**plain("listed"), **facts})
        equal(cards[f"any/{known}"], {**plain(f"any/{known}"), **facts})
        equal(cards["own"], {**plain("own"), "usd_per_million_tokens": {"input": "1.5"}})
        equal(cards["any/mystery"], plain("any/mystery"))
        equal(gateway.get("/v1/models/listed").json(), cards["listed"])
        claude = gateway.get("/v1/models", fields=[("anthropic-version", "2023-06-01")]).json()["data"][0]
        equal(sorted(claude), ["created_at", "display_name", "id", "type"])
        gemini = {m["baseModelId"]: m for m in gateway.get("/v1beta/models").json()["models"]}
        equal((gemini["listed"]["inputTokenLimit"], gemini["listed"]["outputTokenLimit"]), (131072, 32768))
        check("inputTokenLimit" not in gemini["own"], gemini["own"])


@case("catalogue: what is wrong with a vendor in the file is said with what to write instead")
def _():
    said = refused({"vendor": "grok", "api_key": "x"})
    check("no vendor 'grok' is known; near it are groq; `lowart providers` lists them all" in said, said)
    said = refused({"vendor": "zzzzzz", "api_key": "x"})
    check("no vendor 'zzzzzz' is known; `lowart providers` lists them all" in said, said)
    equal(said.count("\n"), 1, said)
    said = refused({"vendor": "groq", "type": "openai", "api_key": "x"})
    check("either 'vendor' or 'type': the vendor 'groq' is one of type openai" in said, said)
    said = refused({"vendor": "azure", "api_key": "x"})
    check("the vendor 'azure' needs 'resource': its base URL is https://{resource}.openai.azure.com" in said, said)
    said = refused({"vendor": "azure", "api_key": "x", "resource": "evil.example/x#"})
    check("'resource' has letters, digits, '-', '_' and '.' only" in said, said)
    said = refused({"vendor": "groq"})
    check("the vendor 'groq' needs a key: write 'api_key: ${GROQ_API_KEY}', or 'client_key: true'" in said, said)
    said = refused({"vendor": "groq", "api_key": "x", "region": "eu"})
    check("'region' is not known here" in said, said)
    said = refused({"api_key": "x"})
    check("a provider needs a 'vendor', or a 'type': openai" in said, said)


@case("catalogue: validate says which prices are the catalogue's")
def _():
    entry = {"vendor": "groq", "api_key": "x"}
    done, _ = run_on(file_with(entry, "llama-3.3-70b-versatile"), "validate")
    check("  m at up: input 0.59, output 0.79 USD per million tokens, by the catalogue of 20" in done.stdout, done.stdout)
    done, _ = run_on(file_with(entry, "mystery"), "validate")
    equal(done.stdout.count("\n"), 1, done.stdout)


@case("providers: the table, one vendor with its models, and a name that is none")
def _():
    table = run("providers").stdout
    check(f"{len(vendors())} vendors." in table, table[-300:])
    row = next(line for line in table.splitlines() if line.startswith("groq "))
    for word in ("Groq", "openai", "GROQ_API_KEY", "https://api.groq.com/openai/v1"):
        check(word in row, row)
    one = run("providers", "groq").stdout
    for words in (
        'groq: {vendor: groq, api_key: "${GROQ_API_KEY}"}',
        "llama-3.3-70b-versatile",
        "text; tools streaming; input 0.59, output 0.79 (2025-11-30)",
    ):
        check(words in one, one)
    equal(json.loads(run("providers", "groq", "--json").stdout)["models"][0]["usd_per_million_tokens"]["input"], "0.59")
    done = run("providers", "grok")
    equal((done.returncode, "near it are groq" in done.stderr), (2, True), done.stderr)


def probe(entry, *more, **options):
    return run("providers", "test", "mine", *more, files={"lowart.yaml": file_with(entry, name="mine", **options)})


@case("providers test: what works is told with its time, and asked with the model of the configuration")
def _():
    up = listing()
    seen = []
    up.default, plain = lambda peer, request: seen.append(request) or plain(peer, request), up.default
    done = probe({"vendor": "groq", "base_url": up.url, "api_key": UPSTREAM_KEY})
    equal(done.returncode, 0, done.stdout + done.stderr)
    lines = done.stdout.splitlines()
    equal(lines[0], f"mine: openai at {up.url}")
    check(lines[1].split()[:3] == ["ok", "model", "list"] and "3 models: openai/gpt-oss-120b" in lines[1], lines[1])
    check(lines[2].split()[:2] == ["ok", "chat"] and " ms  " in lines[2] and '"Hello, world!"' in lines[2], lines[2])
    equal([r.line.split()[:2] for r in seen], [["GET", "/v1/models"], ["POST", "/v1/chat/completions"]])
    equal(seen[1].json()["model"], "up-model", "the one that the file asks for")
    equal([r.field("authorization") for r in seen], [f"Bearer {UPSTREAM_KEY}"] * 2)
    done = probe({"vendor": "groq", "base_url": up.url, "api_key": UPSTREAM_KEY}, "--model", "mystery")
    check("mystery says" in done.stdout, done.stdout)
    done = probe({"vendor": "groq", "base_url": up.url, "api_key": UPSTREAM_KEY}, model="*", client="*")
    check("llama-3.3-70b-versatile says" in done.stdout, "of those it offers, the one the catalogue knows", done.stdout)
    done = probe({"type": "openai", "base_url": up.url}, model="*", client="*")
    check("openai/gpt-oss-120b says" in done.stdout, "without a catalogue the first one", done.stdout)


@case("providers test: each failure comes with what to change, and exit code 1")
def _():
    _kept, port = closed_port()
    shut = f"http://127.0.0.1:{port}/v1"
    for status, code, words in (
        (b"401 Unauthorized", "invalid_api_key", "it does not take this key: look at 'api_key' (GROQ_API_KEY)"),
        (b"404 Not Found", "model_not_found", "there is no model 'up-model', or 'base_url' is wrong"),
        (b"429 Too Many Requests", "rate_limit_exceeded", "a rate limit or a quota"),
        (b"500 Broken", "broken", "the provider's own trouble"),
        (b"400 Bad Request", "unknown_parameter", "it refuses the request"),
    ):
        up = Upstream()
        up.default = refusal(status, code)
        done = probe({"vendor": "groq", "base_url": up.url, "api_key": UPSTREAM_KEY}, "--model", "up-model")
        equal(done.returncode, 1, (status, done.stdout, done.stderr))
        equal(done.stdout.count("FAIL"), 2, done.stdout)
        check(words in done.stdout and "says the upstream" in done.stdout, (status, done.stdout))
        check(UPSTREAM_KEY not in done.stdout + done.stderr, "the key is shown")
    plain = Upstream()
    plain.on_accept = lambda sock: sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n") or sock.close() or True
    for url, words in (
        (shut, "nobody answers there: check host and port"),
        ("http://no-such-host.invalid/v1", "DNS does not know the host"),
        (plain.url.replace("http", "https"), "TLS: check that 'base_url' says https"),
    ):
        done = probe({"vendor": "groq", "base_url": url, "api_key": UPSTREAM_KEY})
        equal(done.returncode, 1, (url, done.stdout, done.stderr))
        check(words in done.stdout, (url, done.stdout))
    up = Upstream()
    up.default = whole(b"<html>\x1b[31mhello</html>")
    done = probe({"type": "openai", "base_url": up.url})
    check("that is not how the protocol 'openai' answers" in done.stdout and "\x1b" not in done.stdout, done.stdout)


@case("providers test: where there is nothing to ask the exit code is 2, and it says what is missing")
def _():
    for arguments, environment, words in (
        (["groq"], {}, "the variable GROQ_API_KEY is not set"),
        (["azure"], {"AZURE_OPENAI_API_KEY": "x"}, "needs resource: put it into lowart.yaml first"),
        (["grok"], {}, "no vendor 'grok' is known; near it are groq"),
        (["groq", "--config", "none.yaml"], {}, "none.yaml: the file cannot be read"),
    ):
        done = run("providers", "test", *arguments, environment=environment)
        equal((done.returncode, words in done.stderr), (2, True), (arguments, done.stderr))
    done = run("providers", "test", "mine", files={"lowart.yaml": "models: 7\n"})
    equal((done.returncode, "lowart.yaml:1: " in done.stderr), (2, True), done.stderr)
    done = run("providers", "test", "demo", files={"lowart.yaml": file_with({"type": "demo"}, "demo-fast", "demo")})
    equal((done.returncode, done.stdout.count("  ok  ")), (0, 1), done.stdout + done.stderr)
