"""What a client sees of each fault: the tables of docs/faults.md, and the data of faults_test.py.

What an error code looks like in each dialect is printed from the code (tests/docs/errors.cpp); here stands which one a
fault becomes. `python3 tests/docs/check.py --write` prints both into the page.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Before:
    """A fault before the first content: with one target, and with a second one that is well."""

    fault: str
    code: str  # or the variant of it that the table of errors has
    goes_on: bool = True  # to the next target, so that the client sees nothing of it
    status: int = 0  # other than the code's own
    retry_after: str = ""  # of the fields that say when to come back
    whole: str = ""  # the code where the answer is not streamed
    embeddings: str = ""  # and for embeddings

    def code_of(self, dialect, stream):
        if "embeddings" in dialect and self.embeddings:
            return self.embeddings
        return self.code if stream or not self.whole else self.whole


NO_TIME = "rate_limited by a provider, without a time"
LIMIT = "rate_limited by a limit of ours, or with a time"

BEFORE = [
    Before("connection refused", "connect_failed"),
    Before("its name does not resolve", "connect_failed"),
    Before("TLS handshake fails", "connect_failed"),
    Before("nobody answers the handshake", "connect_timeout"),
    Before("closes after the request", "connection_lost"),
    Before("resets after the request", "connection_lost"),
    Before("garbage instead of a head", "malformed_reply"),
    Before("a redirect", "malformed_reply"),
    Before("200 with another content type", "malformed_reply"),
    Before("200 with what is not JSON", "malformed_reply"),
    Before("200 with an error: a stream's first event, or the body", "upstream_failed", embeddings="malformed_reply"),
    Before("400", "upstream_rejected", goes_on=False, status=400),
    Before("401", "upstream_auth"),
    Before("402", "quota_exceeded"),
    Before("403", "upstream_auth"),
    Before("404", "upstream_rejected", goes_on=False, status=404),
    Before("404 that names the model", "upstream_rejected", status=404),
    Before("408", "upstream_failed"),
    Before("413", "upstream_rejected", goes_on=False, status=413),
    Before("422", "upstream_rejected", goes_on=False, status=422),
    Before("429 without a time", NO_TIME),
    Before("429 with a time", LIMIT, retry_after="7"),
    Before("500", "upstream_failed"),
    Before("503", "upstream_failed"),
    Before("503 with a time", "upstream_failed", retry_after="7"),
    Before("529", "upstream_failed"),
    Before("silent before its head", "first_token_timeout"),
    Before("silent before its content", "first_token_timeout"),
    Before("closes before its content", "connection_lost"),
    Before("resets before its content", "connection_lost"),
    Before("ends without an answer, as HTTP ends", "connection_lost", whole="malformed_reply"),
    Before("no answer within `whole`", "whole_timeout", goes_on=False),
]


@dataclass(frozen=True)
class After:
    """A fault of a stream that has content already."""

    fault: str
    code: str

    def code_of(self, dialect, stream):
        return self.code


AFTER = [
    After("closes", "connection_lost"),
    After("resets", "connection_lost"),
    After("ends without its terminal event", "connection_lost"),
    After("an event that is not JSON", "malformed_reply"),
    After("framing that is not HTTP", "malformed_reply"),
    After("an error event", "upstream_failed"),
    After("falls silent", "between_tokens_timeout"),
    After("goes on after `whole`", "whole_timeout"),
]


@dataclass(frozen=True)
class Ours:
    """What the gateway refuses itself, before anybody is asked."""

    fault: str
    code: str  # or the variant of it that the table of errors has
    names_field: bool = False
    retry_after: bool = False  # it says when to come back
    record: str = "none"

    @property
    def plain_code(self):
        return self.code.split()[0]


OURS = [
    Ours("no key", "unauthenticated"),
    Ours("a key that nobody knows", "unauthenticated"),
    Ours("the key may not use the model", "permission_denied", names_field=True),
    Ours("no such model", "not_found of a model", names_field=True),
    Ours("a model that is not offered at this door", "not_found of a model", names_field=True),
    Ours("no such path", "not_found of a path", names_field=True),
    Ours("another method", "method_not_allowed"),
    Ours("a body that is not JSON", "invalid_request"),
    Ours("a field that is wrong", "invalid_request", names_field=True),
    Ours("a field that the provider's dialect cannot say", "unsupported of a field", names_field=True, record="failed"),
    Ours("a body over `limits.body`", "too_large"),
    Ours("more tokens than `tpm` ever holds", "too_large"),
    Ours("`rpm` reached", LIMIT, retry_after=True),
    Ours("`tpm` reached", LIMIT, retry_after=True),
    Ours("`concurrency` reached", LIMIT, retry_after=True),
    Ours("a day's, week's or month's limit reached", "quota_exceeded", retry_after=True),
    Ours("a target that is full, and no other", LIMIT, retry_after=True, record="failed"),
    Ours("a bulkhead without room, and no other target", "overloaded", retry_after=True, record="failed"),
    Ours("an open breaker, and no other target", "circuit_open", retry_after=True, record="failed"),
    Ours("the gateway drains", "shutting_down", retry_after=True),
]


@dataclass(frozen=True)
class Ending:
    """Who leaves, and when: what the client sees, and the outcome that is recorded."""

    fault: str
    client: str
    record: str


ENDINGS = [
    Ending("the client leaves before the first content", "-", "cancelled"),
    Ending("the client leaves within a stream", "-", "cancelled"),
    Ending("SIGTERM, and a stream that ends within `drain`", "the whole stream", "complete"),
    Ending("SIGTERM, and no content within `drain`", "503, `shutting_down`", "failed"),
    Ending("SIGTERM, and a stream that goes on after `drain`", "an error as its last event, `shutting_down`", "partial"),
]
