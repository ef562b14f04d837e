"""The W3C trace context of a request: the caller's, else a new one."""

import re
import secrets

_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)


def traceparent(given: str | None) -> str:
    """Return the caller's `traceparent` if it is well formed, else start a trace.

    https://www.w3.org/TR/trace-context/#traceparent-header
    """
    if given is not None and _TRACEPARENT.fullmatch(given):
        return given
    made = secrets.token_hex(24)
    return f"00-{made[:32]}-{made[32:]}-01"
