"""The events of a body, found in its bytes as they come; pure.

https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
"""

import re
from typing import Final, Protocol

from pydantic_core import from_json

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_DATA: Final = b"data"
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
_LONGEST_FIRST_LINE: Final = 65_536
END: Final = b"[DONE]"


class Parser(Protocol):
    """Finds the events of one body; an event is the text of one JSON value, or `[DONE]`."""

    def feed(self, data: bytes) -> list[bytes]:
        """Take what came, and return the events that it completes."""

    def end(self) -> list[bytes]:
        """Return what the end of the body completes."""


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
        self._first = _stripped(self._first + data)
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
        if _BYTE_ORDER_MARK.startswith(first):
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
        if not has_ended and len(first) < _LONGEST_FIRST_LINE:
            return None
        return PerhapsOneLine() if has_ended and _is_json(line) else WholeBody()


def _stripped(data: bytes) -> bytes:
    """Take off what may stand before the first letter of a body."""
    return data.lstrip().removeprefix(_BYTE_ORDER_MARK).lstrip()


def _is_json(line: bytes) -> bool:
    try:
        from_json(line)
    except ValueError:
        return False
    return True


class _Lines:
    """Cuts bytes at line feeds, and copies a long line once, however many pieces it came in."""

    def __init__(self) -> None:
        self._begun: list[bytes] = []

    def feed(self, data: bytes) -> list[bytes]:
        first, *rest = data.split(b"\n")
        if not rest:
            self._begun.append(data)
            return []
        lines = [b"".join([*self._begun, first]), *rest]
        self._begun = [lines.pop()]
        return lines

    def end(self) -> bytes:
        return b"".join(self._begun)


class ServerSentEvents:
    """The data of the events of an event stream; the last one may lack its empty line."""

    def __init__(self) -> None:
        self._lines = _Lines()
        self._data: list[bytes] = []
        self._is_first_line = True
        self._has_ended_in_return = False

    def feed(self, data: bytes) -> list[bytes]:
        events = []
        for line in self._lines.feed(self._with_line_feeds(data)):
            if line:
                self._take(line)
            elif self._data:
                events.append(b"\n".join(self._data))
                self._data.clear()
        return events

    def end(self) -> list[bytes]:
        if line := self._lines.end():
            self._take(line)
        return [b"\n".join(self._data)] if self._data else []

    def _with_line_feeds(self, data: bytes) -> bytes:
        """End each line with a line feed alone; CR and LF may come in pieces of their own."""
        if self._has_ended_in_return and data:
            data = data.removeprefix(b"\n")
            self._has_ended_in_return = False
        if b"\r" not in data:
            return data
        self._has_ended_in_return = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _take(self, line: bytes) -> None:
        if self._is_first_line:
            self._is_first_line = False
            line = line.removeprefix(_BYTE_ORDER_MARK)
        name, _, value = line.partition(b":")
        if name == _DATA:
            self._data.append(value.removeprefix(b" "))


class PerhapsEvents(ServerSentEvents):
    """An event stream that begins oddly; one without any data was a text, and is returned."""

    def __init__(self) -> None:
        super().__init__()
        self._first = b""
        self._has_data = False

    def feed(self, data: bytes) -> list[bytes]:
        events = super().feed(data)
        self._has_data = self._has_data or bool(events)
        if not self._has_data and len(self._first) < _LONGEST_FIRST_LINE:
            self._first += data
        return events

    def end(self) -> list[bytes]:
        last = super().end()
        return last if last or self._has_data else [self._first]


class JsonLines:
    """The lines that hold something; only a line feed ends one."""

    def __init__(self) -> None:
        self._lines = _Lines()

    def feed(self, data: bytes) -> list[bytes]:
        return [line for line in self._lines.feed(data) if line.strip()]

    def end(self) -> list[bytes]:
        last = self._lines.end()
        return [last] if last.strip() else []


class PerhapsOneLine(JsonLines):
    """Lines of which the first is whole JSON: it may be all, and is its own end then."""

    def __init__(self) -> None:
        super().__init__()
        self._count = 0

    def feed(self, data: bytes) -> list[bytes]:
        events = super().feed(data)
        self._count += len(events)
        return events

    def end(self) -> list[bytes]:
        last = super().end()
        return last if self._count + len(last) > 1 else [*last, END]


class WholeBody:
    """The body as one event, which is its own end; nothing in it is none."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def feed(self, data: bytes) -> list[bytes]:
        self._pieces.append(data)
        return []

    def end(self) -> list[bytes]:
        body = b"".join(self._pieces)
        return [body, END] if _stripped(body) else [END]
