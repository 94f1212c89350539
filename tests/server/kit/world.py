"""The gateway that most cases share: two scripted upstreams, and a model for each way to reach them."""

import itertools
import threading

from .gateway import Gateway, new_key, provider, shared, target
from .upstream import Upstream, closed_port, stalled_listener

KEYS = 60
OWN = 32
STALL_CLOCKS = {"connect": "300ms", "first_token": "400ms", "between_tokens": "400ms", "whole": "10s"}


class World:
    def __init__(self):
        self.up, self.second = Upstream(), Upstream()
        self.rude = Upstream()  # closes every connection as soon as it has it
        self.rude.on_accept = lambda sock: sock.close() or True
        self.deaf, deaf_port = stalled_listener()
        self.closed, shut_port = closed_port()
        providers = {
            "up": provider(self.up.url, timeouts=STALL_CLOCKS),
            "patient": provider(self.up.url),
            "second": provider(self.second.url),
            "again": provider(self.up.url, retry={"attempts": 2}),
            "brief": provider(self.up.url, timeouts={"whole": "600ms"}),
            "rude": provider(self.rude.url),
            "closed": provider(f"http://127.0.0.1:{shut_port}/v1"),
            "deaf": provider(f"http://127.0.0.1:{deaf_port}/v1", timeouts={"connect": "400ms"}),
            "lax": provider(self.up.url, done_required=False),
        }
        chain = lambda first: {
            "targets": [
                {"provider": first, "model": "up-model"},
                {"provider": "second", "model": "second-model"},
            ]
        }
        models = {
            "plain": {
                **target("patient"),
                "aliases": ["nickname"],
                "price": {"input": 1, "cache_read": 0.5, "output": 2},
            },
            "up-model": target("patient"),
            "counted": target("up", "gpt-4o-mini"),
            "again": target("again"),
            "brief": target("brief"),
            "deaf": target("deaf"),
            "lax": target("lax"),
            "up": target("up"),
            "chain": chain("up"),
            "chain-rude": chain("rude"),
            "chain-closed": chain("closed"),
            "chain-deaf": chain("deaf"),
            "closed": target("closed"),
        }
        for i in range(OWN):  # breakers guard a provider's models and its key: what opens one stays apart
            providers[f"patient{i}"] = providers["patient"]
            providers[f"up{i}"] = providers["up"]
            models[f"own{i}"] = target(f"patient{i}", f"own{i}-up")
            models[f"chain-own{i}"] = {
                "targets": [
                    target(f"up{i}", f"chain-own{i}-up")["targets"][0],
                    target("second", "second-model")["targets"][0],
                ]
            }
        keys = {f"k{i}": {"key": new_key()} for i in range(KEYS)}
        keys["narrow"] = {"key": new_key(), "models": ["plain"]}
        limits = {"body": "1MiB"}
        self.gateway = Gateway(
            {"providers": providers, "models": models, "limits": limits}, keys=keys, unix=True
        )
        self.spare, self.spare_models = itertools.count(), itertools.count()
        self.lock = threading.Lock()

    def own_key(self):
        """(name, key) of a key that no other case uses."""
        with self.lock:
            name = f"k{next(self.spare)}"
        return name, self.gateway.keys[name]["key"]

    def own_model(self):
        """A model whose breaker no other case opens; `chain-` before it fails over to the second upstream."""
        with self.lock:
            number = next(self.spare_models)
        assert number < OWN, "more cases want a model of their own than there are: raise OWN"
        return f"own{number}"


def world():
    return shared("world", World)
