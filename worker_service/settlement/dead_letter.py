"""Write dead letters, and those of requests that settled without all their entities.

The table is the outbox of the dead-letter topic: one statement writes the dead letter and the row
that the relay publishes. The dead letter of a request is written in the settling transaction and is
unique by (request, round). A repeated write changes nothing.
"""

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from schemas.dead_letters import Header, Reason
from schemas.states import Priority
from shared.kafka.records import Record
from shared.outbox import split_headers
from shared.postgres.database import Connection
from shared.requests.dispatch import dispatch_record, timed
from shared.sql import Executor, sql
from worker_service.kafka_names import KafkaNames
from worker_service.settlement.dead_letter_record import published_record
from worker_service.text import postgres_safe

INSERT = sql("""
-- On a conflict there is no row, so that nothing is published a second time either.
WITH dead_letter AS (
    INSERT INTO dead_letters
        (id, reason, error_code, error_message, generation_request_id, round, failed_ordinals,
         attempts, delivery_count, replay_count, first_failed_at,
         topic, kafka_partition, kafka_offset, content_digest, consumer_group,
         record_key, record_value, header_names, header_values)
    VALUES (:id, :reason, :error_code, :error_message, :request_id, :round, :failed_ordinals,
            :attempts, :delivery_count, :replay_count,
            coalesce(:first_failed_at, clock_timestamp()),
            :topic, :partition, :offset, :digest, :consumer_group,
            :kept_key, :kept_value, :kept_names, :kept_values)
        ON CONFLICT DO NOTHING
    RETURNING first_failed_at
)
-- The last header is a time of the database, so this statement adds its value.
INSERT INTO outbox
    (topic, record_key, record_value, header_names, header_values, claimed_until)
SELECT :sent_topic, :sent_key, :sent_value, :sent_names::text[],
       :sent_values::bytea[] || convert_to(
           to_char(first_failed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'UTF8'),
       clock_timestamp()
  FROM dead_letter
RETURNING id""")

FAILED = sql("""
SELECT array_agg(ordinal ORDER BY ordinal) AS ordinals,
       array_agg(DISTINCT error_code) AS codes,
       sum(attempts)::int AS attempts,
       min(recorded_at) AS first_failed_at,
       (SELECT coalesce(max(replay_count), 0) FROM dead_letters
         WHERE generation_request_id = :request_id) AS replay_count
  FROM generation_items WHERE generation_request_id = :request_id AND status = 'failed'""")

_DECISIVE = (
    Reason.CRASH_LOOP,
    Reason.DEADLINE_EXCEEDED,
    Reason.PROVIDER_UNAVAILABLE,
    Reason.UNKNOWN_ENTITY_TYPE,
    Reason.UNKNOWN_PROVIDER,
    Reason.UNEXPECTED,
)
"""Codes that decide about the reason if any item failed with them, the first one first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
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


_COLUMNS = tuple(field.name for field in fields(DeadLetter) if field.name != "record")


async def dead_letter_request(
    connection: Connection, request: asyncpg.Record, *, kafka_names: KafkaNames
) -> Reason:
    """Write the dead letter of a request that has just settled as partial or failed.

    Runs in the settling transaction. The record is a new dispatch message of the request.
    """
    failed = await FAILED.fetchrow(connection, request_id=request["id"])
    assert failed is not None, "an aggregate returns its row"  # noqa: S101
    topic = kafka_names.topics.requests[Priority(request["priority"])]
    record = dispatch_record(request["id"], topic=topic, traceparent=request["traceparent"])
    dead_letter = DeadLetter(
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
        record=timed(record, request["completed_at"]),
    )
    await write(connection, dead_letter, kafka_names=kafka_names)
    return dead_letter.reason


def reason_of(codes: Collection[str]) -> Reason:
    """Return why a request has a dead letter whose failed items have these codes."""
    return next((reason for reason in _DECISIVE if reason in codes), Reason.ITEMS_FAILED)


async def write(on: Executor, dead_letter: DeadLetter, *, kafka_names: KafkaNames) -> bool:
    """Write a dead letter and its outbox row; False when they were written before."""
    dead_letter_id = uuid7()
    kept = dead_letter.record
    names, values = split_headers(kept) if kept else (None, None)
    sent = published_record(
        dead_letter.record,
        topic=kafka_names.topics.dead_letters,
        headers=_headers(dead_letter_id, dead_letter, group_id=kafka_names.group_id),
    )
    sent_names, sent_values = split_headers(sent)
    row = await INSERT.fetchrow(
        on,
        **{name: getattr(dead_letter, name) for name in _COLUMNS},
        id=dead_letter_id,
        consumer_group=kafka_names.group_id,
        kept_key=kept.key if kept else None,
        kept_value=kept.value if kept else None,
        kept_names=names,
        kept_values=values,
        sent_topic=sent.topic,
        sent_key=sent.key,
        sent_value=sent.value,
        sent_names=[*sent_names, Header.FIRST_FAILED_AT],
        sent_values=sent_values,
    )
    return row is not None


def _headers(
    dead_letter_id: UUID, dead_letter: DeadLetter, *, group_id: str
) -> dict[Header, object]:
    return {
        Header.TOPIC: dead_letter.topic,
        Header.PARTITION: dead_letter.partition,
        Header.OFFSET: dead_letter.offset,
        Header.GROUP: group_id,
        Header.MESSAGE: dead_letter.error_message,
        Header.DELIVERY_COUNT: dead_letter.delivery_count,
        Header.ID: dead_letter_id,
        Header.REASON: dead_letter.reason,
        Header.ATTEMPTS: dead_letter.attempts,
        Header.REPLAY_COUNT: dead_letter.replay_count,
    }
