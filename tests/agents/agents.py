"""The coding agents: how each is told where its model is, and asked one thing without a person."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

QUESTION = "What do the files here say? Read secret.txt first."
FILES = {"secret.txt": "swordfish", "one.txt": "red", "two.txt": "green"}
# Whatever is not on this machine is behind a proxy that is not there.
NOWHERE = "http://127.0.0.1:9"


class Agent:
    """`dialect` is what it speaks to its model; a `slow` one asks fewer upstreams."""

    slow = False

    def __init__(self, dialect):
        self.dialect = dialect

    def prepare(self, home, work, place):
        """Writes its configuration; the environment that it needs besides."""

    def command(self, place):
        """What is run, in the directory with the files."""

    def ask(self, place, seconds=240):
        """Everything that it printed, once it has ended well."""
        with tempfile.TemporaryDirectory(prefix="lowart-agent-") as scratch:
            home, work = Path(scratch) / "home", Path(scratch) / "work"
            home.mkdir()
            work.mkdir()
            for name, text in FILES.items():
                (work / name).write_text(text + "\n")
            environment = {
                "PATH": f"{os.environ['LOWART_AGENTS']}:{os.environ['PATH']}",
                "HOME": str(home),
                "TMPDIR": scratch,
                "TERM": "dumb",
                "HTTP_PROXY": NOWHERE,
                "HTTPS_PROXY": NOWHERE,
                "NO_PROXY": "127.0.0.1",
                **self.prepare(home, work, place),
            }
            done = subprocess.run(
                self.command(place),
                cwd=work,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
            )
        printed = f"{done.stdout}\n{done.stderr}"
        assert done.returncode == 0, f"exit code {done.returncode}: {printed[-3000:]}"
        return printed


class Codex(Agent):
    name = "codex"

    def __init__(self):
        super().__init__("openai_responses")

    def prepare(self, home, work, place):
        (home / "config.toml").write_text(f"""
model = "{place["model"]}"
model_provider = "lowart"
check_for_update_on_startup = false
web_search = "disabled"
[agents]
enabled = false
[analytics]
enabled = false
[model_providers.lowart]
name = "lowart"
base_url = "{place["base"]}/v1"
env_key = "LOWART_KEY"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
""")
        return {"CODEX_HOME": str(home), "LOWART_KEY": place["key"]}

    def command(self, place):
        return [
            "codex",
            "exec",
            "--skip-git-repo-check",
            "--sandbox",
            "danger-full-access",
            "--json",
            QUESTION,
        ]


class GeminiCli(Agent):
    name = "gemini cli"

    def __init__(self):
        super().__init__("gemini")

    def prepare(self, home, work, place):
        settings = {
            "security": {"auth": {"selectedType": "gemini-api-key"}},
            "privacy": {"usageStatisticsEnabled": False},
            "general": {"enableAutoUpdate": False},
        }
        (home / ".gemini").mkdir()
        (home / ".gemini" / "settings.json").write_text(json.dumps(settings))
        return {"GEMINI_API_KEY": place["key"], "GOOGLE_GEMINI_BASE_URL": place["base"]}

    def command(self, place):
        return [
            "gemini",
            "--yolo",
            "--skip-trust",
            "--model",
            place["model"],
            "--output-format",
            "json",
            "--prompt",
            QUESTION,
        ]


class OpenCode(Agent):
    """Speaks every dialect, through the AI SDK's package for it."""

    slow = True

    PACKAGES = {
        "openai": ("@ai-sdk/openai-compatible", "/v1"),
        "openai_responses": ("@ai-sdk/openai", "/v1"),
        "anthropic": ("@ai-sdk/anthropic", "/v1"),
        "gemini": ("@ai-sdk/google", "/v1beta"),
    }

    # How each is asked to think.
    THINKING = {
        "openai": {},
        "openai_responses": {"reasoningSummary": "auto", "include": ["reasoning.encrypted_content"]},
        "anthropic": {"thinking": {"type": "enabled", "budgetTokens": 1024}},
        "gemini": {"thinkingConfig": {"includeThoughts": True}},
    }

    @property
    def name(self):
        return f"opencode over {self.dialect}"

    def prepare(self, home, work, place):
        package, end = self.PACKAGES[self.dialect]
        model = {
            "name": "model",
            "reasoning": True,
            "limit": {"context": 100000, "output": 8000},
            "options": self.THINKING[self.dialect],
        }
        provider = {
            "npm": package,
            "name": "lowart",
            "options": {"baseURL": place["base"] + end, "apiKey": "{env:LOWART_KEY}"},
            "models": {place["model"]: model},
        }
        config = {
            "autoupdate": False,
            "share": "disabled",
            "snapshot": False,
            "model": f"lowart/{place['model']}",
            "small_model": f"lowart/{place['model']}",
            "enabled_providers": ["lowart"],
            "provider": {"lowart": provider},
        }
        (work / "opencode.json").write_text(json.dumps(config))
        switches = ("AUTOUPDATE", "MODELS_FETCH", "LSP_DOWNLOAD", "DEFAULT_PLUGINS")
        return {"LOWART_KEY": place["key"], **{f"OPENCODE_DISABLE_{name}": "1" for name in switches}}

    def command(self, place):
        return ["opencode", "run", "--format", "json", QUESTION]


AGENTS = [Codex(), GeminiCli(), *(OpenCode(dialect) for dialect in OpenCode.PACKAGES)]
