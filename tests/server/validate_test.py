"""`lowart validate` and a bad file at the start: what is wrong, and in which line."""

import re
import subprocess
import tempfile
from pathlib import Path

from kit.cases import case, check, equal
from kit.gateway import BIN, run_on

KEY = "sk-lw-0123456789abcdef"
GOOD = f"""listen: [127.0.0.1:0]
providers:
  up:
    type: openai
    base_url: http://127.0.0.1:1/v1
    timeouts: {{connect: 1s}}
  demo: {{type: demo}}
models:
  m:
    aliases: [n]
    targets:
      - {{provider: up, model: x}}
      - {{provider: demo}}
    price: {{input: 0.15, output: 0.60}}
keys:
  - {{name: a, key: {KEY}, rpm: 5}}
"""

# (what to replace, by what, the line that must be named, words that must be said)
BAD = [
    ("type: openai", "type: opnai", 4, "opnai"),
    ("    type: openai\n", "", 4, "type"),
    ("http://127.0.0.1:1/v1", "127.0.0.1", 5, ""),
    ("http://127.0.0.1:1/v1", "ftp://x/v1", 5, ""),
    ("{connect: 1s}", "{connect: 1}", 6, "500ms"),
    ("{connect: 1s}", "{conect: 1s}", 6, "conect"),
    ("{connect: 1s}", "[1s]", 6, "timeouts"),
    ("provider: up, model", "provider: down, model", 12, "down"),
    ("provider: up, model", "model", 12, "provider"),
    ("      - {provider: up, model: x}\n      - {provider: demo}\n", "", 10, "targets"),
    ("aliases: [n]", "aliases: n", 10, "aliases"),
    ("aliases: [n]", "aliases: [m]", 9, "twice"),
    ("input: 0.15", "input: cheap", 14, "cheap"),
    ("input: 0.15", "input: -1", 14, ""),
    ("input: 0.15", "inputs: 0.15", 14, "inputs"),
    ("rpm: 5", "rpm: five", 16, "five"),
    ("rpm: 5", "rpm: -5", 16, "rpm"),
    ("rpm: 5", "rpms: 5", 16, "rpms"),
    (f"key: {KEY}", "key: short", 16, "16"),
    (f"key: {KEY}", "key_hash: abc", 16, "sha256"),
    (f", key: {KEY}", "", 16, "key"),
    ("rpm: 5", "expires: tomorrow", 16, "2027-01-31"),
    ("rpm: 5", "addresses: [10.0.0.1/8]", 16, "bits behind the prefix"),
    ("rpm: 5", "addresses: []", 16, "addresses"),
    ("rpm: 5", "types: [chats]", 16, "chat, embedding"),
    ("rpm: 5", "signing_secret: short", 16, "32"),
    ("name: a, ", "", 16, "name"),
    ("listen: [127.0.0.1:0]", "listen: [nonsense]", 1, ""),
    ("listen: [127.0.0.1:0]", "listen: [127.0.0.1:99999]", 1, ""),
    ("listen: [127.0.0.1:0]", "listen: [{address: 127.0.0.1:0, tls: {cert: a.pem}}]", 1, "key"),
    ("listen: [127.0.0.1:0]", "listen: [{address: 127.0.0.1:0, tls: {cert: a, key: b, client_required: true}}]", 1, "client_ca"),
    ("listen:", "lisen:", 1, "lisen"),
    ("models:\n", "models: 7\nx:\n", 8, "models"),
    ("  demo: {type: demo}\n", "  demo: {type: demo\n", None, "YAML"),
    ("keys:\n", "keys:\n\t- x\n", None, "YAML"),
    ("  demo: {type: demo}", "  demo: {type: demo, base_url: http://x}", 7, "base_url"),
    ("  demo: {type: demo}", "  demo: {type: demo, retry: {attempts: 99}}", 7, "attempts"),
    ("  demo: {type: demo}", "  demo: {type: demo, breaker: {rest: soon}}", 7, "soon"),
    ("  demo: {type: demo}", "  demo: {type: demo, breaker: {failures: 0}}", 7, "no failure would ever open it"),
    ("  demo: {type: demo}", "  demo: {type: demo, breaker: {slow: 0}}", 7, "at least 1ms"),
    ("  demo: {type: demo}", "  demo: {type: demo, breaker: {window_time: 10ms}}", 7, "at least 1s"),
    ("  demo: {type: demo}", "  demo: {type: demo, breaker: {failure_percent: 101}}", 7, "failure_percent"),
    ("  demo: {type: demo}", "  demo: {type: demo}\n  up: {type: demo}", 8, "up"),
    ("models:\n", "models:\n  m: {targets: [{provider: demo}]}\n", None, "'m'"),
    ("rpm: 5}", "rpm: 5}\n  - {name: a, key: sk-lw-9876543210fedcba}", None, "'a'"),
    ("rpm: 5}", f"rpm: 5}}\n  - {{name: b, key: {KEY}}}", None, "'b'"),
    ("rpm: 5}", "rpm: 5, rpm: 6}", 16, "rpm"),
    ("    type: openai\n", "    type: openai\n    type: demo\n", 5, "type"),
    ("aliases: [n]", "doors: [chats]", 10, "'chats'; there are chat, completions, responses, messages, gemini, "),
    ("aliases: [n]", "doors: [chat, chat]", 10, "twice"),
    ("aliases: [n]", "doors: [[chat]]", 10, "door"),
    ("aliases: [n]", "doors: []", 10, "no door"),
    ("aliases: [n]", "doors: chat", 10, "'doors' is a list"),
    ("aliases: [n]", 'aliases: ["x*", "x*"]', 9, "'x*' stands twice"),
    ("aliases: [n]", "balance: wieghted", 10, "one of priority, weighted, least_in_flight, power_of_two, cheapest, sticky"),
    ("aliases: [n]", "balance: sticky\n    by: cookie", 11, "one of key, user, conversation, header, not 'cookie'"),
    ("aliases: [n]", "balance: sticky\n    by: header", 10, "needs a 'header'"),
    ("aliases: [n]", "balance: sticky\n    by: header\n    header: a b", 12, "needs a 'header'"),
    ("aliases: [n]", "by: user", 10, "'by' is not known here"),
    ("aliases: [n]", "failover: false", 10, "only the first target"),
    ("aliases: [n]", "retry: {attempts: 0}", 10, "attempts"),
    ("aliases: [n]", "timeouts: {whole: 5}", 10, "'5'"),
    ("aliases: [n]", "hedge: {after: 95}", 10, "'95'"),
    ("aliases: [n]", "hedge: {after: p100}", 10, "p50 to p99, or a time such as 800ms, not 'p100'"),
    ("aliases: [n]", "hedge: {after: 0}", 10, "from 1ms to 1h"),
    ("aliases: [n]", "hedge: {after: 2h}", 10, "from 1ms to 1h"),
    ("aliases: [n]", "hedge: {budget: 5}", 10, "a share from 1% to 100%, not '5'"),
    ("aliases: [n]", "hedge:\n      budget: 101%", 11, "101%"),
    ("aliases: [n]", "hedge: {percent: 5%}", 10, "'percent' is not known here; there are after, budget"),
    ("aliases: [n]", "bulkhead: {queue: 5}", 10, "a 'bulkhead' needs 'concurrency'"),
    ("aliases: [n]", "bulkhead: {concurrency: 0}", 10, "concurrency"),
    ("aliases: [n]", "bulkhead: {concurrency: 1, queue: 10001}", 10, "10001"),
    ("aliases: [n]", "bulkhead: {concurrency: 1, wait: 2h}", 10, "at most 1h"),
    ("model: x}", "bulkhead: {concurrency: 1, lanes: 2}}", 12, "'lanes' is not known here"),
    ("    type: openai\n", "    type: openai\n    bulkhead: 5\n", 5, "'bulkhead' is a block"),
    ("rpm: 5}", "priority: 10}", 16, "'priority' is a number from 0 to 9, not '10'"),
    ("model: x}", "weight: 3}", 12, "'weight' is not known here"),
    ("model: x}", "rpm: many}", 12, "many"),
    ("model: x}", "price: {inputs: 1}}", 12, "inputs"),
    ("model: x}", "price: {per_second: 3}}", 12, "the most is 2.56"),
    ("model: x}", "price: {per_request: cheap}}", 12, "'cheap' is not an amount"),
    ("model: x}", "price: {input: 1, from: 2026-02-30}}", 12, "'from' is a day such as 2026-01-31"),
    ("model: x}", "price: [{input: 1}, {input: 2}]}", 12, "begins on the same day"),
    ("model: x}", "price: [1]}", 12, "'price' is a list of blocks"),
    ("model: x}", "price: {input: 1, above: [{input: 2}]}}", 12, "either 'input_tokens' or 'month_tokens'"),
    ("model: x}", "price: {above: [{input_tokens: 5}]}}", 12, "needs a price"),
    ("model: x}", "price: {above: [{input_tokens: 5, input: 1}, {input_tokens: 5, input: 2}]}}", 12, "same number"),
    ("model: x}", "price: {above: [{input_tokens: 0, input: 1}]}}", 12, "'input_tokens' is a number from 1"),
    ("model: x}", "price: {tiers: {batch: half}}}", 12, "'half' is not a factor"),
    ("model: x}", "price: {tiers: [0.5]}}", 12, "'tiers' is a block"),
    ("{provider: demo}", "{group: g}", 13, "no group 'g' stands above"),
    ("{provider: demo}", "{targets: []}", 13, "no target"),
    ("{provider: demo}", "{targets: [{provider: none}]}", 13, "none"),
    ("{provider: demo}", "{provider: demo, then: {provider: up}}", 13, "'then' is not known here"),
    ("{provider: demo}", "{when: {tools: true}}", 13, "needs a 'then'"),
    ("{provider: demo}", "{when: {tool: true}, then: {provider: demo}}", 13, "'tool'"),
    ("{provider: demo}", "{when: {tools: maybe}, then: {provider: demo}}", 13, "maybe"),
    ("{provider: demo}", "{when: {tools: true}, then: [demo]}", 13, "'then' is a block"),
    ("{provider: demo}", "{when: {headers: [{values: [x]}]}, then: {provider: demo}}", 13, "needs a 'name'"),
    ("{provider: demo}", "{when: {min_input_tokens: -1}, then: {provider: demo}}", 13, "min_input_tokens"),
    ("{provider: demo}", "{targets: [" * 9 + "{provider: demo}" + "]}" * 9, 13, "at most 8 deep"),
    ("{provider: demo}", "{targets: [" + "{provider: demo}, " * 65 + "]}", 13, "at most 64 targets"),
    ("{provider: demo}", "&again {targets: [*again]}", None, ""),
    ("    type: openai\n", "    type: openai\n    api_keys: [one, one]\n", 5, "the same"),
    ("    type: openai\n", "    type: openai\n    api_keys: one\n", 5, "list"),
    ("    type: openai\n", "    type: openai\n    api_key: one\n    api_keys: [two]\n", 5, "either"),
    ("    type: openai\n", "    type: openai\n    balance: weighted\n", 5, "balance"),
    ("    type: openai\n", "    type: openai\n    api_keys: [one, two]\n    balance: odd\n", 6, "odd"),
    ("    type: openai\n", "    type: openai\n    concurrency: -1\n", 5, "concurrency"),
]

# A model's targets, what stands at its doors, and the reason why that is impossible (None: it is not).
ROUTES = [
    (["openai"], "[embeddings]", None),
    (["anthropic"], "[chat, completions, responses, messages, gemini, ollama, count_tokens]", None),
    (["demo", "openai", "gemini", "ollama", "cohere"], "[chat, embeddings, count_tokens]", None),
    (["anthropic"], "[embeddings]", "the target 'anthropic' of the model 'm' cannot serve embeddings: its type anthropic"
     " serves chat, completions, responses, messages, gemini, ollama, count_tokens"),
    (["openai_responses"], "[embeddings, chat]", "'openai_responses' of the model 'm' cannot serve embeddings"),
    (["openai", "cohere"], "[rerank]", None),
    (["cohere"], "[images]", "the target 'cohere' of the model 'm' cannot serve images: its type cohere serves chat,"
     " completions, responses, messages, gemini, ollama, embeddings, count_tokens, rerank"),
    (["openai", "anthropic"], "[chat, embeddings]", "'anthropic' of the model 'm' cannot serve embeddings"),
]


@case("validate takes a good file and says what is in it")
def _():
    done, _ = run_on(GOOD, "validate")
    equal(done.returncode, 0, done.stderr)
    check("2 providers, 1 models, 1 keys" in done.stdout, done.stdout)


@case("validate names the line and what is wrong there")
def _():
    wrong = []
    for old, new, line, words in BAD:
        text = GOOD.replace(old, new, 1)
        check(text != GOOD, "the table is wrong:", old)
        done, _ = run_on(text, "validate")
        said = done.stderr
        named = {int(n) for n in re.findall(r"lowart\.yaml:(\d+): ", said)}
        ok = (
            done.returncode == 1
            and words in said
            and (line in named if line else bool(named))
            and KEY not in said
        )
        if not ok:
            wrong.append(
                f"{new!r}: wanted line {line} and {words!r}, got {done.returncode}: {said!r} {done.stdout!r}"
            )
    check(not wrong, "\n  ".join(["", *wrong]))


@case("validate decides whether a route can serve its doors, by the types of all its targets")
def _():
    types = ("demo", "openai", "openai_responses", "anthropic", "gemini", "ollama", "cohere")
    blocks = "".join(f"  {name}: {{type: {name}}}\n" for name in types)
    for targets, doors, reason in ROUTES:
        chain = "".join(f"      - {{provider: {name}}}\n" for name in targets)
        text = f"providers:\n{blocks}models:\n  m:\n    targets:\n{chain}    doors: {doors}\n"
        done, _ = run_on(f"{text}keys: [{{name: a, key: {KEY}}}]\n", "validate")
        if reason is None:
            equal((done.returncode, done.stderr), (0, ""), (targets, doors))
            continue
        line = 12 + len(targets)
        equal(done.returncode, 1, (targets, doors))
        check(f"lowart.yaml:{line}: " in done.stderr and reason in done.stderr, done.stderr)


@case("groups: only those above may be named, so no circle can be; nor can groups multiply without end")
def _():
    def said(groups):
        text = GOOD.replace("models:\n", "groups:\n" + "".join(f"  {g}\n" for g in groups) + "models:\n", 1)
        done, _ = run_on(text, "validate")
        return done.returncode, done.stderr

    equal(said(["a: {targets: [{provider: demo}]}", "b: {targets: [{group: a}, {group: a}]}"]), (0, ""))
    for groups, line in (
        (["a: {targets: [{group: a}]}"], 9),
        (["a: {targets: [{group: b}]}", "b: {targets: [{group: a}]}"], 9),
        (["a: {}"], 9),
    ):
        code, words = said(groups)
        check(code == 1 and f"lowart.yaml:{line}: " in words, groups, words)
    chain = ["g0: {targets: [{provider: demo}]}", *(f"g{i}: {{targets: [{{group: g{i - 1}}}]}}" for i in range(1, 9))]
    equal(said(chain[:7])[0], 0)
    code, words = said(chain)
    check(code == 1 and "lowart.yaml:16: " in words and "at most 8 deep" in words, words)
    tenfold = [f"g{i}: {{targets: [{', '.join(['{group: g%d}' % (i - 1)] * 10)}]}}" for i in range(1, 9)]
    code, words = said(["g0: {targets: [{provider: demo}]}", *tenfold])
    check(code == 1 and "lowart.yaml:12: " in words and "at most 256 targets" in words, words)


@case("validate knows the doors of nested routes: each target must serve them")
def _():
    good = "{when: {tools: true}, then: {targets: [{provider: demo}, {provider: up}]}, else: {provider: demo}}"
    for target, code in ((good, 0), (good.replace("{provider: up}", "{provider: claude}"), 1)):
        text = GOOD.replace("{provider: demo}\n", target + "\n", 1).replace("aliases: [n]", "doors: [embeddings]")
        text = text.replace("models:\n", "  claude: {type: anthropic}\nmodels:\n", 1)
        done, _ = run_on(text, "validate")
        equal(done.returncode, code, done.stderr)
        if code:
            check("lowart.yaml:11: the target 'claude' of the model 'm' cannot serve embeddings" in done.stderr, done.stderr)


@case("validate tells all that is wrong at once, in order")
def _():
    done, _ = run_on(GOOD.replace("rpm: 5", "rpm: x").replace("type: openai", "type: y"), "validate")
    lines = [int(n) for n in re.findall(r"yaml:(\d+): ", done.stderr)]
    check(4 in lines and 16 in lines and lines == sorted(lines), done.stderr)


@case("a bad file never starts, says the same, and leaves nothing behind")
def _():
    for old, new, line, words in (BAD[0], BAD[15], BAD[27]):
        done, left = run_on(GOOD.replace(old, new, 1), "serve", "--config")
        equal(done.returncode, 1, done.stderr)
        check(words in done.stderr and (not line or f":{line}: " in done.stderr), done.stderr)
        equal(left, ["lowart.yaml"], "files")
    done = subprocess.run(
        [BIN, "serve", "--config", "/nonexistent.yaml"],
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )
    equal(done.returncode, 1)


@case("empty, huge-number and list files are refused in words, not with a crash")
def _():
    for text in (
        "",
        "[]",
        "7",
        "null",
        "- a\n- b\n",
        "models: {m: {targets: []}}",
        "threads: 999999999999999999999\n",
        "a: &a [*a]\n",
        "{{{",
    ):
        done, _ = run_on(text, "validate")
        equal(done.returncode, 1, (text, done.stderr))
        check(done.stderr.strip(), "nothing said about", text)


@case("init writes a file that validates, once, for its owner only, with a new key each time")
def _():
    keys = set()
    for _ in range(2):
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "lowart.yaml"
            equal(subprocess.run([BIN, "init", str(path)], capture_output=True, check=False).returncode, 0)
            equal(path.stat().st_mode & 0o777, 0o600)
            keys |= set(re.findall(r"sk-lw-[0-9A-Za-z]{43}", path.read_text()))
            equal(
                subprocess.run([BIN, "validate", str(path)], capture_output=True, check=False).returncode, 0
            )
            before = path.read_text()
            equal(subprocess.run([BIN, "init", str(path)], capture_output=True, check=False).returncode, 1)
            equal(path.read_text(), before, "overwritten")
    equal(len(keys), 2, "keys")


@case("variables of the environment are taken over, with their defaults")
def _():
    text = GOOD.replace("http://127.0.0.1:1/v1", "${NO_SUCH_VARIABLE_HERE:-http://127.0.0.1:2/v1}")
    equal(run_on(text, "validate")[0].returncode, 0)
    text = GOOD.replace("http://127.0.0.1:1/v1", "${NO_SUCH_VARIABLE_HERE:-nonsense}")
    done, _ = run_on(text, "validate")
    equal(done.returncode, 1, done.stdout)
