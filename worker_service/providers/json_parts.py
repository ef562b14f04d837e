"""The parts of an answer in the JSON of an event, however loosely it was written; pure."""

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from pydantic_core import from_json

from worker_service.providers.dialect import Unreadable
from worker_service.providers.event_parsers import END
from worker_service.providers.page import LONGEST_READ, plain_text
from worker_service.providers.pieces import Json

_MOST_DIGITS: Final = 40
_ENDS: Final = frozenset({END.decode(), "DONE"})
_LONGEST_END: Final = 16
_MOST_PARTS: Final = 50_000
_AROUND: Final = " \t\r\n\x1e"
"""What stands between JSON values, RFC 7464's separator among it."""

_BETWEEN: Final = re.compile(f"[{_AROUND}]*")


def parts_of(event: bytes) -> Sequence[Json | None]:
    """Read an event: one part, or a list of them; None is an explicit end.

    Raises:
        Unreadable: it is something else; what it says is in the message.
    """
    try:
        value = from_json(event)
    except ValueError:
        return _lenient_parts(event.decode("utf-8-sig", errors="replace").strip(_AROUND))
    if isinstance(value, dict):
        return (value,)
    if isinstance(value, str) and _is_end(value):
        return (None,)
    parts = [each for each in _listed(value) if isinstance(each, dict)]
    if not parts:
        shown = event[:LONGEST_READ].decode(errors="replace")
        raise Unreadable(f"a part of it is not an object: {shown}")
    return parts


def _lenient_parts(text: str) -> Sequence[Json | None]:
    """Read what the fast parser refuses: lone surrogates, odd bytes, depth, several objects.

    Objects come one after the other where an event stream lacks the empty lines between them.
    """
    parts: list[Json | None] = []
    at = 0
    with suppress(ValueError, RecursionError):
        for _ in range(_MOST_PARTS):
            value, at = _DECODER.raw_decode(text, at)
            at = _after_space(text, at)
            parts += [each for each in _listed(value) if isinstance(each, dict)]
    if _is_end(text[at : at + _LONGEST_END]):
        parts.append(None)
    if not parts:
        raise Unreadable(f"a part of it is not JSON: {plain_text(text)}")
    return parts


def _after_space(text: str, at: int) -> int:
    space = _BETWEEN.match(text, at)
    return space.end() if space else at


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _is_end(text: str) -> bool:
    return text.strip().upper() in _ENDS


def _int(digits: str) -> int | None:
    """Read an integer; one of thousands of digits, which Python refuses, is none."""
    return int(digits) if len(digits) <= _MOST_DIGITS else None


_DECODER: Final = json.JSONDecoder(parse_int=_int)
