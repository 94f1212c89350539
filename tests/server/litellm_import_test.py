"""`lowart config import-litellm`: three configurations of LiteLLM's proxy, as files of ours and as settings at work."""

import json

from kit.cases import case, check, equal, eventually
from kit.commands import run
from kit.gateway import Gateway, chat, new_id, target
from kit.upstream import Upstream

KEYS = 'keys: [{name: k, key: sk-lw-0123456789abcdef}]\n'

SMALL = """\
model_list:
  - model_name: fast
    litellm_params:
      model: openai/gpt-4o-mini
      api_key: os.environ/OPENAI_API_KEY
      input_cost_per_token: 1.5e-07
      output_cost_per_token: 0.0000006
      temperature: 0.2
  - model_name: smart
    litellm_params: {model: claude-sonnet-4-5, api_key: sk-ant-1, timeout: 30.5, max_retries: 4}
    model_info: {mode: chat, cache_read_input_token_cost: 3e-7}
  - model_name: odd
    litellm_params: {model: nobody/knows-it}
litellm_settings: {drop_params: true, success_callback: [langfuse]}
general_settings:
  master_key: sk-1234
"""

BALANCED = """\
x-common: &common {api_key: os.environ/BALANCED_KEY, rpm: 60}
model_list:
  - model_name: chat
    litellm_params: {<<: *common, model: openai/a, api_base: http://127.0.0.1:1/v1, weight: 0.7, order: 1}
  - model_name: chat
    litellm_params: {<<: *common, model: openai/b, api_base: "http://127.0.0.1:1/v1", weight: 0.3, order: 1}
  - model_name: chat
    tpm: 90000
    litellm_params: {model: groq/c, order: 2, input_cost_per_token: 0.000001, input_cost_per_token_above_128k_tokens: 2e-6}
  - model_name: backup
    litellm_params: {model: hosted_vllm/d, api_base: http://127.0.0.1:2/v1, max_parallel_requests: 4}
  - model_name: last
    litellm_params: {model: ollama/e, api_base: "http://127.0.0.1:3/"}
router_settings:
  routing_strategy: simple-shuffle
  num_retries: 2
  timeout: 900
  allowed_fails: 3
  cooldown_time: 20
  redis_host: cache.example
  fallbacks: [{chat: [backup]}, {backup: [last, nowhere]}]
  model_group_alias: {gpt-4: chat, old: {model: last, hidden: true}, backup: last}
litellm_settings:
  context_window_fallbacks: [{chat: [last]}]
  request_timeout: 5
"""

CLOUDS = """\
credential_list:
  - credential_name: east
    credential_values: {api_key: os.environ/EAST_KEY, api_base: "https://east.openai.azure.com/", api_version: "2024-10-21"}
model_list:
  - model_name: gpt
    litellm_params: {model: azure/dep-1, litellm_credential_name: east, rpm: 100}
  - model_name: gpt
    litellm_params: {model: azure/dep-2, api_base: os.environ/WEST_BASE, tenant_id: t, client_id: c, client_secret: s, rpm: 300}
  - model_name: claude
    litellm_params:
      model: bedrock/converse/anthropic.claude-3-haiku-20240307-v1:0
      aws_region_name: eu-central-1
      aws_access_key_id: os.environ/ID
      aws_secret_access_key: os.environ/SECRET
  - model_name: gemini
    litellm_params: {model: vertex_ai/gemini-2.5-flash, vertex_project: p, vertex_location: europe-west1}
  - model_name: "openrouter/*"
    litellm_params: {model: "openrouter/*", extra_headers: {a: b}}
router_settings: {routing_strategy: latency-based-routing, default_fallbacks: [gemini]}
environment_variables: {A: b}
"""


def imported(text, *more, **options):
    return run("config", "import-litellm", "lite.yaml", *more, files={"lite.yaml": text}, **options)


def made(text):
    shown = imported(text, "--json")
    equal(shown.returncode, 0, shown.stderr)
    return json.loads(shown.stdout)


def validated(text, environment=None):
    """What is printed is a configuration, once somebody may ask."""
    shown = imported(text)
    equal(shown.returncode, 0, shown.stderr)
    verdict = run("validate", "our.yaml", files={"our.yaml": shown.stdout + KEYS}, environment=environment)
    equal(verdict.returncode, 0, shown.stdout + verdict.stderr)
    return shown.stdout


def notes(ours):
    return {note["setting"]: (note["line"], note["why"]) for note in ours["notes"]}


@case("a small configuration: keys from the environment, exact prices, clocks, and a note for all that is left out")
def _():
    ours = made(SMALL)
    openai = {"vendor": "openai", "api_key": "${OPENAI_API_KEY}", "may_drop": "anything"}
    equal(ours["providers"]["openai"], openai)
    claude = ours["providers"]["anthropic"]
    equal(claude["timeouts"], {"first_token": "30500ms", "between_tokens": "30500ms"})
    equal((claude["retry"], claude["api_key"]), ({"attempts": 5}, "sk-ant-1"))
    fast = {"provider": "openai", "model": "gpt-4o-mini", "price": {"input": "0.15", "output": "0.6"}}
    equal(ours["models"]["fast"], {"targets": [fast]})
    equal(ours["models"]["smart"]["targets"][0]["price"], {"cache_read": "0.3"})
    check("odd" not in ours["models"] and "groups" not in ours)
    told = notes(ours)
    equal(told["model_list['fast'].litellm_params.temperature"][0], 8)
    equal(told["model_list['smart'].model_info.mode"][0], 11)
    check("nobody/knows-it" in told["model_list['odd'].litellm_params.model"][1], told)
    check("lowart key create" in told["general_settings.master_key"][1], told)
    check("litellm_settings.success_callback" in told, told)
    check("sk-1234" not in json.dumps(ours))
    text = validated(SMALL)
    check("# lite.yaml:8: model_list['fast'].litellm_params.temperature: is" in text, text)


@case("several deployments: order, weights, retries, a chain of fallbacks through groups, aliases, a breaker")
def _():
    ours = made(BALANCED)
    equal(list(ours["providers"]), ["openai", "groq", "hosted_vllm", "ollama"])
    one = ours["providers"]["openai"]
    equal((one["type"], one["base_url"], one["api_key"]), ("openai", "http://127.0.0.1:1/v1", "${BALANCED_KEY}"))
    equal(one["timeouts"], {"first_token": "900s", "between_tokens": "900s", "whole": "900s"})
    equal((one["retry"], one["breaker"]), ({"attempts": 1}, {"failures": 4, "rest": "20s"}))
    equal(ours["providers"]["ollama"]["base_url"], "http://127.0.0.1:3")
    first, second = ours["models"]["chat"]["targets"][0]["targets"]
    equal(first["balance"], "weighted")
    equal([(t["model"], t["weight"], t["rpm"]) for t in first["targets"]], [("a", 7, 60), ("b", 3, 60)])
    price = {"input": "1", "above": [{"input_tokens": 128000, "input": "2"}]}
    equal((second["provider"], second["tpm"], second["price"]), ("groq", 90000, price))
    equal(ours["models"]["chat"]["targets"][0]["retry"], {"attempts": 3})
    equal(ours["models"]["chat"]["targets"][1:], [{"group": "backup"}, {"group": "last"}])
    equal(ours["models"]["chat"]["aliases"], ["gpt-4"])
    equal(ours["groups"]["backup"]["targets"][0]["concurrency"], 4)
    equal(ours["models"]["backup"]["targets"], [{"group": "backup"}, {"group": "last"}])
    equal(ours["models"]["last"]["aliases"], ["old"])
    told = notes(ours)
    for setting in (
        "router_settings.redis_host",
        "router_settings.allowed_fails",
        "litellm_settings.context_window_fallbacks",
        "litellm_settings.request_timeout",
        "model_group_alias.old",
        "model_group_alias.backup",
        "x-common",
    ):
        check(told[setting][0] > 0, setting, told)
    check("'nowhere'" in told["fallbacks"][1], told)
    validated(BALANCED, {"BALANCED_KEY": "k"})


@case("clouds: credentials by name, Azure's paths, Bedrock, Vertex AI, patterns, and fallbacks for all")
def _():
    ours = made(CLOUDS)
    azure, west = ours["providers"]["azure"], ours["providers"]["azure-2"]
    equal((azure["base_url"], azure["api_version"]), ("https://east.openai.azure.com/openai", "2024-10-21"))
    equal((azure["api_key"], west["base_url"]), ("${EAST_KEY}", "${WEST_BASE}/openai/v1"))
    equal(west["entra"], {"tenant": "t", "client_id": "c", "client_secret": "s"})
    aws = {"type": "bedrock", "region": "eu-central-1", "access_key_id": "${ID}", "secret_access_key": "${SECRET}"}
    equal(ours["providers"]["bedrock"], aws)
    equal(ours["models"]["claude"]["targets"][0]["model"], "anthropic.claude-3-haiku-20240307-v1:0")
    equal(ours["providers"]["vertex_ai"]["service_account"], "${GOOGLE_APPLICATION_CREDENTIALS}")
    gpt = ours["models"]["gpt"]["targets"]
    equal(gpt[0]["balance"], "power_of_two")
    check(all("weight" not in t for t in gpt[0]["targets"]))
    equal(gpt[1], {"provider": "vertex_ai", "model": "gemini-2.5-flash"})
    equal(ours["models"]["openrouter/*"]["targets"][0], {"provider": "openrouter", "model": "*"})
    check("groups" not in ours)
    check({"environment_variables", "model_list['openrouter/*'].litellm_params.extra_headers"} <= set(notes(ours)))
    validated(CLOUDS, {"WEST_BASE": "https://west.openai.azure.com", "EAST_KEY": "e", "ID": "i", "SECRET": "s"})


@case("what is no configuration of LiteLLM's is refused with its line, and strange ones end no program")
def _():
    for text, words in (
        ("a: [", "not YAML"),
        ("- x", "model_list"),
        ("model_list: 7", "model_list"),
        ("", "model_list"),
    ):
        refused = imported(text)
        check(refused.returncode == 1 and words in refused.stderr, text, refused)
    equal(run("config", "import-litellm", "absent.yaml").returncode, 2)
    strange = """\
model_list:
  - 7
  - [x]
  - {model_name: [], litellm_params: {}}
  - {model_name: m, litellm_params: {model: openai/x, rpm: many, tpm: -5, timeout: soon, order: first,
      api_key: "${HOME}", input_cost_per_token: dear, output_cost_per_token: 1e-99, weight: {a: b}}}
  - {model_name: n, litellm_params: {model: openai/x, input_cost_per_token: 0.00000012345678901}}
router_settings: [x]
litellm_settings: {fallbacks: {m: n}, num_retries: lots, allowed_fails: -1}
general_settings: ~
"""
    told = notes(made(strange))
    for setting in ("rpm", "tpm", "timeout", "order", "api_key", "input_cost_per_token", "output_cost_per_token"):
        check(f"model_list['m'].litellm_params.{setting}" in told, setting, told)
    check("nine decimals" in told["model_list['n'].litellm_params.input_cost_per_token"][1], told)
    check({"litellm_settings.num_retries", "litellm_settings.allowed_fails"} <= set(told), told)


@case("an import is applied to a running gateway: checked as a whole first, its secrets sealed, and at work at once")
def _():
    up = Upstream()
    lite = f"""\
model_list:
  - model_name: taken-over
    litellm_params: {{model: openai/up-model, api_base: "os.environ/LITE_BASE", api_key: os.environ/LITE_KEY}}
  - model_name: second
    litellm_params: {{model: openai/up-model, api_base: "{up.url}", api_key: os.environ/LITE_OTHER}}
router_settings: {{fallbacks: [{{taken-over: [second]}}], num_retries: 1}}
"""
    with Gateway({"providers": {"demo": {"type": "demo"}}, "models": {"m": target("demo", "demo")}}) as g:
        options = ["--apply", "--config", str(g.file)]
        missing = imported(lite, *options)
        equal(missing.returncode, 1)
        check("LITE_BASE, LITE_KEY, LITE_OTHER" in missing.stderr, missing.stderr)
        environment = {"LITE_BASE": up.url, "LITE_KEY": "sk-lite-secret", "LITE_OTHER": "sk-other-secret"}
        bad = imported(lite, *options, environment={**environment, "LITE_BASE": "nonsense"})
        check(bad.returncode == 1 and "no configuration" in bad.stderr, bad)
        equal(run("provider", "list", "--json", "--config", str(g.file)).stdout.count('"name"'), 1)
        done = imported(lite, *options, environment=environment)
        equal(done.returncode, 0, done.stderr)
        check("made models/taken-over" in done.stdout and "made groups/second" in done.stdout, done.stdout)
        request_id = new_id()
        eventually(lambda: g.ask(chat("taken-over"), request_id=request_id).status == 200, 1)
        equal(up.requests(request_id)[-1].field("authorization"), "Bearer sk-lite-secret")
        for file in g.data.glob("lowart.db*"):
            check(b"sk-lite-secret" not in file.read_bytes(), "sealed")
        again = imported(lite, *options, environment=environment)
        check(again.returncode == 1 and "models/taken-over" in again.stderr, again)
