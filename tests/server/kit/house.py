"""A gateway that is administered: a console key to begin with, users of every role, and short ways to ask."""

import json

from .cases import check, equal
from .gateway import Gateway, new_key
from .http import request_bytes

ROLES = ["viewer", "member", "billing", "admin", "owner"]
PASSWORD = "correct horse battery staple"


def boss_key():
    """Of the file, so that it acts as an owner."""
    return {"boss": {"key": new_key(), "admin": True}}


class House(Gateway):
    """As Gateway, with the key `boss`; `asked` keeps every answer when `keeps` is set."""

    def __init__(self, config, keys=None, keeps=False, **more):
        self.keeps, self.asked = keeps, []
        super().__init__(config, keys={**boss_key(), **(keys or {})}, **more)

    @property
    def boss(self):
        return self.keys["boss"]["key"]

    def admin(self, method, path, body=None, token=None, fields=(), raw=None):
        """An act; as the boss, unless told. `raw`: the body's bytes."""
        fields = [*fields]
        token = self.boss if token is None else token
        if token:
            fields.append(("authorization", f"Bearer {token}"))
        data = raw if raw is not None else (b"" if body is None else json.dumps(body).encode())
        if data:
            fields.append(("content-type", "application/json"))
        with self.connect() as connection:
            connection.send(request_bytes(method, path, data, fields))
            answer = connection.answer(method)
        check(answer is not None, "no answer to", method, path)
        if self.keeps:
            self.asked.append((method, path, answer))
        return answer

    def done(self, method, path, body=None, status=200, **more):
        """An act that must succeed; what it told."""
        answer = self.admin(method, path, body, **more)
        check(answer.status == status, method, path, "answered", answer)
        return answer.json() if answer.body else None

    def make(self, kind, name, **body):
        return self.done("POST", f"/admin/{kind}", {"name": name, **body}, 201)

    def make_user(self, name, password=PASSWORD, **body):
        made = self.make("users", name, **body)
        self.done("PUT", f"/admin/users/{name}/password", {"password": password}, 204)
        return made

    def log_in(self, user, password=PASSWORD):
        return self.done("POST", "/auth/login", {"user": user, "password": password}, token="")

    def session(self, user, password=PASSWORD):
        return self.log_in(user, password)["access_token"]

    def audit(self, **query):
        asked = "&".join(f"{name}={value}" for name, value in query.items())
        return self.done("GET", f"/admin/audit?{asked}")["data"]


def refused(answer, status, *words):
    """That an act was refused, and that its message has these words."""
    equal(answer.status, status, answer)
    for word in words:
        check(word in answer.error["message"], f"'{word}' is not in", answer)
    return answer.error
