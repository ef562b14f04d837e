"""The events of a body, found in its bytes as they come; pure.

https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
"""

from typing import Final, Protocol

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_DATA: Final = b"data"


class Parser(Protocol):
    """Finds the events of one body; an event is the text of one JSON value, or `[DONE]`."""

    def feed(self, data: bytes) -> list[bytes]:
        """Take what came, and return the events that it completes."""

    def end(self) -> list[bytes]:
        """Return what the end of the body completes."""


def parser_for(content_type: str) -> Parser:
    """Choose by the media type: the form is the answer's own, whatever was asked for."""
    match content_type.partition(";")[0].strip():
        case "text/event-stream":
            return ServerSentEvents()
        case "application/x-ndjson":
            return JsonLines()
        case _:
            return WholeBody()


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
    """The data of the events of an event stream; one that its body cuts off is none."""

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
        return []

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


class JsonLines:
    """The lines that hold something; only a line feed ends one."""

    def __init__(self) -> None:
        self._lines = _Lines()

    def feed(self, data: bytes) -> list[bytes]:
        return [line for line in self._lines.feed(data) if line.strip()]

    def end(self) -> list[bytes]:
        last = self._lines.end()
        return [last] if last.strip() else []


class WholeBody:
    """The body as one event."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def feed(self, data: bytes) -> list[bytes]:
        self._pieces.append(data)
        return []

    def end(self) -> list[bytes]:
        return [b"".join(self._pieces)]
