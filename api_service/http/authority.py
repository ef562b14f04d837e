"""The parts of an address that stand before the routes: what callers can be sent to; pure."""

import re
from typing import Final

_HOST_AND_PORT: Final = re.compile(
    r"([A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?"
)
_PREFIX: Final = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)*")
_URL: Final = re.compile(r"https?://([^/]*)(.*)", re.DOTALL)
_MOST_PORT: Final = 65_535


def is_authority(text: str) -> bool:
    """Whether it is a host with or without a port; names of other letters are in Punycode."""
    found = _HOST_AND_PORT.fullmatch(text)
    return found is not None and int(found[2] or 0) <= _MOST_PORT


def is_prefix(text: str) -> bool:
    """Whether it is a path without a slash at its end, empty, or such as /api/v1.

    Clients take `.` and `..` out of a path (RFC 3986, section 5.2.4), so neither is a segment.
    """
    return _PREFIX.fullmatch(text) is not None


def is_url(text: str) -> bool:
    """Whether it is an address of HTTP with no more than a path."""
    found = _URL.fullmatch(text)
    return found is not None and is_authority(found[1]) and is_prefix(found[2].removesuffix("/"))
