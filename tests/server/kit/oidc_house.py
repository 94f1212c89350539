"""OidcHouse: an OpenID Connect provider on a loopback socket that lets in at once whoever is sent to it.

It is strict where a real one is: registered clients and redirect addresses, codes that are good once and for the client
that asked, PKCE with S256, client authentication. Keys are made and used by the openssl command, as Python's own library
has no signatures.
"""

import base64
import hashlib
import json
import secrets
import subprocess
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .cases import Skip


def openssl(*arguments, data=b""):
    try:
        return subprocess.run(["openssl", *arguments], input=data, check=True, capture_output=True).stdout
    except FileNotFoundError:
        raise Skip("no openssl to make a key with") from None


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def two_numbers(der):
    """An ECDSA signature as ES256 has it: openssl writes a DER sequence of two short integers."""
    numbers, at = b"", 2
    for _ in range(2):
        size = der[at + 1]
        numbers += int.from_bytes(der[at + 2 : at + 2 + size], "big").to_bytes(32, "big")
        at += 2 + size
    return numbers


class SigningKey:
    """A key pair in a file of its own, as openssl reads keys from files only."""

    def __init__(self, algorithm, directory):
        self.algorithm = algorithm
        self.id = secrets.token_hex(4)
        self.file = directory / f"{self.id}.pem"
        options = {"RS256": ("RSA", "rsa_keygen_bits:2048"), "ES256": ("EC", "ec_paramgen_curve:P-256")}[algorithm]
        self.file.write_bytes(openssl("genpkey", "-algorithm", options[0], "-pkeyopt", options[1]))

    def jwk(self):
        named = {"kid": self.id, "use": "sig", "alg": self.algorithm}
        if self.algorithm == "RS256":
            modulus = openssl("rsa", "-in", str(self.file), "-noout", "-modulus").decode().strip().partition("=")[2]
            return {**named, "kty": "RSA", "n": base64url(bytes.fromhex(modulus)), "e": "AQAB"}
        point = openssl("pkey", "-in", str(self.file), "-pubout", "-outform", "DER")[-64:]
        return {**named, "kty": "EC", "crv": "P-256", "x": base64url(point[:32]), "y": base64url(point[32:])}

    def sign(self, claims):
        head = {"alg": self.algorithm, "typ": "JWT", "kid": self.id}
        text = ".".join(base64url(json.dumps(part).encode()) for part in (head, claims))
        signature = openssl("dgst", "-sha256", "-sign", str(self.file), data=text.encode())
        if self.algorithm == "ES256":
            signature = two_numbers(signature)
        return f"{text}.{base64url(signature)}"


class OidcHouse:
    """`directory` is where its keys go (a pathlib.Path).

    What a test may change while it runs: `person` (the claims of who logs in next; `sub` at least), `claims` (what is
    put over the claims of a token: {"aud": "other"}), `instead` ({path: (status, body)}, answered to all), `clients`.
    """

    def __init__(self, directory, algorithm="RS256", auth_method="client_secret_basic"):
        self.directory, self.algorithm, self.auth_method = directory, algorithm, auth_method
        self.clients = {}  # id: (secret or None, [redirect_uri])
        self.person = {"sub": "u-1", "email": "ann@example.com", "email_verified": True, "name": "Ann"}
        self.claims, self.instead = {}, {}
        self.asked = []  # (method, path) of every request
        self.codes = {}
        self.lock = threading.Lock()
        self.rotate()
        house = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                house.handle(self, b"")

            def do_POST(self):
                house.handle(self, self.rfile.read(int(self.headers.get("content-length", 0))))

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def register(self, client_id, redirect_uri, secret=None):
        """A client; without a secret it is a public one."""
        self.clients[client_id] = (secret, [redirect_uri])

    def rotate(self, algorithm=None):
        """From now on a new key signs, and only that one is shown."""
        self.algorithm = algorithm or self.algorithm
        self.key = SigningKey(self.algorithm, self.directory)
        self.jwk = self.key.jwk()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    # --- answers ------------------------------------------------------------------------------------------------------

    def handle(self, peer, body):
        url = urllib.parse.urlsplit(peer.path)
        with self.lock:
            self.asked.append((peer.command, url.path))
        if url.path in self.instead:
            status, text = self.instead[url.path]
            return self.send(peer, status, text.encode())
        answer = {
            ("GET", "/.well-known/openid-configuration"): self.discover,
            ("GET", "/jwks"): self.show_keys,
            ("GET", "/authorize"): self.authorize,
            ("POST", "/token"): self.redeem,
        }.get((peer.command, url.path))
        if answer is None:
            return self.send_json(peer, 404, {"error": "not_found"})
        form = url.query if peer.command == "GET" else body.decode()
        return answer(peer, dict(urllib.parse.parse_qsl(form)))

    def send(self, peer, status, body, **fields):
        peer.send_response(status)
        for name, value in {"content-type": "application/json", **fields}.items():
            peer.send_header(name.replace("_", "-"), value)
        peer.send_header("content-length", str(len(body)))
        peer.end_headers()
        peer.wfile.write(body)

    def send_json(self, peer, status, value):
        self.send(peer, status, json.dumps(value).encode(), cache_control="no-store")

    def discover(self, peer, _):
        self.send_json(
            peer,
            200,
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/jwks",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": [self.algorithm],
                "token_endpoint_auth_methods_supported": [self.auth_method],
                "code_challenge_methods_supported": ["S256"],
            },
        )

    def show_keys(self, peer, _):
        self.send_json(peer, 200, {"keys": [self.jwk]})

    def authorize(self, peer, query):
        """Sends the browser back at once. What is wrong with the client itself is told here, never by a redirect."""
        _, redirects = self.clients.get(query.get("client_id"), (None, []))
        if query.get("redirect_uri") not in redirects:
            return self.send_json(peer, 400, {"error": "invalid_request", "error_description": "unknown client"})
        good = (
            query.get("response_type") == "code"
            and "openid" in query.get("scope", "").split()
            and query.get("code_challenge_method") == "S256"
            and len(query.get("code_challenge", "")) == 43
        )
        back = {"state": query.get("state", "")}
        if good:
            back["code"] = secrets.token_urlsafe(24)
            with self.lock:
                self.codes[back["code"]] = {**query, "person": dict(self.person), "until": time.time() + 60}
        else:
            back["error"] = "invalid_request"
        return self.send(peer, 302, b"", location=f"{query['redirect_uri']}?{urllib.parse.urlencode(back)}")

    def redeem(self, peer, form):
        client_id, secret = self.authentication(peer, form)
        known = self.clients.get(client_id)
        if known is None or known[0] != secret:
            return self.send_json(peer, 401, {"error": "invalid_client"})
        with self.lock:
            asked = self.codes.pop(form.get("code"), None)  # good once
        challenge = base64url(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        good = (
            asked is not None
            and form.get("grant_type") == "authorization_code"
            and asked["client_id"] == client_id
            and asked["redirect_uri"] == form.get("redirect_uri")
            and asked["code_challenge"] == challenge
            and asked["until"] > time.time()
        )
        if not good:
            return self.send_json(peer, 400, {"error": "invalid_grant"})
        now = int(time.time())
        claims = {"iss": self.url, "aud": client_id, "iat": now, "exp": now + 300, **asked["person"]}
        if "nonce" in asked:
            claims["nonce"] = asked["nonce"]
        token = self.key.sign({**claims, **self.claims})
        return self.send_json(
            peer, 200, {"access_token": secrets.token_urlsafe(24), "token_type": "Bearer", "expires_in": 300, "id_token": token}
        )

    def authentication(self, peer, form):
        """(client id, secret), the secret by the one method that the discovery document offers."""
        kind, _, value = peer.headers.get("authorization", "").partition(" ")
        if kind.lower() == "basic" and self.auth_method == "client_secret_basic":
            pair = base64.b64decode(value).decode().split(":", 1)
            return tuple(urllib.parse.unquote_plus(part) for part in pair)
        posted = form.get("client_secret") if self.auth_method == "client_secret_post" else None
        return form.get("client_id"), posted
