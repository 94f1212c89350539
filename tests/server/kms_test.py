"""The master key, unwrapped by a key management service at the start."""

import base64
import json
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from kit.cases import case, check, equal
from kit.gateway import provider, target
from kit.house import House


class KeyService:
    """Answers as the transit engine of Vault does, to who shows its token."""

    def __init__(self):
        self.key, self.token, self.asked, self.answer = secrets.token_bytes(32), "s." + secrets.token_hex(8), [], None
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                service.asked.append((self.path, body))
                good = self.headers["x-vault-token"] == service.token and body == {"ciphertext": "vault:v1:wrapped"}
                answer = {"data": {"plaintext": base64.b64encode(service.key).decode()}} if good else {"errors": ["denied"]}
                text = service.answer if service.answer is not None else json.dumps(answer)
                self.send_response(200 if good else 403)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1/transit/decrypt/lowart"

    def config(self, **more):
        return {"kms": {"url": self.url, "token": self.token, "wrapped_key": "vault:v1:wrapped", **more}}


def config(secrets):
    return {"providers": {"up": provider("http://127.0.0.1:9/v1")}, "models": {"plain": target("up")}, "secrets": secrets}


def refuses(house, words):
    before = len(house.stderr())
    try:
        house.start()
    except AssertionError:
        said = house.stderr()[before:]
        check(words in said, "it said", said)
        return said
    raise AssertionError("it started")


@case("a key service unwraps the master key at each start, and none is kept")
def _():
    service = KeyService()
    with House(config(service.config())) as house:
        equal(service.asked[0], ("/v1/transit/decrypt/lowart", {"ciphertext": "vault:v1:wrapped"}))
        house.make("providers", "p", type="openai", base_url="http://127.0.0.1:9/v1", api_key="sk-sealed-by-kms")
        check(not (house.data / "master.key").exists(), "a key was made")
        equal(house.done("POST", "/admin/secrets/rotate")["master_key"], "kms")
        house.stop()
        house.start()
        equal(house.done("GET", "/admin/providers/p")["api_key"], "***")
        equal(len(service.asked), 2)


@case("without a good answer of the key service it does not start, and tells nothing of what it was told")
def _():
    service = KeyService()
    with House(config(service.config())) as house:
        house.make("keys", "k")
        house.stop()
        service.answer = "no JSON: " + base64.b64encode(service.key).decode()
        said = refuses(house, "has no 'plaintext'")
        check(base64.b64encode(service.key).decode() not in said, "the key was told")
        service.answer = json.dumps({"plaintext": "c2hvcnQ="})
        refuses(house, "32 bytes")
        service.answer, service.key = None, secrets.token_bytes(32)
        refuses(house, "seal")
        house.config["secrets"]["kms"]["token"] = "s.another"
        house.write_config()
        refuses(house, "status 403")
        service.server.shutdown()
        service.server.server_close()
        refuses(house, "could not be")
