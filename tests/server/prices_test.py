"""Prices: what a call is billed by, history that is priced anew, and a provider's invoice beside the records."""

import json
import subprocess
from datetime import datetime, timezone

from kit.cases import case, check, equal, eventually
from kit.forms import audio, form, part, post_form
from kit.gateway import BIN, UPSTREAM_KEY, Gateway, chat, new_id, provider
from kit.upstream import Upstream, whole



def completion(usage, **more):
    choice = {"index": 0, "message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"}
    return whole(json.dumps({"object": "chat.completion", "choices": [choice], "usage": usage, **more}).encode())


def tokens(read, written, cached=0):
    details = {"cached_tokens": cached}
    return {"prompt_tokens": read, "completion_tokens": written, "prompt_tokens_details": details}


def targets(name, model="up-model", **more):
    return {"targets": [{"provider": name, "model": model, **more}]}


def lowart(*arguments):
    return subprocess.run([BIN, *arguments], capture_output=True, text=True, timeout=60, check=False)


def voice(peer, _):
    peer.send(b"HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ncontent-length: 3\r\n\r\nID3")
    return True


class Shop:
    """A gateway with prices of every kind."""

    def __init__(self, prices, **more):
        self.up = Upstream()
        self.config = {
            "providers": {
                "up": provider(self.up.url),
                "claude": provider(self.up.url, type="anthropic"),
                "known": {"vendor": "openai", "base_url": self.up.url, "api_key": UPSTREAM_KEY},
            },
            "models": {
                **{name: {**targets("up"), "price": price} for name, price in prices.items()},
                **more,
            },
        }
        self.gateway = Gateway(self.config, threads=1)
        self.count = 0

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.gateway.__exit__(*error)

    def record(self):
        self.count += 1
        return self.gateway.records(count=self.count)[-1]

    def ask(self, play, model, path="/v1/chat/completions", body=None):
        request_id = new_id()
        self.up.script(request_id, play)
        answer = self.gateway.ask(body or chat(model), path, request_id=request_id)
        equal(answer.status, 200, answer.body)
        return self.record()


@case("prices: a record says by which price it was billed: by date, context, tier, target and catalogue")
def _():
    dated = [{"from": "2020-01-01", "input": 1, "output": 2}, {"from": "2099-01-01", "input": 100}]
    steps = {
        "input": 3,
        "output": 15,
        "above": [{"input_tokens": 1000, "input": 6}],
        "tiers": {"priority": 2, "flex": 0.5},
        "per_request": 0.001,
    }
    own = {**targets("up", price={"input": 5}), "price": {"input": 1}}
    with Shop({"dated": dated, "steps": steps, "free": {"from": "2099-01-01", "input": 1}}, own=own) as s:
        r = s.ask(completion(tokens(1000, 10)), "dated")
        equal((r["cost"], r["price"], r["service_tier"]), (1_020_000, "file:dated@2020-01-01", ""))
        r = s.ask(completion(tokens(1000, 10)), "steps")
        equal((r["cost"], r["price"]), (1000 * 3000 + 10 * 15000 + 1_000_000, "file:steps"))
        r = s.ask(completion(tokens(1001, 10, cached=1)), "steps")
        equal(r["cost"], 1001 * 6000 + 10 * 15000 + 1_000_000, "the whole call is dearer")
        r = s.ask(completion(tokens(1000, 0), service_tier="flex"), "steps")
        equal((r["cost"], r["service_tier"]), (1_500_000 + 1_000_000, "flex"))
        r = s.ask(completion(tokens(1000, 0), service_tier="default"), "steps")
        equal((r["cost"], r["service_tier"]), (3_000_000 + 1_000_000, ""))
        r = s.ask(completion(tokens(100, 0)), "own")
        equal((r["cost"], r["price"]), (500_000, "file:own/up"), "the target's goes before the model's")
        r = s.ask(completion(tokens(100, 0)), "free")
        equal((r["cost"], r["price"]), (0, ""), "it does not hold yet")


@case("prices: what is no token is billed by the picture, the minute, the character and the search")
def _():
    more = {
        "whisper": targets("known", "whisper-1"),
        "claude": {**targets("claude"), "price": {"input": 2, "cache_write": 4, "cache_write_1h": 8, "per_search": 0.01}},
    }
    prices = {
        "pictures": {"per_image": 0.04},
        "voice": {"per_million_characters": 15},
        "heard": {"per_minute": 0.006},
        "ranked": {"per_search": 0.002},
    }
    with Shop(prices, **more) as s:
        r = s.ask(whole(b'{"data":[{"url":"a"},{"url":"b"}]}'), "", "/v1/images/generations", {"model": "pictures", "prompt": "p"})
        equal((r["images"], r["cost"], r["price"]), (2, 80_000_000, "file:pictures"))
        r = s.ask(voice, "", "/v1/audio/speech", {"model": "voice", "input": "caf\u00e9!", "voice": "v"})
        equal((r["characters"], r["cost"]), (5, 75_000))
        body = b'{"results":[],"meta":{"billed_units":{"search_units":3}}}'
        r = s.ask(whole(body), "", "/v1/rerank", {"model": "ranked", "query": "q", "documents": ["d"]})
        equal((r["searches"], r["cost"]), (3, 6_000_000))
        for model, price in (("heard", "file:heard"), ("whisper", "catalogue:openai/whisper-1@")):
            request_id = new_id()
            s.up.script(request_id, whole(b'{"text":"hi","usage":{"type":"duration","seconds":90}}'))
            answer = post_form(s.gateway, "/v1/audio/transcriptions", form(part("model", model), audio(b"RIFF")), s.gateway.key, request_id)
            equal(answer.status, 200, answer.body)
            r = s.record()
            equal((r["audio_milliseconds"], r["cost"]), (90_000, 9_000_000))
            check(r["price"].startswith(price), r["price"])
        usage = {
            "input_tokens": 10,
            "output_tokens": 0,
            "cache_creation_input_tokens": 300,
            "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
            "server_tool_use": {"web_search_requests": 2},
            "service_tier": "standard",
        }
        message = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "a"}], "stop_reason": "end_turn"}
        request_id = new_id()
        s.up.script(request_id, whole(json.dumps({**message, "usage": usage}).encode()))
        answer = s.gateway.ask(chat("claude"), request_id=request_id)
        r = s.record()
        equal((r["cache_write"], r["cache_write_1h"], r["searches"], r["service_tier"]), (100, 200, 2, ""))
        equal(r["cost"], 10 * 2000 + 100 * 4000 + 200 * 8000 + 20_000_000)
        equal(answer.json()["usage"]["prompt_tokens"], 310, "and the client of the other dialect hears of all of it")


@case("prices: the volume of a month changes them, also after a restart")
def _():
    price = {"input": 2, "output": 2, "above": [{"month_tokens": 1000, "input": 1, "output": 1}]}
    with Shop({"much": price}) as s:
        costs = [s.ask(completion(tokens(600, 0)), "much")["cost"] for _ in range(3)]
        equal(costs, [1_200_000, 1_200_000, 600_000])
        s.gateway.stop()
        s.gateway.start()
        equal(s.ask(completion(tokens(600, 0)), "much")["cost"], 600_000)
        s.gateway.stop()
        done = lowart("usage", "reprice", "--config", str(s.gateway.file))
        equal(done.returncode, 0, done.stderr)
        check("+0.0" not in done.stdout and "-0.0" not in done.stdout, "what was counted live is what is derived", done.stdout)


@case("prices: history is derived anew on request, all or nothing, and never beside a running server")
def _():
    with Shop({"a": {"input": 1}, "b": {"input": 10}}) as s:
        s.ask(completion(tokens(1000, 0)), "a")
        s.ask(completion(tokens(1000, 0)), "b")
        file = str(s.gateway.file)
        command = ["usage", "reprice", "--config", file]
        done = lowart(*command)
        equal(done.returncode, 0, done.stderr)
        check("nothing was written" in done.stdout and "1 calls by file:b" in done.stdout, done.stdout)
        done = lowart(*command, "--apply")
        equal(done.returncode, 2, "the server holds the directory")
        check("another process uses the data directory" in done.stderr, done.stderr)

        s.gateway.config["models"]["b"]["price"] = [{"from": "2020-01-01", "input": 7}]
        s.gateway.write_config()
        s.gateway.stop()
        done = lowart(*command)
        check("-0.003000000" in done.stdout, done.stdout)
        equal([r["cost"] for r in s.gateway.records(count=2)], [1_000_000, 10_000_000], "nothing was written")
        done = lowart(*command, "--from", "2099-01-01", "--apply")
        equal(done.returncode, 0, done.stderr)
        equal([r["cost"] for r in s.gateway.records(count=2)], [1_000_000, 10_000_000], "no record is that young")
        done = lowart(*command, "--apply")
        equal(done.returncode, 0, done.stderr)
        records = s.gateway.records(count=2)
        equal([r["cost"] for r in records], [1_000_000, 7_000_000])
        equal([r["price"] for r in records], ["file:a", "file:b@2020-01-01"])
        s.gateway.start()
        usage = s.gateway.usage()
        equal(usage["cost_usd"], "0.008000000", "the sums follow")
        s.ask(completion(tokens(1000, 0)), "b")
        eventually(lambda: s.gateway.usage()["cost_usd"] == "0.015000000", 5, "sums go on")


@case("prices: reprice says what is wrong with what it was told")
def _():
    with Shop({"a": {"input": 1}}) as s:
        file = str(s.gateway.file)
        for arguments, told in (
            (("--config", "nowhere.yaml"), "nowhere.yaml"),
            (("--config", file, "--data", "/nowhere"), "there is no usage database '/nowhere/usage.db'"),
            (("--config", file, "--from", "May"), "--from is a day such as 2026-01-31, not 'May'"),
            (("--config", file, "--from", "2026-02-01", "--until", "2026-01-01"), "--from is not before --until"),
        ):
            done = lowart("usage", "reprice", *arguments)
            equal(done.returncode, 2, done.stdout)
            check(told in done.stderr, done.stderr)


@case("prices: an invoice is compared with the records, by day and model")
def _():
    with Shop({"a": {"input": 1, "output": 2}}) as s:
        s.ask(completion(tokens(1_000_000, 500_000, cached=400_000)), "a")
        s.ask(completion(tokens(1_000_000, 500_000)), "a")
        day = datetime.fromtimestamp(s.gateway.records(count=2)[0]["started_at"] / 1e6, timezone.utc)
        date = day.strftime("%Y-%m-%d")
        seconds = int(day.replace(hour=0, minute=0, second=0, microsecond=0).timestamp())
        path = s.gateway.directory / "invoice.csv"

        def compare(text, *more):
            path.write_text(text)
            return lowart("usage", "reconcile", "--config", str(s.gateway.file), "--invoice", str(path), *more)

        header = "date,model,input_tokens,output_tokens,cost\r\n"
        done = compare(f"{header}{date},up-model-2026-08-06,1500000,1000000,3.00\r\n{date},up-model,500000,0,1\r\n")
        equal(done.returncode, 0, done.stdout + done.stderr)
        check("0 figures differ" in done.stdout, done.stdout)
        done = compare(f"{header}{date},up-model,2000000,1100000,4.005\n")
        equal(done.returncode, 1, done.stdout)
        (line,) = [line for line in done.stdout.splitlines() if line.startswith("!")]
        equal(line.split(), ["!", date, "up-model", "output", "1000000", "1100000", "-100000"])
        check("2 figures differ, 1 of them by more than 1%" in done.stdout, done.stdout)
        equal(compare(f"{header}{date},up-model,2000000,1100000,4\n", "--tolerance", "10").returncode, 0)
        done = compare(f"{header}{date},other,7,0,0\n")
        equal((done.returncode, done.stdout.count("!")), (1, 4), "neither has what the other has")
        equal(compare(f"{header}{date},up-model,0,0,0\n", "--provider", "nobody").returncode, 0)
        anthropic = (
            "usage_date_utc,model_version,api_key,usage_input_tokens_no_cache,usage_input_tokens_cache_write_5m,"
            "usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,usage_output_tokens\n"
        )
        done = compare(f'{anthropic}{date},up-model-20250929,"a, b",1600000,0,0,400000,1000000\n')
        equal((done.returncode, "cost" in done.stdout), (0, False), done.stdout)
        costs = "start_time,end_time,amount_value,amount_currency,line_item\n"
        done = compare(
            f'{costs}{seconds},0,3.{"0" * 27},usd,"up-model-2026-08-06, input"\n{seconds},0,1.00000e0,usd,"up-model, output"\n{seconds},0,,,\n'
        )
        equal(done.returncode, 0, done.stdout + done.stderr)
        done = compare(f"start_time,start_time_iso,cost\n5,{date}T00:00:00+00:00,4.00\n")
        equal((done.returncode, "0 figures differ" in done.stdout), (0, True), "all models of a day")
        for text, told in (
            ("", "names no column for the day"),
            ("date,model\n", "names no column with figures"),
            (header, "no row with figures"),
            (f"{header}{date},m,x,0,0\n", "line 2 has 'x' for a number of tokens"),
            (f"{header}May 1,m,1,0,0\n", "line 2 has no day such as 2026-01-31 but 'May 1'"),
            (f"{header}{date},m,1,0,1.2.3\n", "line 2 has '1.2.3' for an amount of money"),
            (f'{header}{date},"m,1,0,0\n', "line 2 has a quote that is never closed"),
            (f"{costs}{seconds},0,3,eur,m\n", "has money in eur, not USD"),
        ):
            done = compare(text)
            equal(done.returncode, 2, done.stdout)
            check(told in done.stderr, done.stderr)
