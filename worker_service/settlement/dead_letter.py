"""Write dead letters: of requests that settled without all their entities, of poison records.

The table is the outbox of the topic of letters: one statement writes the letter and the row that
the relay publishes. A letter about a request is written in the settling transaction and is unique
by (request, round); one about a record before its offset is committed, unique by its coordinates
and content. Whatever comes again changes nothing.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from schemas.dead_letters import Header, Reason
from schemas.messages import Headers
from schemas.states import Priority
from shared.kafka.publisher import Record
from shared.kafka.topics import LETTER_MESSAGE_BYTES
from shared.outbox import split_headers
from shared.postgres.database import Connection, Database
from shared.requests.dispatch import dispatch_record
from shared.runtime.logging import get_log
from worker_service.kafka_names import KafkaNames
from worker_service.text import postgres_safe

log = get_log()

INSERT = """
WITH letter AS (
    INSERT INTO dead_letters
        (id, reason, error_code, error_message, generation_request_id, round, failed_ordinals,
         attempts, delivery_count, replay_count, first_failed_at,
         topic, kafka_partition, kafka_offset, content_digest, consumer_group,
         record_key, record_value, header_names, header_values)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, coalesce($11, clock_timestamp()),
            $12, $13, $14, $15, $16, $17, $18, $19, $20)
        ON CONFLICT DO NOTHING
    RETURNING first_failed_at
)
INSERT INTO outbox
    (topic, record_key, record_value, header_names, header_values, claimed_until)
SELECT $21, $22, $23, $24::text[],
       $25::bytea[] || convert_to(
           to_char(first_failed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'UTF8'),
       clock_timestamp()
  FROM letter
RETURNING id"""

FAILED = """
SELECT array_agg(ordinal ORDER BY ordinal) AS ordinals,
       array_agg(DISTINCT error_code) AS codes,
       sum(attempts)::int AS attempts,
       min(recorded_at) AS first_failed_at,
       (SELECT coalesce(max(replay_count), 0) FROM dead_letters
         WHERE generation_request_id = $1) AS replay_count
  FROM generation_items WHERE generation_request_id = $1 AND status = 'failed'"""

_DECISIVE = (
    Reason.CRASH_LOOP,
    Reason.DEADLINE_EXCEEDED,
    Reason.PROVIDER_UNAVAILABLE,
    Reason.UNKNOWN_ENTITY_TYPE,
    Reason.UNEXPECTED,
)
"""Codes that decide about the reason if any item failed with them, the first one first."""

LARGEST_KEPT_BYTES = 16 * 1_048_576
"""A small compressed batch may hold a record of any size; more than this is not kept."""

_HEADER_BYTES = 16
_SPARE_BYTES = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Poison:
    """A record that can never be handled; `headers` is None where the record could not be read."""

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
        """The bytes of key, value and headers, names and all."""
        return len(self.key or b"") + len(self.value or b"") + _size_of(self.headers or ())

    @property
    def digest(self) -> bytes:
        """The SHA-256 of key and value, NULL and empty kept apart."""
        parts = (
            b"-" if part is None else b"+%d:%b" % (len(part), part)
            for part in (self.key, self.value)
        )
        return hashlib.sha256(b"".join(parts)).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Letter:
    """A row of the table; `record` is None where it could not be kept."""

    reason: Reason
    error_message: str
    topic: str
    record: Record | None
    partition: int | None = None
    offset: int | None = None
    digest: bytes | None = None
    error_code: str | None = None
    request_id: UUID | None = None
    round: int | None = None
    failed_ordinals: list[int] | None = None
    attempts: int = 0
    delivery_count: int = 1
    replay_count: int = 0
    first_failed_at: datetime | None = None


async def dead_letter_record(
    database: Database, poison: Poison, *, kafka_names: KafkaNames
) -> None:
    """Write the letter of a record; the same record again changes nothing.

    A record whose headers PostgreSQL cannot keep is set aside by its coordinates alone, and so
    is one that takes a compressed batch to be as large as it is.

    Raises:
        DatabaseUnavailable: the record must be tried again, never skipped.
    """
    if poison.size > LARGEST_KEPT_BYTES:
        written = await _write(
            database, _by_coordinates(poison, "too many bytes to keep"), kafka_names
        )
    else:
        written = await _write_whole(database, poison, kafka_names)
    if written:
        log.warning(
            "message_dead_lettered",
            topic=poison.topic,
            partition=poison.partition,
            offset=poison.offset,
            reason=poison.reason,
        )


async def _write_whole(database: Database, poison: Poison, kafka_names: KafkaNames) -> bool:
    try:
        return await _write(database, _about(poison), kafka_names)
    except (asyncpg.DataError, ValueError) as error:
        why = f"{type(error).__name__}: its bytes could not be kept"
        return await _write(database, _by_coordinates(poison, why), kafka_names)


def _by_coordinates(poison: Poison, why: str) -> _Letter:
    message = postgres_safe(f"{poison.error} ({why})")
    return replace(_about(poison), record=None, error_message=message)


def _about(poison: Poison) -> _Letter:
    return _Letter(
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


async def dead_letter_request(
    connection: Connection, request: asyncpg.Record, *, kafka_names: KafkaNames
) -> Reason:
    """Write the letter of a request that has just settled as partial or failed.

    Runs in the settling transaction. The record is a new dispatch message of the request.
    """
    failed = await connection.fetchrow(FAILED, request["id"])
    assert failed is not None, "an aggregate returns its row"  # noqa: S101
    topic = kafka_names.topics.requests[Priority(request["priority"])]
    letter = _Letter(
        reason=reason_of(failed["codes"]),
        error_code=request["error_code"],
        error_message=postgres_safe(request["error_message"] or request["error_code"]),
        request_id=request["id"],
        round=request["round"],
        failed_ordinals=failed["ordinals"],
        attempts=failed["attempts"],
        delivery_count=request["epoch"],
        replay_count=failed["replay_count"],
        first_failed_at=failed["first_failed_at"],
        topic=topic,
        record=dispatch_record(request["id"], topic=topic, traceparent=request["traceparent"]),
    )
    await _write(connection, letter, kafka_names)
    return letter.reason


def reason_of(codes: Collection[str]) -> Reason:
    """Return why a request has a letter whose failed items have these codes."""
    return next((reason for reason in _DECISIVE if reason in codes), Reason.ITEMS_FAILED)


async def _write(place: "Database | Connection", letter: _Letter, kafka_names: KafkaNames) -> bool:
    """Write the letter and its outbox row; tell whether they are new."""
    letter_id = uuid7()
    kept = letter.record
    names, values = split_headers(kept) if kept else (None, None)
    sent = _published(letter_id, letter, kafka_names)
    sent_names, sent_values = split_headers(sent)
    row = await place.fetchrow(
        INSERT,
        letter_id,
        letter.reason,
        letter.error_code,
        letter.error_message,
        letter.request_id,
        letter.round,
        letter.failed_ordinals,
        letter.attempts,
        letter.delivery_count,
        letter.replay_count,
        letter.first_failed_at,
        letter.topic,
        letter.partition,
        letter.offset,
        letter.digest,
        kafka_names.group_id,
        kept.key if kept else None,
        kept.value if kept else None,
        names,
        values,
        sent.topic,
        sent.key,
        sent.value,
        [*sent_names, Header.FIRST_FAILED_AT],
        sent_values,
    )
    return row is not None


def _published(letter_id: UUID, letter: _Letter, kafka_names: KafkaNames) -> Record:
    """Return the record of the topic of letters, but for the time that the statement adds.

    What is too large even for that topic (it was compressed) goes without its content.
    """
    ours = _our_headers(letter_id, letter, kafka_names)
    kept = letter.record
    if kept is None or _size(kept) > LETTER_MESSAGE_BYTES - _size_of(ours) - _SPARE_BYTES:
        return Record(topic=kafka_names.topics.dead_letters, key=None, value=None, headers=ours)
    theirs = [(name, value) for name, value in kept.headers if name not in set(Header)]
    return Record(
        topic=kafka_names.topics.dead_letters,
        key=kept.key,
        value=kept.value,
        headers=[*theirs, *ours],
    )


def _our_headers(letter_id: UUID, letter: _Letter, kafka_names: KafkaNames) -> Headers:
    known: dict[Header, object] = {
        Header.TOPIC: letter.topic,
        Header.PARTITION: letter.partition,
        Header.OFFSET: letter.offset,
        Header.GROUP: kafka_names.group_id,
        Header.MESSAGE: letter.error_message,
        Header.DELIVERY_COUNT: letter.delivery_count,
        Header.ID: letter_id,
        Header.REASON: letter.reason,
        Header.ATTEMPTS: letter.attempts,
        Header.REPLAY_COUNT: letter.replay_count,
    }
    return [(name, str(value).encode()) for name, value in known.items() if value is not None]


def _size(record: Record) -> int:
    return len(record.key or b"") + len(record.value or b"") + _size_of(record.headers)


def _size_of(headers: Sequence[tuple[str, bytes | None]]) -> int:
    return sum(len(name.encode()) + len(value or b"") + _HEADER_BYTES for name, value in headers)
