"""The form of a body, told by its first bytes: an event stream, lines of JSON, or one whole."""

import re
from typing import Final

from pydantic_core import from_json

from worker_service.providers.event_parsers import (
    BYTE_ORDER_MARK,
    LONGEST_FIRST_LINE,
    JsonLines,
    Parser,
    PerhapsEvents,
    PerhapsOneLine,
    ServerSentEvents,
    WholeBody,
    stripped,
)

_FIELDS: Final = (b"data", b"event", b"id", b"retry")
_FIELD: Final = re.compile(rb"(?:data|event|id|retry)(?::|\r|\n)")
_EVENT_TYPE: Final = "text/event-stream"
_LINE_TYPES: Final = frozenset(
    {"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"}
    | {
        "application/json-lines",
        "application/jsonlines",
        "text/x-ndjson",
        "application/x-json-stream",
    }
)


def parser_for(content_type: str) -> Parser:
    """Choose by the body itself: its media type decides only where the body leaves it open.

    The form is the answer's own, whatever was asked for, and headers are often wrong.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    return _Sniffing(lines=media_type in _LINE_TYPES, events=media_type == _EVENT_TYPE)


class _Sniffing:
    """Looks at the first bytes of a body, and hands it to the parser that they show."""

    def __init__(self, *, lines: bool, events: bool) -> None:
        self._has_line_type = lines
        self._has_event_type = events
        self._first = b""
        self._parser: Parser | None = None

    def feed(self, data: bytes) -> list[bytes]:
        if self._parser is not None:
            return self._parser.feed(data)
        self._first = stripped(self._first + data)
        self._parser = self._choice(self._first)
        return self._parser.feed(self._first) if self._parser else []

    def end(self) -> list[bytes]:
        if self._parser is not None:
            return self._parser.end()
        is_whole = self._first.startswith(b"{") or not self._has_event_type
        rest = WholeBody() if is_whole else ServerSentEvents()
        return rest.feed(self._first) + rest.end()

    def _choice(self, first: bytes) -> Parser | None:
        """Choose a parser; None while the first bytes leave it open."""
        if BYTE_ORDER_MARK.startswith(first):
            return None
        if first.startswith(b"{"):
            return self._choice_of_json(first)
        if first.startswith(b":") or _FIELD.match(first):
            return ServerSentEvents()
        if any(field.startswith(first) for field in _FIELDS):
            return None
        return self._choice_by_type(first)

    def _choice_by_type(self, first: bytes) -> Parser:
        """Go by the media type, except for a page, which is sent as any type."""
        if first.startswith(b"<"):
            return WholeBody()
        if self._has_line_type:
            return JsonLines()
        return PerhapsEvents() if self._has_event_type else WholeBody()

    def _choice_of_json(self, first: bytes) -> Parser | None:
        """Tell lines of JSON, of which the first is an object, from one body of several lines."""
        if self._has_line_type:
            return JsonLines()
        line, has_ended, _ = first.partition(b"\n")
        if not has_ended and len(first) < LONGEST_FIRST_LINE:
            return None
        return PerhapsOneLine() if has_ended and _is_json(line) else WholeBody()


def _is_json(line: bytes) -> bool:
    try:
        from_json(line)
    except ValueError:
        return False
    return True
