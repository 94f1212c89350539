"""What is wrong when, and with what configuration the gateway stands it."""

import random
from dataclasses import dataclass

from kit.gateway import UPSTREAM_KEY

KINDS = {"chat": "openai", "responses": "openai_responses", "messages": "anthropic", "gemini": "gemini"}
DOWN = ("refuses", "resets", "silent", "status")
CLOCKS = {"connect": "500ms", "first_token": "1500ms", "between_tokens": "1s", "whole": "15s"}


@dataclass(frozen=True)
class Phase:
    """`states`: for each of the two upstreams (what is wrong with all of it, the share of exchanges that break)."""

    name: str
    seconds: float
    states: tuple
    heavy: bool = False  # many questions and answers are large


def cycle(dice, seconds):
    """One round of about `seconds`: both well, each down in turn, both at once for a moment, both shaky, much to say."""
    unit = seconds / 21
    well = ("", 0.02)
    first, second = dice.choice(DOWN), dice.choice(DOWN)
    return [
        Phase("both well", 2 * unit, (well, well)),
        Phase(f"one down: {first}", 4 * unit, ((first, 0.0), well)),
        Phase("both well", 2 * unit, (well, well)),
        Phase(f"one down: {second}", 4 * unit, (well, (second, 0.0))),
        Phase("both well", 2 * unit, (well, well)),
        Phase("both down", 1.5 * unit, (("resets", 0.0), ("resets", 0.0))),
        Phase("both down: until their breakers know better", 1.5 * unit, (well, well)),
        Phase("both shaky", 2 * unit, (("", 0.15), ("", 0.15))),
        Phase("both well: large", 2 * unit, (well, well), heavy=True),
    ]


def cycles(seed, seconds):
    """As many rounds as fit, each of 20 to 60 seconds."""
    dice = random.Random(f"{seed} phases")
    count = max(2, round(seconds / 60))
    return [cycle(dice, seconds / count) for _ in range(count)]


def config_of(ports):
    """Each model stands before both upstreams, in a dialect of its own; `mixed` falls over from one into another."""
    providers = {}
    for kind in KINDS.values():
        for name, port in zip("ab", ports):
            base = f"http://127.0.0.1:{port}/" + ("v1beta" if kind == "gemini" else "v1")
            providers[f"{kind}-{name}"] = {
                "type": kind,
                "base_url": base,
                "api_key": UPSTREAM_KEY,
                "timeouts": CLOCKS,
                "retry": {"attempts": 2},
                "breaker": {"failures": 5, "rest": "500ms"},
            }

    def pair(first, second, **more):
        targets = [{"provider": f"{first}-a", "model": "m"}, {"provider": f"{second}-b", "model": "m"}]
        return {"targets": targets, "retry": {"attempts": 3}, **more}

    models = {
        "chat": pair("openai", "openai"),
        "responses": pair("openai_responses", "openai_responses", balance="power_of_two"),
        "messages": pair("anthropic", "anthropic", balance="least_in_flight"),
        "gemini": pair("gemini", "gemini", balance="weighted"),
        "mixed": pair("anthropic", "openai"),
    }
    models |= {f"only-{name}": {"targets": [{"provider": name, "model": "m"}]} for name in providers}
    limits = {"write_time": "5s"}
    return {"providers": providers, "models": models, "limits": limits, "drain": "10s"}
