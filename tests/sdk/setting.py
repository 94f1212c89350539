"""What the SDKs talk to: the real server, its demo provider, and a scripted upstream."""

import provider_script
from kit.gateway import Gateway, new_key, provider, shared, target

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


class Setting:
    def __init__(self):
        self.up = provider_script.make()
        clocks = {"first_token": "900ms", "between_tokens": "600ms"}
        providers = {
            "demo": {
                "type": "demo",
                "timeouts": clocks,
                "retry": {"attempts": 1},
                "breaker": {"failures": 1000},
            },
            "up": provider(self.up.url, timeouts=clocks, breaker={"failures": 1000, "rest": "10ms"}),
            "patient": provider(self.up.url),
        }
        models = {name: {"targets": [{"provider": "demo"}]} for name in DEMO_MODELS}
        models |= {
            "up": target("up"),
            "patient": target("patient"),
            "touchy": target("up", "touchy"),
            "limited-up": target("up", "limited"),
        }
        keys = {
            "narrow": {"key": new_key(), "models": ["up"]},
            "limited": {"key": new_key(), "rpm": 120},
            "limited2": {"key": new_key(), "rpm": 120},
            "shown": {"key": new_key(), "rpm": 1000, "tpm": 1000000},
        }
        self.gateway = Gateway({"providers": providers, "models": models}, keys=keys)
        self.url = f"http://127.0.0.1:{self.gateway.port}/v1"


def setting():
    return shared("setting", Setting)
