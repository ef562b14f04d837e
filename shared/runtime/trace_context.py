"""The W3C trace context of a request: the caller's, else a new one."""

import re
import secrets

_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)


def is_traceparent(given: str) -> bool:
    """Whether a header is well formed.

    https://www.w3.org/TR/trace-context/#traceparent-header
    """
    return _TRACEPARENT.fullmatch(given) is not None


def traceparent(given: str | None) -> str:
    """Return the caller's `traceparent` if it is well formed, else start a trace."""
    if given is not None and is_traceparent(given):
        return given
    made = secrets.token_hex(24)
    return f"00-{made[:32]}-{made[32:]}-01"


def trace_id_of(traceparent: str) -> str:
    """Return the trace that a well-formed `traceparent` belongs to."""
    return traceparent[3:35]
