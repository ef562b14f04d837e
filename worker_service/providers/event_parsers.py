"""The events of a body, found in its bytes as they come, for each form of body; pure.

https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
"""

from typing import Final, Protocol

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
END: Final = b"[DONE]"
LONGEST_FIRST_LINE: Final = 65_536
_DATA: Final = b"data"
_USUAL: Final = b"data: "


class Parser(Protocol):
    """Finds the events of one body; an event is the text of one JSON value, or `[DONE]`."""

    def feed(self, data: bytes) -> list[bytes]:
        """Take what came, and return the events that it completes."""

    def end(self) -> list[bytes]:
        """Return what the end of the body completes."""


def stripped(data: bytes) -> bytes:
    """Take off what may stand before the first letter of a body."""
    return data.lstrip().removeprefix(BYTE_ORDER_MARK).lstrip()


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

    @property
    def has_begun(self) -> bool:
        """Whether a line has begun that has not ended."""
        return any(self._begun)

    def end(self) -> bytes:
        return b"".join(self._begun)


def _usual_events(data: bytes) -> list[bytes]:
    """Cut whole events of one line of data each, as servers send them; none if any differs."""
    *events, rest = data.split(b"\n\n")
    if rest or b"\r" in data or data.count(b"\n") != 2 * len(events):
        return []
    if not all(event.startswith(_USUAL) for event in events):
        return []
    return [event[len(_USUAL) :] for event in events]


class ServerSentEvents:
    """The data of the events of an event stream; the last one may lack its empty line."""

    def __init__(self) -> None:
        self._lines = _Lines()
        self._data: list[bytes] = []
        self._is_first_line = True
        self._has_ended_in_return = False
        self._is_between_events = False

    def feed(self, data: bytes) -> list[bytes]:
        if self._is_between_events and (usual := _usual_events(data)):
            return usual
        events = []
        for line in self._lines.feed(self._with_line_feeds(data)):
            if line:
                self._take(line)
            elif self._data:
                events.append(b"\n".join(self._data))
                self._data.clear()
        has_rest = self._data or self._lines.has_begun or self._has_ended_in_return
        self._is_between_events = not has_rest
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
            line = line.removeprefix(BYTE_ORDER_MARK)
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
        if not self._has_data and len(self._first) < LONGEST_FIRST_LINE:
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
        return [body, END] if stripped(body) else [END]
