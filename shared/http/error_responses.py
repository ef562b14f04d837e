"""The answers to requests that never reach the application, each a problem."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

MAX_HEAD_BYTES = 65_536
REQUEST_SECONDS = 20.0
"""How long a request may take to arrive."""

DRAIN_SECONDS = 3.0
"""The same for one that is incomplete at a shutdown; less than the graceful time-out."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The answer as it is sent, and what the log says of it."""

    status: int
    code: str
    answer: bytes


def _refusal(
    status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None
) -> Refusal:
    phrase = HTTPStatus(status).phrase
    problem = {
        "type": "about:blank",
        "title": phrase,
        "status": status,
        "detail": detail,
        "code": code,
    }
    body = json.dumps(problem, separators=(",", ":"))
    told = {
        "content-type": "application/problem+json",
        "cache-control": "no-store",
        "content-length": str(len(body)),
        "connection": "close",
        **(headers or {}),
    }
    lines = (f"HTTP/1.1 {status} {phrase}", *(f"{name}: {told[name]}" for name in told), "", body)
    return Refusal(status, code, "\r\n".join(lines).encode())


MALFORMED = _refusal(400, "bad_request", "Malformed HTTP/1.1 request.")
HOST_WRONG = _refusal(
    400,
    "bad_request",
    "An HTTP/1.1 request has exactly one `Host` header, which is a name or an address and perhaps a"
    " port (RFC 9112, section 3.2).",
)
METHOD_UNKNOWN = _refusal(
    501, "not_implemented", "HTTP has no such method; methods are in capital letters."
)
UPGRADE_WITH_BODY = _refusal(
    400, "bad_request", "A request with a body cannot ask for `Upgrade`; send it without."
)
LATE = _refusal(
    408, "request_timeout", f"The request did not arrive within {REQUEST_SECONDS:g} seconds."
)
HEAD_TOO_LARGE = _refusal(
    431, "head_too_large", f"The target and the headers exceed {MAX_HEAD_BYTES:,} bytes."
)
DRAINING = _refusal(
    503, "draining", "The server is shutting down; retry.", headers={"retry-after": "2"}
)
