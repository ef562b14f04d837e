"""Dead-letter poison records: those that can never be decoded or handled.

Their dead letter is unique by the coordinates and the content of the record, so a redelivery
changes nothing.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import asyncpg

from schemas.dead_letters import Reason
from shared.kafka.records import Record, trace_id_in
from shared.postgres.database import Database
from shared.runtime.logging import get_log
from worker_service.kafka_names import KafkaNames
from worker_service.settlement.dead_letter import DeadLetter, write
from worker_service.settlement.dead_letter_record import size_of
from worker_service.text import postgres_safe

log = get_log()

LARGEST_KEPT_BYTES = 16 * 1_048_576
"""A small compressed batch may hold a record of any size; more than this is not kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Poison:
    """A poison record; `headers` is None where the record could not be read."""

    topic: str
    partition: int
    offset: int
    reason: Reason
    error: str
    key: bytes | None = None
    value: bytes | None = None
    headers: Sequence[tuple[str, bytes | None]] | None = None

    @property
    def size(self) -> int:
        """The bytes of key, value and headers."""
        return len(self.key or b"") + len(self.value or b"") + size_of(self.headers or ())

    @property
    def digest(self) -> bytes:
        """The SHA-256 of key and value, NULL and empty kept apart."""
        parts = (
            b"-" if part is None else b"+%d:%b" % (len(part), part)
            for part in (self.key, self.value)
        )
        return hashlib.sha256(b"".join(parts)).digest()


async def dead_letter_record(
    database: Database, poison: Poison, *, kafka_names: KafkaNames
) -> None:
    """Write the dead letter of a record.

    Only its coordinates are kept where PostgreSQL cannot keep its headers, or if it is too large.

    Raises:
        DatabaseUnavailable: the record must be tried again, never skipped.
    """
    if poison.size > LARGEST_KEPT_BYTES:
        dead_letter = _by_coordinates(poison, "too many bytes to keep")
        is_new = await write(database, dead_letter, kafka_names=kafka_names)
    else:
        is_new = await _write_whole(database, poison, kafka_names)
    if is_new:
        log.warning(
            "message_dead_lettered",
            topic=poison.topic,
            partition=poison.partition,
            offset=poison.offset,
            reason=poison.reason,
            trace_id=trace_id_in(poison.headers or ()),
        )


async def _write_whole(database: Database, poison: Poison, kafka_names: KafkaNames) -> bool:
    try:
        return await write(database, _whole(poison), kafka_names=kafka_names)
    except (asyncpg.DataError, ValueError) as error:
        dead_letter = _by_coordinates(poison, f"{type(error).__name__}: its bytes cannot be kept")
        return await write(database, dead_letter, kafka_names=kafka_names)


def _by_coordinates(poison: Poison, why: str) -> DeadLetter:
    message = postgres_safe(f"{poison.error} ({why})")
    return replace(_whole(poison), record=None, error_message=message)


def _whole(poison: Poison) -> DeadLetter:
    return DeadLetter(
        reason=poison.reason,
        error_message=postgres_safe(poison.error),
        topic=poison.topic,
        partition=poison.partition,
        offset=poison.offset,
        digest=poison.digest,
        record=None
        if poison.headers is None
        else Record(
            topic=poison.topic, key=poison.key, value=poison.value, headers=[*poison.headers]
        ),
    )
