"""Credentials of AWS that a provider of type bedrock fetches: from a container's endpoint, an instance, or STS."""

import json
import threading
import time
import urllib.parse
from pathlib import Path

from kit.cases import case, check, equal
from kit.gateway import Gateway, chat, new_id, provider, run_on, scratch, shared, target
from kit.upstream import Upstream, closed_port, sends, whole
from kit.vendors import bedrock
from kit.vendors.vendor import VENDOR_KEY, Vendor

KINDS = ("container", "instance", "web_identity")
IDENTITY, IMDS_TOKEN, POD_TOKEN = "identity.token-of+this/pod", "imds-token-" + "x" * 20, "pod-token"
NAMES = (
    "AWS_CONTAINER_CREDENTIALS_FULL_URI AWS_CONTAINER_CREDENTIALS_RELATIVE_URI AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
    " AWS_CONTAINER_AUTHORIZATION_TOKEN AWS_EC2_METADATA_DISABLED AWS_EC2_METADATA_SERVICE_ENDPOINT AWS_ACCESS_KEY_ID"
    " AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_WEB_IDENTITY_TOKEN_FILE AWS_ROLE_ARN AWS_ROLE_SESSION_NAME"
    " AWS_ENDPOINT_URL_STS"
).split()
UNSET = dict.fromkeys(NAMES, "")  # as on a machine that is none of AWS's


class Giver(Upstream):
    """All three who give keys. `asked` has what each fetch began with; `instead` is a play, `lives` are seconds."""

    def __init__(self):
        super().__init__()
        self.url = f"http://127.0.0.1:{self.port}"
        self.default = self.give
        self.instead, self.lives, self.pause, self.token = None, 3600, 0.0, bedrock.SESSION_TOKEN
        self.pod = POD_TOKEN
        self.asked, self.refused = [], []

    def count(self, kind):
        return self.asked.count(kind)

    def give(self, peer, request):
        method, path, _ = request.line.split()
        kind = "web_identity" if method == "POST" else "container" if path.startswith("/keys") else "instance"
        if kind != "instance" or method == "PUT":
            self.asked.append(kind)
        if self.instead:
            return self.instead(peer, request)
        time.sleep(self.pause if kind != "instance" else 0)
        play = getattr(self, kind)(request, method, path)
        if play is None:
            self.refused.append(request.line)
            play = whole(b"odd", b"400 Bad Request")
        return play(peer, request)

    def keys(self, token_name, ends):
        return {"AccessKeyId": bedrock.ACCESS_KEY_ID, "SecretAccessKey": VENDOR_KEY, token_name: self.token, "Expiration": ends}

    def flat(self):
        ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + self.lives))
        return whole(json.dumps({"Code": "Success", **self.keys("Token", ends)}).encode())

    def container(self, request, method, path):
        return self.flat() if request.field("authorization") == self.pod and method == "GET" else None

    def instance(self, request, method, path):
        if (method, path) == ("PUT", "/latest/api/token"):
            return whole(IMDS_TOKEN.encode()) if request.field("x-aws-ec2-metadata-token-ttl-seconds") else None
        if request.field("x-aws-ec2-metadata-token") != IMDS_TOKEN:
            return whole(b"", b"401 Unauthorized")
        roles = "/latest/meta-data/iam/security-credentials/"
        return {roles: whole(b"the-role"), roles + "the-role": self.flat()}.get(path)

    def web_identity(self, request, method, path):
        form = dict(urllib.parse.parse_qsl(request.body.decode()))
        wanted = {"Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", "RoleArn": "arn:aws:iam::1:role/r",
                  "RoleSessionName": "lowart", "WebIdentityToken": IDENTITY}
        if form != wanted or request.field("accept") != "application/json":
            return None
        result = {"Credentials": self.keys("SessionToken", time.time() + self.lives), "Provider": "p"}
        return whole(json.dumps({"AssumeRoleWithWebIdentityResponse": {"AssumeRoleWithWebIdentityResult": result}}).encode())


def surroundings(giver, folder):
    """The variables that ECS, EKS and an instance's user set."""
    identity, pod = folder / "identity", folder / "pod"
    identity.write_text(IDENTITY + "\n")
    pod.write_text(POD_TOKEN)
    return UNSET | {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{giver.url}/keys",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(pod),
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": giver.url,
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(identity),
        "AWS_ROLE_ARN": "arn:aws:iam::1:role/r",
        "AWS_ENDPOINT_URL_STS": giver.url,
        "AWS_ACCESS_KEY_ID": bedrock.ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": VENDOR_KEY,
        "AWS_SESSION_TOKEN": bedrock.SESSION_TOKEN,
    }


class House:
    def __init__(self, name, kinds=KINDS, environment=None, **more):
        self.vendor, self.giver = Vendor(), Giver()
        self.folder = Path(scratch.name) / f"aws-{name}"
        self.folder.mkdir()

        def entry(kind):
            made = provider(f"http://127.0.0.1:{self.vendor.port}", type="bedrock", region=bedrock.REGION, credentials=kind,
                            breaker={"failures": 1000, "failure_percent": 0}, **more)
            del made["api_key"]
            return made

        kinds = kinds if isinstance(kinds, dict) else {kind: kind for kind in kinds}
        providers = {name: entry(kind) for name, kind in kinds.items()}
        self.gateway = Gateway({"providers": providers, "models": {name: target(name) for name in kinds}},
                               environment=surroundings(self.giver, self.folder) | (environment or {}))

    def ask(self, model, **more):
        return self.gateway.ask(chat(model), **more)


@case("keys are fetched from whom the program runs with, once for many calls, and every call is signed with them")
def _():
    h = shared("aws_credentials", lambda: House("all", ("environment", *KINDS)))
    h.giver.pause = 0.3
    for kind in ("environment", *KINDS):
        answers = []
        askers = [threading.Thread(target=lambda k=kind: answers.append(h.ask(k).status)) for _ in range(12)]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join()
        equal(answers, [200] * 12, kind)
        equal(h.gateway.ask(chat(kind, stream=True)).status, 200, kind)
        equal(h.giver.count(kind), 0 if kind == "environment" else 1, kind)
    equal(h.giver.refused, [])
    tokens = {call.headers.get("x-amz-security-token") for call in h.vendor.calls}
    equal(tokens, {bedrock.SESSION_TOKEN})
    said = h.gateway.stdout() + h.gateway.stderr()
    for secret in (VENDOR_KEY, bedrock.SESSION_TOKEN, IDENTITY, POD_TOKEN, IMDS_TOKEN):
        check(secret not in said, "a secret in a log")


@case("keys whose time is over are fetched anew, with the file's token of that day", alone=True)
def _():
    h = House("ending", ("container",))
    h.giver.lives = 2
    equal(h.ask("container").status, 200)
    time.sleep(2.1)
    h.giver.pod = "another"
    (h.folder / "pod").write_text(h.giver.pod)
    equal(h.ask("container").status, 200)
    equal((h.giver.count("container"), h.giver.refused), (2, []))


@case("keys that AWS says have ended are dropped and fetched anew once, and the call is answered")
def _():
    h = House("expired", ("instance",), retry={"attempts": 3})
    equal(h.ask("instance").status, 200)
    time.sleep(2.1)
    told = b"x-amzn-errortype: ExpiredTokenException:http://internal.amazon.com/\r\n"
    expired = whole(b'{"message":"The security token included in the request is expired"}', b"403 Forbidden", told)
    request_id = new_id()
    h.vendor.script(request_id, expired, h.vendor.answer)
    got = h.ask("instance", request_id=request_id)
    equal((got.status, h.giver.count("instance")), (200, 2), got)
    request_id = new_id()
    h.vendor.script(request_id, expired)
    got = h.ask("instance", request_id=request_id)
    equal((got.status, len(h.vendor.requests(request_id)), h.giver.count("instance")), (502, 1, 2), got)
    message = got.json()["error"]["message"]
    check("AWS does not accept the credentials that the instance's metadata service has just given" in message, message)


@case("a giver that is down, silent, refuses or talks nonsense is told as the cause, and AWS is asked nothing")
def _():
    names = {"denied": "web_identity", "bare": "instance", "odd": "container", "broken": "container", "long": "container",
             "silent": "web_identity", "gone": "web_identity"}
    h = House("failing", names, timeouts={"first_token": "700ms"})
    denied = whole(json.dumps({"Error": {"Code": "AccessDenied", "Message": "Not authorized to perform"}}).encode(), b"403 No")
    (h.folder / "identity").rename(h.folder / "away")
    got = h.ask("gone")
    check("the file that AWS_WEB_IDENTITY_TOKEN_FILE names cannot be read: No such file" in got.json()["error"]["message"], got)
    (h.folder / "away").rename(h.folder / "identity")
    for model, play, status, words in (
        ("denied", denied, 502, "the Security Token Service refused (status 403, AccessDenied): check the role"),
        ("bare", whole(b"", b"404 No"), 502, "the instance's metadata service refused (status 404): check that the instance has a role"),
        ("odd", whole(b"<html>"), 502, "the container's endpoint sent an answer that is none: it is not JSON"),
        ("broken", whole(b"oops", b"500 No"), 502, "the container's endpoint failed (status 500)"),
        ("long", whole(b"x" * 200_000), 502, "it is not JSON"),
        ("silent", sends(then="silence"), 504, "did not answer in time"),
    ):
        h.giver.instead = play
        got = h.ask(model)
        message = got.json()["error"]["message"]
        equal(got.status, status, got)
        check(f"no credentials of AWS for '{model}': " in message and words in message, message)
        check(b"Not authorized" not in got.body, got)
    equal(h.vendor.calls, [])
    h.giver.instead = None
    for name in ("odd", "broken", "long", "silent"):
        equal(h.ask(name).status, 200, "when the giver is well again")


@case("nobody at the endpoint is told as such")
def _():
    down, port = closed_port()
    h = House("down", ("instance",), environment={"AWS_EC2_METADATA_SERVICE_ENDPOINT": f"http://127.0.0.1:{port}"})
    got = h.ask("instance")
    check("the instance's metadata service could not be asked" in got.json()["error"]["message"], got)
    down.close()


@case("validate says what the environment lacks for the credentials that a provider is to fetch")
def _():
    def problems(environment, **entry):
        config = {
            "providers": {"aws": {"type": "bedrock", "region": "us-east-1", **entry}},
            "models": {"m": {"targets": [{"provider": "aws", "model": "x"}]}},
            "keys": [{"name": "a", "key": "sk-lw-0123456789abcdef"}],
        }
        done, _ = run_on(json.dumps(config, indent=1), "validate", environment=UNSET | environment)
        return "" if done.returncode == 0 else done.stdout + done.stderr

    full, identity = "AWS_CONTAINER_CREDENTIALS_FULL_URI", {"AWS_WEB_IDENTITY_TOKEN_FILE": "/x", "AWS_ROLE_ARN": "arn"}
    keys = {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "s"}
    for environment, kind in (
        (keys, "environment"), ({}, "instance"), (identity, "web_identity"),
        ({full: "http://127.0.0.1:9/x"}, "container"), ({full: "https://keys.example/x"}, "container"),
        ({full: "http://169.254.170.23/v1/credentials"}, "container"), ({full: "http://[fd00:ec2::23]/v1"}, "container"),
        ({"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/x"}, "container"),
    ):
        equal(problems(environment, credentials=kind), "", (kind, environment))
    for environment, entry, words in (
        ({}, {"credentials": "anywhere"}, "must be environment, container, instance or web_identity"),
        ({}, {"credentials": ""}, "must be environment, container, instance or web_identity"),
        ({"AWS_ACCESS_KEY_ID": "A"}, {"credentials": "environment"}, "needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
        ({}, {"credentials": "container"}, "needs AWS_CONTAINER_CREDENTIALS_FULL_URI or"),
        ({full: "http://keys.example/x"}, {"credentials": "container"}, "must be https, or lead to this machine"),
        ({full: "keys"}, {"credentials": "container"}, "must be https, or lead to this machine"),
        ({"AWS_EC2_METADATA_DISABLED": "true"}, {"credentials": "instance"}, "switched off by AWS_EC2_METADATA_DISABLED"),
        ({"AWS_EC2_METADATA_SERVICE_ENDPOINT": "metadata"}, {"credentials": "instance"}, "where 'instance' is to be asked"),
        ({"AWS_ROLE_ARN": "arn"}, {"credentials": "web_identity"}, "needs AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN"),
        ({}, {"credentials": "instance", "api_key": "k"}, "either 'credentials' or keys"),
        ({}, {"credentials": "instance", "client_key": True}, "either 'credentials' or keys"),
        ({}, {"credentials": "instance", "access_key_id": "A", "secret_access_key": "s"}, "either 'credentials' or keys"),
    ):
        told = problems(environment, **entry)
        check(words in told, words, "in", told)
