"""What the SDKs talk to: the real server, its demo provider, and upstreams of each protocol."""

import os
import subprocess
from pathlib import Path

import provider_script
from kit.gateway import Gateway, new_key, provider, running, shared, target
from kit.vendors import VENDOR_KEY, Vendor

# What the gateway speaks: to its clients, and to upstreams (provider types, and what their base_url ends with).
DIALECTS = ["openai", "openai_responses", "anthropic", "gemini", "ollama"]
UPSTREAMS = {"openai": "/v1", "openai_responses": "/v1", "anthropic": "/v1", "gemini": "/v1beta", "ollama": ""}
CLIENTS = 16  # at most, in both languages

DEMO_MODELS = [
    "demo",
    "demo-fast",
    "demo-429",
    "demo-fail",
    "demo-cut",
    "demo-stall",
    "demo-hang",
    "demo-flaky",
]


def start_aimock():
    """Another's mock of all protocols; its address."""
    command = ["node", str(Path(os.environ["LOWART_NODE_MODULES"]).parent / "aimock.mjs")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    running.append(process)
    return process.stdout.readline().strip()


class Setting:
    def __init__(self):
        self.up = provider_script.make()
        self.vendor = Vendor()
        self.aimock = start_aimock()
        clocks = {"first_token": "900ms", "between_tokens": "600ms"}
        providers = {
            "demo": {
                "type": "demo",
                "timeouts": clocks,
                "retry": {"attempts": 1},
                "breaker": {"failures": 1000},
            },
            "up": provider(
                self.up.url, timeouts=clocks, breaker={"failures": 1000, "rest": "10ms"}, passthrough=True
            ),
            "patient": provider(self.up.url),
            "touchy": provider(self.up.url),  # refused credentials open the breaker of a provider's key
        }
        for name, end in UPSTREAMS.items():
            more = {"type": name, "api_key": VENDOR_KEY}
            providers[f"vendor-{name}"] = provider(self.vendor.root + end, **more)
            providers[f"aimock-{name}"] = provider(self.aimock + end, **more)
        models = {name: {"targets": [{"provider": "demo"}]} for name in DEMO_MODELS}
        models |= {
            "up": target("up"),
            "patient": target("patient"),
            "touchy": target("touchy"),
            "limited-up": target("up", "limited"),
        }
        for name in UPSTREAMS:
            for who in ("vendor", "aimock"):
                models[f"{who}-{name}"] = target(f"{who}-{name}")
                # A 429 with a time lets its target rest: each client has one of its own to be refused by.
                models |= {
                    f"{who}-{name}-busy{i}": target(f"{who}-{name}", f"busy{i}") for i in range(CLIENTS)
                }
        keys = {
            "narrow": {"key": new_key(), "models": ["up"]},
            "limited": {"key": new_key(), "rpm": 120},
            "limited2": {"key": new_key(), "rpm": 120},
            "shown": {"key": new_key(), "rpm": 1000, "tpm": 1000000},
        }
        config = {"providers": providers, "models": models, "responses": {"store": True}}
        self.gateway = Gateway(config, keys=keys)
        self.root = f"http://127.0.0.1:{self.gateway.port}"
        self.url = f"{self.root}/v1"

    def places(self):
        """Where the matrices ask: the upstreams themselves, so that what is expected is known to be right, and then
        each of them through the gateway."""

        def at(who, name, **more):
            spoken_by = {"vendor": self.vendor.root} if who == "vendor" else {"aimock": self.aimock}
            return {"name": name, **spoken_by, **more}

        made = []
        for who, root in (("vendor", self.vendor.root), ("aimock", self.aimock)):
            for protocol in DIALECTS:
                itself = {"base": root, "key": VENDOR_KEY, "model": "up-model", "direct": True}
                name = f"{who} itself, {protocol}"
                made.append(at(who, name, protocol=protocol, dialects=[protocol], **itself))
            for protocol in UPSTREAMS:
                # An upstream that speaks Ollama has no word for all that other clients ask here.
                dialects = ["ollama"] if protocol == "ollama" else DIALECTS
                gate = {"base": self.root, "key": self.gateway.key, "dialects": dialects}
                name = f"lowart before {who}, {protocol}"
                made.append(at(who, name, protocol=protocol, model=f"{who}-{protocol}", **gate))
        return made


def setting():
    return shared("setting", Setting)
