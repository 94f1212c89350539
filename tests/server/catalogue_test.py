"""The catalogue of vendors: in the configuration, on the bill, in the list of models, and as commands."""

import json
import re

from kit.cases import case, check, equal
from kit.commands import file_with, listing, run
from kit.gateway import UPSTREAM_KEY, Gateway, chat, new_id, run_on
from kit.upstream import USAGE, Upstream

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
deepseek openai https://api.deepseek.com
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


def refused(entry):
    done, _ = run_on(file_with(entry), "validate")
    equal(done.returncode, 1, done.stdout)
    return done.stderr


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
        values = {name: VALUES.get(name, "some") for name in re.findall(r"\{(\w+)\}", vendor["base_url"])}
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


@case("catalogue: Anthropic's models think as those of today do, unless the file says otherwise")
def _():
    up = Upstream()
    entry = {"vendor": "anthropic", "base_url": up.url, "api_key": UPSTREAM_KEY}
    config = {
        "providers": {"now": entry, "before": {**entry, "adaptive_thinking": False}},
        "models": {name: {"targets": [{"provider": name, "model": "claude"}]} for name in ("now", "before")},
    }
    with Gateway(config, threads=1) as gateway:
        for model, thinking in (("now", "adaptive"), ("before", "enabled")):
            request_id = new_id()
            gateway.ask({**chat(model), "reasoning_effort": "low"}, request_id=request_id)
            equal(up.requests(request_id)[0].json()["thinking"]["type"], thinking, model)


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
    check("  m at up: input 0.59, output 0.79 USD, tokens by the million, by the catalogue of 20" in done.stdout, done.stdout)
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
        "text; tools streaming; input 0.59, output 0.79 (2025-08-12)",
    ):
        check(words in one, one)
    check("  checked      20" in one and " against https://github.com/groq/" in one, one)
    check("  * " not in one, "of each model there it is known where that is from", one)
    jina = run("providers", "jina").stdout
    check("not against the vendor's documents" in jina and "\n  * jina-embeddings-v3 " in jina, jina)
    check("\n  * compared with no page" in jina, jina)
    told = json.loads(run("providers", "groq", "--json").stdout)
    model = told["models"][0]
    equal(model["usd_per_million_tokens"]["input"], "0.59")
    for page in (told["source"], model["source"], model["price_source"]):
        check(page.startswith("https://"), page)
    done = run("providers", "grok")
    equal((done.returncode, "near it are groq" in done.stderr), (2, True), done.stderr)
