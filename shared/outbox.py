"""The outbox and its relay: what was committed is published at least once, and then deleted.

A row is written in the transaction of the change that its record tells of. The process that wrote
it may `offer` it to its relay after the commit; rows left after two seconds are swept by any relay.
A crash makes a duplicate, never a loss. Nothing is published while a transaction is open.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, assert_never
from uuid import UUID

import asyncpg

from shared.kafka.publisher import Publisher
from shared.kafka.records import (
    Acknowledged,
    DeliveryResult,
    Denied,
    NotDelivered,
    Record,
    Refused,
    TopicMissing,
)
from shared.postgres.database import Connection, Database
from shared.runtime.logging import get_log
from shared.runtime.loops import repeat
from shared.sql import Statement, sql

log = get_log()

INSERT = sql("""
-- The headers of all records are one array: PostgreSQL has no arrays of unequal arrays.
INSERT INTO outbox (topic, record_key, record_value, header_names, header_values)
SELECT topic, record_key, record_value,
       (:header_names::text[])[first:last], (:header_values::bytea[])[first:last]
  FROM unnest(:topics::text[], :record_keys::bytea[], :record_values::bytea[],
              :first_headers::int[], :last_headers::int[]) WITH ORDINALITY
       AS record (topic, record_key, record_value, first, last, place)
 ORDER BY place
RETURNING id""")

DELETE_ACKNOWLEDGED = sql("DELETE FROM outbox WHERE id = ANY (:ids::bigint[])")

DELETE_STALE_DISPATCHES = sql("""
-- A claimed or settled request needs no dispatch. A claimed row is left to its relay, which may be
-- publishing it.
DELETE FROM outbox
 USING generation_requests AS request
 WHERE request.id = outbox.dispatch_request_id AND request.status <> 'pending'
   AND outbox.claimed_until < clock_timestamp()""")

CLAIM_LEFTOVERS = sql("""
-- A MATERIALIZED CTE: the LIMIT bounds what is locked, whatever plan joins it to the update.
WITH due AS MATERIALIZED (
    SELECT id FROM outbox
     WHERE claimed_until < clock_timestamp() AND parked_at IS NULL
     ORDER BY id LIMIT :limit
       FOR UPDATE SKIP LOCKED
)
UPDATE outbox SET claimed_until = clock_timestamp() + make_interval(secs => :seconds)
  FROM due
 WHERE outbox.id = due.id
RETURNING outbox.id, topic, record_key, record_value, header_names, header_values""")

LEAVE_TO_ANY_RELAY = sql("""
-- Kafka did not answer: no fault of the row, so neither refusals nor a long wait.
UPDATE outbox SET claimed_until = clock_timestamp() + interval '1 second'
 WHERE id = ANY (:ids::bigint[])""")

BACK_OFF = sql("""
-- A missing topic may be made yet: only a row that the broker itself refused is ever parked.
UPDATE outbox
   SET refusals = refusals + 1,
       claimed_until = clock_timestamp()
                       + make_interval(secs => least(power(2, least(refusals + 1, 10)), 300)),
       parked_at = CASE WHEN refusals + 1 >= :most_refusals AND id = ANY (:refused::bigint[])
                        THEN clock_timestamp() END
 WHERE id = ANY (:ids::bigint[])
RETURNING id, topic, parked_at IS NOT NULL AS parked""")

BATCH_ROWS = 500
_OFFERS = 10_000
_PUBLISH_EVERY_SECONDS = 0.01
"""What is offered during this pause shares a batch; what is offered after it goes at once."""

_SWEEP_EVERY_SECONDS = 1.0
_CLAIM_SECONDS = 15.0
_REFUSALS_BEFORE_PARKING = 20


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A committed row of the outbox."""

    id: int
    record: Record

    @classmethod
    def from_row(cls, row: asyncpg.Record) -> "OutboxRow":
        """Read what CLAIM_LEFTOVERS returns."""
        headers = list(zip(row["header_names"], row["header_values"], strict=True))
        return cls(
            row["id"],
            Record(
                topic=row["topic"],
                key=row["record_key"],
                value=row["record_value"],
                headers=headers,
            ),
        )


async def insert(connection: Connection, records: Sequence[Record]) -> list[OutboxRow]:
    """Write rows in the caller's transaction and return them, in their order."""
    rows = await INSERT.fetch(connection, **columns(records))
    ids = sorted(row["id"] for row in rows)
    return [OutboxRow(row_id, record) for row_id, record in zip(ids, records, strict=True)]


def columns(records: Sequence[Record]) -> dict[str, list[Any]]:
    """Return records as the arrays of a statement.

    The headers of all records stand in one array; `first_headers` and `last_headers` count from 1.
    """
    headers = [header for record in records for header in record.headers]
    last = [*accumulate(len(record.headers) for record in records)]
    return {
        "topics": [record.topic for record in records],
        "record_keys": [record.key for record in records],
        "record_values": [record.value for record in records],
        "header_names": [name for name, _ in headers],
        "header_values": [value for _, value in headers],
        "first_headers": [
            end - len(record.headers) + 1 for end, record in zip(last, records, strict=True)
        ],
        "last_headers": last,
    }


def split_headers(record: Record) -> tuple[list[str], list[bytes | None]]:
    """Split the headers of a record into the two arrays of the table."""
    return [name for name, _ in record.headers], [value for _, value in record.headers]


class Relay:
    """Publish committed rows: those offered at once, and those that any relay left over."""

    def __init__(self, database: Database, publisher: Publisher) -> None:
        self._database = database
        self._publisher = publisher
        self._offers: asyncio.Queue[OutboxRow] = asyncio.Queue(_OFFERS)

    def offer(self, row: OutboxRow) -> None:
        """Publish a committed row soon; what cannot be taken now is left to the sweep."""
        if self._publisher.reachable and not self._offers.full():
            self._offers.put_nowait(row)

    async def run(self) -> None:
        """Publish until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._publisher.watch())
            group.create_task(
                repeat(self._publish_offers, name="relay", every=_PUBLISH_EVERY_SECONDS)
            )
            group.create_task(
                repeat(self._sweep_all, name="outbox_sweep", every=_SWEEP_EVERY_SECONDS)
            )

    async def _publish_offers(self) -> None:
        rows = [await self._offers.get()]
        while len(rows) < BATCH_ROWS and not self._offers.empty():
            rows.append(self._offers.get_nowait())
        await self.publish(rows)

    async def _sweep_all(self) -> None:
        while await self.sweep() == BATCH_ROWS:
            pass

    async def sweep(self) -> int:
        """Publish one batch of what was left over and return its size.

        Dispatch rows whose request is no longer pending go first, unpublished. While Kafka
        cannot be reached nothing else is touched: the publisher's ping is the probe.
        """
        await DELETE_STALE_DISPATCHES.execute(self._database)
        if not self._publisher.reachable:
            return 0
        claimed = await CLAIM_LEFTOVERS.fetch(
            self._database, limit=BATCH_ROWS, seconds=_CLAIM_SECONDS
        )
        if claimed:
            await self.publish(sorted(map(OutboxRow.from_row, claimed), key=lambda row: row.id))
        return len(claimed)

    async def publish(self, rows: Sequence[OutboxRow]) -> None:
        """Publish rows and delete those that the broker acknowledged, never before it did."""
        results = await self._publisher.publish([row.record for row in rows])
        acknowledged = _ids(rows, results, Acknowledged)
        unreached = _ids(rows, results, NotDelivered)
        await self._each_if_any(
            (DELETE_ACKNOWLEDGED, acknowledged), (LEAVE_TO_ANY_RELAY, unreached)
        )
        if len(acknowledged) + len(unreached) < len(rows):
            await self._back_off(rows, results)

    async def _each_if_any(self, *changes: tuple[Statement, list[int]]) -> None:
        for statement, ids in changes:
            if ids:
                await statement.execute(self._database, ids=ids)

    async def _back_off(self, rows: Sequence[OutboxRow], results: Sequence[DeliveryResult]) -> None:
        reasons = dict(_reasons(rows, results))
        denied = {*_ids(rows, results, Denied)}
        traces = {row.id: row.record.trace_id for row in rows}
        backed_off = await BACK_OFF.fetch(
            self._database,
            ids=sorted(reasons),
            refused=_ids(rows, results, Refused),
            most_refusals=_REFUSALS_BEFORE_PARKING,
        )
        for row in backed_off:
            identifiers: dict[str, Any] = {
                "outbox_id": row["id"],
                "topic": row["topic"],
                "reason": reasons[row["id"]],
                "trace_id": traces[row["id"]],
            }
            if row["id"] in denied:
                continue  # the publisher has said it, once for all rows
            if row["parked"]:
                log.error("outbox_row_parked", **identifiers)
            else:
                log.warning("outbox_row_refused", **identifiers)


def _ids(
    rows: Sequence[OutboxRow], results: Sequence[DeliveryResult], kind: type[DeliveryResult]
) -> list[int]:
    return [row.id for row, result in zip(rows, results, strict=True) if isinstance(result, kind)]


def _reasons(
    rows: Sequence[OutboxRow], results: Sequence[DeliveryResult]
) -> Iterator[tuple[int, str]]:
    for row, result in zip(rows, results, strict=True):
        match result:
            case Refused(reason):
                yield row.id, reason
            case TopicMissing(topic):
                yield row.id, f"the broker has no topic {topic!r}"
            case Denied(topic):
                yield row.id, f"the broker denies Write on topic {topic!r}"
            case Acknowledged() | NotDelivered():
                pass
            case _:
                assert_never(result)


def request_id_key(request_id: UUID) -> bytes:
    """Make the key of every record about a request."""
    return str(request_id).encode()
