"""A gateway in front of one type of provider: of a strict vendor, and of an upstream that plays what a case wants."""

import json

from .envelopes import request
from .gateway import Gateway, new_id, new_key, provider, target
from .upstream import Upstream
from .vendors import VENDOR_KEY, Vendor


class ProviderHouse:
    def __init__(self, kind, model, strict=None, scripted=None):
        """`strict`, `scripted`: further providers of the vendor and of the upstream, as name: settings."""
        self.kind, self.model = kind, model
        self.vendor, self.up = Vendor(), Upstream()
        shared = {"type": kind, "api_key": VENDOR_KEY, "breaker": {"failures": 1000, "failure_percent": 0}}
        strict = {kind: {}, "second": {}} | (strict or {})
        scripted = {"odd": {}, "keyless": {"api_key": ""}} | (scripted or {})
        url = f"http://127.0.0.1:{self.up.port}"
        providers = {name: provider(self.vendor.root, **shared | own) for name, own in strict.items()}
        providers |= {name: provider(url, **shared | own) for name, own in scripted.items()}
        models = {name: target(name, model) for name in providers}
        models["chain"] = {"targets": [{"provider": "odd", "model": model}, {"provider": "second", "model": model}]}
        keys = {f"k{i}": {"key": new_key()} for i in range(24)}
        self.gateway = Gateway({"providers": providers, "models": models}, keys=keys)
        self.spare = iter(keys)

    def own_key(self):
        name = next(self.spare)
        return name, self.gateway.keys[name]["key"]

    def ask(self, door, model=None, stream=False, say="Hi", play=None, more=None, **options):
        """(answer, the request upstream) of one call."""
        path, body = request(door, model or self.kind, stream)
        body = json.loads(json.dumps(body).replace('"Hi"', json.dumps(say))) | (more or {})
        return self.post(path, body, play, **options)

    def post(self, path, body, play=None, **options):
        request_id = new_id()
        if play:
            self.up.script(request_id, play)
        answer = self.gateway.ask(body, path, request_id=request_id, **options)
        at = self.up if play else self.vendor
        return answer, next(iter(at.requests(request_id)), None)
