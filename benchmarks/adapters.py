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
IDLE = "-paced-60000000us"  # two events, and then nothing for a minute
MODELS = ("bench-model", "bench-model-one-chunk", "bench-model-paced-1000us", "bench-model-paced-5000us", "bench-model" + IDLE)
# Over TLS to the upstream: who chooses by the model is asked for one of these, the others by this path.
TLS_MODELS = ("bench-model-tls", "bench-model-tls" + IDLE)
TLS_PATH = "/tls/v1/chat/completions"
TRANSLATED_MODEL = "bench-model-translated"  # a translating proxy asks for it in Anthropic Messages


@dataclasses.dataclass
class Site:
    """Where a proxy lives during the run."""
    folder: str
    port: int
    upstream_port: int
    binary: str
    tls_port: int = 0  # of the upstream; 0: none
    authority: str = ""  # a file with the certificate that the upstream's is checked against


@dataclasses.dataclass
class Started:
    command: list
    ready_url: str
    translates: bool = False  # answers chat calls for TRANSLATED_MODEL from the mock's /v1/messages, chooses by the model
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
    tls_upstream = tls_location = ""
    if site.tls_port:
        tls_upstream = f"""
  upstream mock_tls {{
    server 127.0.0.1:{site.tls_port};
    keepalive 256;
    keepalive_requests 1000000000;
  }}"""
        tls_location = f"""
    location /tls/ {{
      proxy_pass https://mock_tls/;
      proxy_ssl_trusted_certificate {site.authority};
      proxy_ssl_verify on;
      proxy_ssl_name 127.0.0.1;
      proxy_http_version 1.1;
      proxy_buffering off;
      proxy_set_header Connection "";
      proxy_set_header Host 127.0.0.1:{site.tls_port};
      proxy_set_header Authorization "Bearer {UPSTREAM_KEY}";
    }}"""
    user = f"user {pwd.getpwuid(os.geteuid()).pw_name};" if os.geteuid() == 0 else ""
    config = write(os.path.join(site.folder, "nginx.conf"), f"""
{user}
daemon off;
worker_processes 1;
pid {site.folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  client_max_body_size 64m;
  client_body_buffer_size 2m;
  client_body_temp_path {site.folder}/body;
  proxy_temp_path {site.folder}/proxy;
  fastcgi_temp_path {site.folder}/fastcgi;
  uwsgi_temp_path {site.folder}/uwsgi;
  scgi_temp_path {site.folder}/scgi;
  upstream mock {{
    server 127.0.0.1:{site.upstream_port};
    keepalive 256;
    keepalive_requests 1000000000;
  }}{tls_upstream}
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
    }}{tls_location}
  }}
}}
""")
    command = [binary, "-e", "stderr", "-p", site.folder, "-c", config]
    # Without this nginx gives the memory of large bodies back to the kernel and faults it in again, more or
    # less often as its heap happens to lie: 160 to 250 us per call of 256 KiB instead of 100.
    keeps_memory = {"MALLOC_TRIM_THRESHOLD_": "67108864", "MALLOC_MMAP_THRESHOLD_": "67108864"}
    return Started(command, f"http://127.0.0.1:{site.port}/ready", environment=keeps_memory)


def lowart(site, has_ten_limits=True):
    """With ten limits of a key, a user, a team, a model and a type of models, or with the three of the key."""
    if not site.binary or not os.access(site.binary, os.X_OK):
        raise Missing(f"no gateway to measure at {site.binary!r}; build it first (./dev build)")
    targets = [("mock", model) for model in MODELS] + [("messages", TRANSLATED_MODEL)]
    tls = ""
    if site.tls_port:
        targets += [("mock_tls", model) for model in TLS_MODELS]
        tls = f"""
  mock_tls:
    type: openai
    base_url: https://127.0.0.1:{site.tls_port}/v1
    ca_file: {site.authority}
    api_key: {UPSTREAM_KEY}"""
    many = "rpm: 1000000000, tpm: 1000000000000"
    others = many if has_ten_limits else ""
    of_type = "concurrency: 10000" if has_ten_limits else ""
    models = "".join(f"""
  {model}:
    targets: [{{provider: {provider}, model: {model}}}]
    price: {{input: 0.15, cache_read: 0.075, output: 0.60}}
    limits: {{{others}}}""" for provider, model in targets)
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
    api_key: {UPSTREAM_KEY}{tls}
models:{models}
users: {{somebody: {{{others}}}}}
teams: {{ours: {{{others}}}}}
model_types: {{chat: {{{of_type}}}}}
keys:
  - {{name: bench, key: {CLIENT_KEY}, user: somebody, team: ours, {many}, concurrency: 10000, models: ["*"]}}
""")
    command = [os.path.abspath(site.binary), "serve", "--config", config, "--data", f"{site.folder}/data"]
    return Started(command, f"http://127.0.0.1:{site.port}/ready", translates=True)


def haproxy(site):
    binary = shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if not binary:
        raise Missing("haproxy is not installed. On Debian: apt-get install haproxy")
    server = "server mock 127.0.0.1"
    tls = f"{server}:{site.tls_port} ssl verify required ca-file {site.authority}" if site.tls_port else f"{server}:1"
    config = write(os.path.join(site.folder, "haproxy.cfg"), f"""
global
  nbthread 1
  maxconn 4000
  tune.ssl.default-dh-param 2048
defaults
  mode http
  http-reuse always
  timeout connect 5s
  timeout client 120s
  timeout server 120s
frontend clients
  bind 127.0.0.1:{site.port}
  http-request return status 200 content-type text/plain string ready if {{ path /ready }}
  http-request set-header Authorization "Bearer {UPSTREAM_KEY}"
  use_backend over_tls if {{ path_beg /tls/ }}
  default_backend plain
backend plain
  {server}:{site.upstream_port}
backend over_tls
  http-request set-path %[path,regsub(^/tls,)]
  {tls}
""")
    return Started([binary, "-db", "-f", config], f"http://127.0.0.1:{site.port}/ready")


ADAPTERS = {"nginx": nginx, "haproxy": haproxy, "lowart": lowart}
