"""Asks each agent one thing that takes two turns of tools: at the vendor itself, then through the gateway."""

import functools
import sys
from pathlib import Path

here = Path(__file__).resolve().parent
sys.path[:0] = [str(here), str(here.parent / "server")]

from agent_play import agent_play  # noqa: E402
from agents import AGENTS  # noqa: E402
from kit import cases, gateway  # noqa: E402
from kit.gateway import Gateway, provider, target  # noqa: E402
from kit.vendors import VENDOR_KEY, Vendor  # noqa: E402
from kit.vendors.turns import SIGNATURE, Thinking  # noqa: E402

# What the gateway speaks: to its clients, and to upstreams (provider types, and what their base_url ends with).
DIALECTS = ["openai", "openai_responses", "anthropic", "gemini"]
UPSTREAMS = {"openai": "/v1", "openai_responses": "/v1", "anthropic": "/v1", "gemini": "/v1beta"}


def works(agent, place, vendor):
    """The agent does what it was asked to, and the vendor likes all that it gets."""
    printed = agent.ask(place)
    calls = vendor.calls
    refused = [call.refusal for call in calls if call.refusal]
    cases.check(not refused, "the vendor refused:", refused)
    cases.check("The files say: swordfish, red, green." in printed, printed[-3000:])
    cases.check(len(calls) >= 3, f"{len(calls)} calls arrived")
    if agent.dialect == calls[-1].protocol and calls[-1].asked.thinks:
        proofs = {part.signature for part in calls[-1].asked.parts(Thinking)}
        cases.check(SIGNATURE in proofs, "what was thought did not come back:", proofs)
    return calls


def at_the_vendor(agent):
    vendor = Vendor(play=agent_play)
    works(agent, {"base": vendor.root, "key": VENDOR_KEY, "model": "up-model"}, vendor)


def through_the_gateway(agent, protocol):
    vendor = Vendor(play=agent_play)
    upstream = provider(vendor.root + UPSTREAMS[protocol], type=protocol, api_key=VENDOR_KEY)
    with Gateway({"providers": {"vendor": upstream}, "models": {"coder": target("vendor")}}) as lowart:
        place = {"base": f"http://127.0.0.1:{lowart.port}", "key": lowart.key, "model": "coder"}
        calls = works(agent, place, vendor)
    cases.equal({call.protocol for call in calls}, {protocol})
    cases.equal({call.asked.model for call in calls}, {"up-model"})


def protocols_for(agent):
    """All, or for a slow agent its own and the one after it."""
    if not agent.slow:
        return list(UPSTREAMS)
    names = list(UPSTREAMS)
    at = names.index(agent.dialect)
    return list(dict.fromkeys([names[at], names[(at + 1) % len(names)]]))


for agent in AGENTS:
    rows = [("at the vendor itself", functools.partial(at_the_vendor, agent))]
    if agent.dialect in DIALECTS:
        for protocol in protocols_for(agent):
            rows.append(
                (f"through lowart to {protocol}", functools.partial(through_the_gateway, agent, protocol))
            )
    for name, function in rows:
        function.__module__ = "agents"
        cases.case(f"{agent.name} {name}")(function)

try:
    code = cases.run_all(sys.argv[1] if len(sys.argv) > 1 else "", beside=2)
finally:
    gateway.end_all()
sys.exit(code)
