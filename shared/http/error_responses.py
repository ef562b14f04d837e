"""What a connection says last, where no request reaches the application; each a problem."""

import json
from collections.abc import Mapping
from http import HTTPStatus

MAX_HEAD_BYTES = 65_536
REQUEST_SECONDS = 20.0
"""A request is whole so long after its first byte, or is refused."""

DRAIN_SECONDS = 3.0
"""The same for one that is not whole when the server ends; less than its graceful time-out."""


def _refusal(
    status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None
) -> bytes:
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
    return "\r\n".join(lines).encode()


NO_HTTP = _refusal(400, "bad_request", "this is not a request as HTTP/1.1 has it")
LATE = _refusal(
    408, "request_timeout", f"a request must be whole within {REQUEST_SECONDS:g} seconds"
)
HEAD_TOO_LARGE = _refusal(
    431, "head_too_large", f"a target and its headers may have {MAX_HEAD_BYTES:,} bytes"
)
DRAINING = _refusal(
    503, "draining", "the service ends; send it again", headers={"retry-after": "2"}
)
