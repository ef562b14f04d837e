"""A record to publish, and what became of it."""

from dataclasses import dataclass
from typing import TypeAlias

from schemas.messages import Headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record to be published."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers


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
