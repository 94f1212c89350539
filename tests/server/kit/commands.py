"""Commands about vendors: the binary run on a file with one provider, and an upstream that lists models."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

from kit.gateway import BIN
from kit.upstream import Upstream, ordinary, whole


def run(*arguments, environment=None, files=None):
    """Runs a command in a folder of its own, with these variables and no keys of anybody's."""
    with tempfile.TemporaryDirectory() as directory:
        for name, text in (files or {}).items():
            (Path(directory) / name).write_text(text)
        clean = {"PATH": os.environ["PATH"], **(environment or {})}
        return subprocess.run(
            [BIN, *arguments], capture_output=True, text=True, timeout=30, cwd=directory, env=clean, check=False
        )


def file_with(entry, model="up-model", name="up", client="m"):
    return json.dumps(
        {
            "providers": {name: entry},
            "models": {client: {"targets": [{"provider": name, "model": model}]}},
            "keys": [{"name": "k", "key": "sk-lw-0123456789abcdef"}],
        },
        indent=1,
    )


def listing():
    """An upstream that lists models and answers."""
    up = Upstream()

    def play(peer, request):
        if not request.line.startswith("GET "):
            return ordinary(peer, request)
        up.lists.append(request)
        data = [{"id": i, "object": "model"} for i in ("openai/gpt-oss-120b", "llama-3.3-70b-versatile", "mystery")]
        return whole(json.dumps({"object": "list", "data": data}).encode())(peer, request)

    up.lists, up.default = [], play
    return up
