"""The record of the dead-letter topic: the original bytes, and headers that say what happened."""

from collections.abc import Mapping, Sequence

from schemas.dead_letters import Header
from shared.kafka.records import Record
from shared.kafka.topics import DEAD_LETTER_MESSAGE_BYTES

_HEADER_BYTES = 16
_SPARE_BYTES = 1024


def published_record(
    kept: Record | None, *, topic: str, headers: Mapping[Header, object]
) -> Record:
    """Build the record to publish, except for the time that the statement adds.

    Our headers replace those of an earlier dead letter. A record that only fits a topic compressed
    goes without its content.
    """
    ours = [(name, str(value).encode()) for name, value in headers.items() if value is not None]
    if kept is None or _size(kept) > DEAD_LETTER_MESSAGE_BYTES - size_of(ours) - _SPARE_BYTES:
        return Record(topic=topic, key=None, value=None, headers=[*ours])
    theirs = [(name, value) for name, value in kept.headers if name not in set(Header)]
    return Record(topic=topic, key=kept.key, value=kept.value, headers=[*theirs, *ours])


def _size(record: Record) -> int:
    return len(record.key or b"") + len(record.value or b"") + size_of(record.headers)


def size_of(headers: Sequence[tuple[str, bytes | None]]) -> int:
    """Estimate the bytes of headers, names and framing included."""
    return sum(len(name.encode()) + len(value or b"") + _HEADER_BYTES for name, value in headers)
