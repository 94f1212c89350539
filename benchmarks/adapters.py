"""How each proxy of a bench run is configured, started and asked whether it is ready.

An adapter is a function (Site) -> Started. To measure another gateway, write its configuration in the same
spirit (one worker, keep-alive to the upstream, its key checked and replaced) and add it to ADAPTERS.
"""

import dataclasses
import os
import pwd
import shutil

from processes import Missing

CLIENT_KEY = "sk-lw-bench-0000000000000000000000000000"
UPSTREAM_KEY = "sk-bench-upstream"
MODELS = ("bench-model", "bench-model-one-chunk", "bench-model-paced-1000us", "bench-model-paced-5000us")
TRANSLATED_MODEL = "bench-model-translated"  # a translating proxy asks for it in Anthropic Messages


@dataclasses.dataclass
class Site:
    """Where a proxy lives during the run."""
    folder: str
    port: int
    upstream_port: int
    binary: str


@dataclasses.dataclass
class Started:
    command: list
    ready_url: str
    translates: bool = False  # answers chat calls for TRANSLATED_MODEL from the mock's /v1/messages
    environment: dict = dataclasses.field(default_factory=dict)


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def nginx(site):
    binary = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if not binary:
        raise Missing("nginx is not installed, and every ratio here is against nginx. "
                         "On Debian: apt-get install nginx-light")
    user = f"user {pwd.getpwuid(os.geteuid()).pw_name};" if os.geteuid() == 0 else ""
    config = write(os.path.join(site.folder, "nginx.conf"), f"""
{user}
daemon off;
worker_processes 1;
pid {site.folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  client_max_body_size 64m;
  client_body_buffer_size 1m;
  client_body_temp_path {site.folder}/body;
  proxy_temp_path {site.folder}/proxy;
  fastcgi_temp_path {site.folder}/fastcgi;
  uwsgi_temp_path {site.folder}/uwsgi;
  scgi_temp_path {site.folder}/scgi;
  upstream mock {{
    server 127.0.0.1:{site.upstream_port};
    keepalive 256;
    keepalive_requests 1000000000;
  }}
  server {{
    listen 127.0.0.1:{site.port};
    location = /ready {{ return 200 "ready\\n"; }}
    location / {{
      proxy_pass http://mock;
      proxy_http_version 1.1;
      proxy_buffering off;
      proxy_set_header Connection "";
      proxy_set_header Host 127.0.0.1:{site.upstream_port};
      proxy_set_header Authorization "Bearer {UPSTREAM_KEY}";
    }}
  }}
}}
""")
    command = [binary, "-e", "stderr", "-p", site.folder, "-c", config]
    # Without this nginx gives the memory of large bodies back to the kernel and faults it in again, more or
    # less often as its heap happens to lie: 160 to 250 us per call of 256 KiB instead of 100.
    keeps_memory = {"MALLOC_TRIM_THRESHOLD_": "67108864", "MALLOC_MMAP_THRESHOLD_": "67108864"}
    return Started(command, f"http://127.0.0.1:{site.port}/ready", environment=keeps_memory)


def lowart(site):
    if not site.binary or not os.access(site.binary, os.X_OK):
        raise Missing(f"no gateway to measure at {site.binary!r}; build it first (./dev build)")
    targets = [("mock", model) for model in MODELS] + [("messages", TRANSLATED_MODEL)]
    models = "".join(f"""
  {model}:
    targets: [{{provider: {provider}, model: {model}}}]
    price: {{input: 0.15, cache_read: 0.075, output: 0.60}}""" for provider, model in targets)
    config = write(os.path.join(site.folder, "lowart.yaml"), f"""listen: [127.0.0.1:{site.port}]
threads: 1
data: {site.folder}/data
drain: 2s
providers:
  mock:
    type: openai
    base_url: http://127.0.0.1:{site.upstream_port}/v1
    api_key: {UPSTREAM_KEY}
  messages:
    type: anthropic
    base_url: http://127.0.0.1:{site.upstream_port}/v1
    api_key: {UPSTREAM_KEY}
models:{models}
keys:
  - {{name: bench, key: {CLIENT_KEY}, rpm: 1000000000, tpm: 1000000000000, concurrency: 10000, models: ["*"]}}
""")
    command = [os.path.abspath(site.binary), "serve", "--config", config, "--data", f"{site.folder}/data"]
    return Started(command, f"http://127.0.0.1:{site.port}/ready", translates=True)


ADAPTERS = {"nginx": nginx, "lowart": lowart}
