"""A record to publish, and what became of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from schemas.messages import Headers
from shared.runtime.trace_context import is_traceparent, trace_id_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record to be published."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers

    @property
    def trace_id(self) -> str | None:
        """The trace that its headers name."""
        return trace_id_in(self.headers)


def trace_id_in(headers: Iterable[tuple[str, bytes | None]]) -> str | None:
    """Find the trace that the headers of a record name, if one of them does so in due form."""
    traceparent = traceparent_in(headers)
    return trace_id_of(traceparent) if traceparent is not None else None


def traceparent_in(headers: Iterable[tuple[str, bytes | None]]) -> str | None:
    """Find the trace context in the headers of a record, if there is one in due form."""
    given = next((value for name, value in headers if name == "traceparent"), None)
    traceparent = (given or b"").decode("latin-1")
    return traceparent if is_traceparent(traceparent) else None


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The broker has the record."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The broker does not take this record, and would not another time."""

    reason: str


@dataclass(frozen=True, slots=True)
class TopicMissing:
    """The broker has no such topic yet: no fault of the record."""

    topic: str


@dataclass(frozen=True, slots=True)
class Denied:
    """The client's user may not write to the topic yet: no fault of the record."""

    topic: str


@dataclass(frozen=True, slots=True)
class NotDelivered:
    """No answer in time, or a passing failure: the record may be published or not."""


DeliveryResult: TypeAlias = Acknowledged | Refused | TopicMissing | Denied | NotDelivered
