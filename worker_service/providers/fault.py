"""An error as a provider sends it, read whatever its shape is; pure.

OpenAI's and most others' `{"error": {…}}`, Google's list of such, FastAPI's `{"detail": …}`, flat
`{"message", "type", "code"}`, `{"errors": […]}`, RFC 9457's problems, text and HTML.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

from worker_service.providers.fault_signs import ERRORS, is_exception
from worker_service.providers.page import LONGEST_READ, plain_text
from worker_service.providers.retry_after import retry_after, seconds_of, wait_in_words

_DEEPEST: Final = 8
_MOST_MESSAGES: Final = 8
_LONGEST_MESSAGE: Final = 600
"""So much of a message is looked through for secrets before it is cut to what is kept."""

_MOST_MEMBERS: Final = 64
_MOST_VALUES: Final = 2_000
"""The bounds of what is read of an error, which can be as large as an answer."""

_MOST_WORDS: Final = 32
_LONGEST_WORD: Final = 100
UNKNOWN_STATUS: Final = 0
"""Of an error inside an answer of status 200 that has no number."""

_MESSAGES: Final = frozenset(
    {"error", "errors", "err", "detail", "details", "message", "msg", "metadata", "raw"}
    | {"error_message", "errormessage", "error_msg", "error_description", "description", "title"}
    | {"status_msg", "fault", "faultstring", "base_resp", "innererror", "cause", "causes"}
)
_CODES: Final = frozenset(
    {"code", "type", "status", "reason", "param", "loc", "error_code", "errorcode", "err_code"}
    | {"error_type", "errortype", "status_code", "statuscode", "http_code", "http_status", "errno"}
    | {"originalstatuscode", "__type"}
)
_WAITS: Final[Mapping[str, float]] = {
    "retrydelay": 1.0,
    "retry_delay": 1.0,
    "retry_after": 1.0,
    "retryafter": 1.0,
    "retry_after_seconds": 1.0,
    "retry_in": 1.0,
    "retry_in_seconds": 1.0,
    "wait_seconds": 1.0,
    "retry_after_ms": 0.001,
}
_FLAGS: Final = frozenset({"failed_generation", "reasons"})
_STATUS: Final = re.compile(r"([45]\d\d)(?:\.0|(?: [a-z].*))?", re.IGNORECASE)
_NUMBERED: Final = re.compile(
    r"\b(?:error|status|http)(?:[ _-]?code)?[ :=]*\(?([45]\d\d)\b", re.IGNORECASE
)
_TITLED: Final = re.compile(
    r"(?:^|[|:] )([45]\d\d):? (?:bad|gateway|service|internal|too many|unauthorized|forbidden|not"
    r"|payment|request|server|web|origin|connection|unknown|ssl|a timeout)\b",
    re.IGNORECASE,
)
"""The number in the title of a page, such as `502 Bad Gateway`."""

_NUMBERS: Final[Mapping[str, int]] = {
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "rate_limited": 429,
    "too_many_requests": 429,
    "resource_exhausted": 429,
    "insufficient_quota": 429,
    "invalid_api_key": 401,
    "authentication_error": 401,
    "auth_error": 401,
    "unauthenticated": 401,
    "unauthorized": 401,
    "permission_error": 403,
    "permission_denied": 403,
    "billing_error": 402,
    "model_not_found": 404,
    "not_found_error": 404,
    "not_found": 404,
    "deadline_exceeded": 504,
    "timeout_error": 504,
    "overloaded_error": 529,
    "unavailable": 503,
    "content_filter": 400,
    "content_policy_violation": 400,
    "context_length_exceeded": 400,
    "invalid_request_error": 400,
    "invalid_argument": 400,
    "failed_precondition": 400,
    "badrequesterror": 400,
    "request_too_large": 413,
}
"""Statuses that words stand for, those of gRPC among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What went wrong: an HTTP status or the number in its place, and what was said.

    `words` are codes, types and names of parameters, in lower case; `wait` is in seconds. `shown`
    is the message without secrets: what is kept. The message itself is classified, and no more.
    """

    status: int
    message: str = field(default="", repr=False)
    shown: str = ""
    words: frozenset[str] = frozenset()
    wait: float | None = None


@dataclass(slots=True)
class _Found:
    redact: Callable[[str], str]
    messages: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    values: int = 0

    def say(self, message: str) -> None:
        """Keep a message; what is shown of it loses its secrets before it is cut."""
        self.messages.append(message[:_LONGEST_MESSAGE])
        self.shown.append(self.redact(message[:LONGEST_READ])[:_LONGEST_MESSAGE])

    def has_room(self, depth: int) -> bool:
        """Whether another value is read."""
        self.values += 1
        is_small = depth <= _DEEPEST and self.values <= _MOST_VALUES
        return is_small and len(self.messages) < _MOST_MESSAGES


def fault_of(status: int, body: object, *, redact: Callable[[str], str]) -> Fault:
    """Read an error; one inside an answer of status 200 has its number in its code or words."""
    found = _Found(redact)
    _read(body, found, depth=0)
    if not found.messages:
        found.values = 0
        _read_unknown(body, found, depth=0)
    message = "; ".join(dict.fromkeys(found.messages))
    return Fault(
        status=status if status >= 300 else _number(found, message),  # noqa: PLR2004 - no success
        message=message,
        shown="; ".join(dict.fromkeys(found.shown)),
        words=frozenset(found.words),
        wait=max(found.waits, default=None) or wait_in_words(message),
    )


def _number(found: _Found, message: str) -> int:
    said = (int(number) for each in (_NUMBERED, _TITLED) for number in each.findall(message))
    meant = (_NUMBERS[word] for word in found.words if word in _NUMBERS)
    numbers = (number for number in found.numbers if number in ERRORS)
    return next((number for each in (numbers, meant, said) for number in each), UNKNOWN_STATUS)


def _read(value: object, found: _Found, *, depth: int) -> None:
    if not found.has_room(depth):
        return
    if isinstance(value, str):
        _read_text(value, found, depth=depth)
    elif isinstance(value, list):
        for each in value[:_MOST_MEMBERS]:
            _read(each, found, depth=depth + 1)
    elif isinstance(value, Mapping):
        _read_object(value, found, depth=depth)


def _read_object(error: Mapping[str, Any], found: _Found, *, depth: int) -> None:
    """Read the codes first: those of an outer error go before those of the error inside it."""
    first = islice(error.items(), _MOST_MEMBERS)
    members = [(name.lower().replace("-", "_"), value) for name, value in first]
    for name, value in sorted(members, key=lambda member: member[0] not in _CODES):
        _read_member(name, value, found, depth=depth)


def _read_member(name: str, value: object, found: _Found, *, depth: int) -> None:
    if name in _WAITS:
        found.waits.extend(seconds * _WAITS[name] for seconds in seconds_of(value))
    elif name in _FLAGS and value:
        found.words.append(name)
    elif name in _CODES and not isinstance(value, Mapping):
        _read_code(value, found, place=name)
    elif is_exception(name) and isinstance(value, Mapping):
        found.words.append(name)
        _read(value, found, depth=depth + 1)
    elif name == "headers" and isinstance(value, Mapping):
        _read_headers(value, found)
    elif name in _MESSAGES:
        _read(value, found, depth=depth + 1)


def _read_headers(headers: Mapping[str, Any], found: _Found) -> None:
    """Read the wait that a router passes on among the headers of the server behind it."""
    lowered = {name.lower(): str(value) for name, value in islice(headers.items(), _MOST_MEMBERS)}
    if wait := retry_after(lowered, now=datetime.now(UTC)):
        found.waits.append(wait)


def _read_code(value: object, found: _Found, *, place: str) -> None:
    """Keep a code, the number that it may be, and the place of a fault, which is worth showing."""
    codes = value[:_MOST_MEMBERS] if isinstance(value, list) else [value]
    numbers = (_STATUS.fullmatch(str(code)) for code in codes)
    found.numbers.extend(int(number[1]) for number in numbers if number)
    words = [code.rpartition("#")[2] for code in codes if isinstance(code, str) and code]
    room = _MOST_WORDS - len(found.words)
    found.words.extend(word[:_LONGEST_WORD].lower() for word in words[: max(0, room)])
    if place == "loc" or any(" " in word for word in words):
        found.say(".".join(words))


def _read_unknown(value: object, found: _Found, *, depth: int) -> None:
    """Take every text of an error in which no member has a known name."""
    if not found.has_room(depth):
        return
    if isinstance(value, Mapping):
        for name, inner in islice(value.items(), _MOST_MEMBERS):
            if isinstance(inner, str) and inner:
                found.say(f"{name}: {inner}")
            else:
                _read(inner, found, depth=depth + 1)
                _read_unknown(inner, found, depth=depth + 1)
    elif isinstance(value, list):
        for each in value[:_MOST_MEMBERS]:
            _read_unknown(each, found, depth=depth + 1)


def _read_text(text: str, found: _Found, *, depth: int) -> None:
    """Take a text as a message, unless it is JSON, such as the raw error behind a router's."""
    text = text.strip()
    if text.startswith(("{", "[")):
        try:
            inner = json.loads(text)
        except (ValueError, RecursionError):
            pass
        else:
            _read(inner, found, depth=depth + 1)
            return
    if said := plain_text(text):
        found.say(said)
