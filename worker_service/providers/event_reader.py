"""The events of an answer, read into it; most are one more token, which costs little; pure."""

from collections.abc import Iterable
from typing import Final

from pydantic_core import from_json

from worker_service.providers.dialect import Answer, Dialect, Unreadable
from worker_service.providers.json_parts import parts_of

_TEXT_KEYS: Final = (b'"content":', b'"text":')
_MOST_LESSONS: Final = 8


class EventReader:
    """Reads the events of one answer, whatever their dialect."""

    def __init__(self, dialect: Dialect, answer: Answer) -> None:
        self._dialect = dialect
        self._answer = answer
        self._token = _TokenEvent()

    def read(self, events: Iterable[bytes]) -> bool:
        """Add events to the answer, and return whether any of them was a part of it.

        One that cannot be read costs itself alone.

        Raises:
            Faulted: a part says what went wrong.
        """
        has_parts = False
        for event in events:
            if (text := self._token.text_of(event)) is not None:
                self._answer.add(text)
                has_parts = True
            else:
                has_parts |= self._read_whole(event)
        return has_parts

    def _read_whole(self, event: bytes) -> bool:
        try:
            parts = parts_of(event)
        except Unreadable as odd:
            self._answer.skip(str(odd))
            self._answer.has_json |= event.lstrip().startswith((b"{", b"["))
            return False
        self._answer.has_json |= parts[0] is not None  # an end of the parser's own says nothing
        before = self._answer.progress
        for part in parts:
            if part is None:
                self._answer.end()
            else:
                self._dialect.read(part, self._answer)
        self._token.learn(event, self._answer.text_since(before))
        return True


class _TokenEvent:
    """What surrounds the text in an event that adds a text and nothing else.

    The events of an answer differ in their text alone, as a rule: all else was read with the one
    that was learned from, and reading it again would change nothing.
    """

    def __init__(self) -> None:
        self._head = self._tail = b""
        self._lessons = 0

    def text_of(self, event: bytes) -> str | None:
        """Return the text of an event that is like the one learned from; None for any other."""
        head, tail = self._head, self._tail
        if not head or not event.startswith(head) or not event.endswith(tail):
            return None
        try:
            text = from_json(event[len(head) : len(event) - len(tail)])
        except ValueError:
            return None
        if not isinstance(text, str):
            return None
        self._lessons = 0
        return text

    def learn(self, event: bytes, text: str | None) -> None:
        """Learn from an event that has added this text, where it is plain which text in it that is.

        Where no event is like the one before, as with a time in each, that is given up soon.
        """
        if not text or self._lessons == _MOST_LESSONS:
            return
        self._lessons += 1
        quoted = b'"%b"' % text.encode(errors="replace")
        head, _, tail = event.partition(quoted)
        is_plain = bool(tail) and quoted not in tail
        if is_plain and head.rstrip().endswith(_TEXT_KEYS):
            self._head, self._tail = head, tail
