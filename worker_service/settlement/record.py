"""Record items, count them, and settle each request with its last one: one transaction.

Counts are taken from the items, never incremented; the rows of the requests are locked first, so
that of two last items one sees the other. A row locked by another session delays no other row.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

import asyncpg

from schemas.states import FINAL, Status
from shared.postgres.database import Connection, Database
from shared.sql import sql
from worker_service.claims.claim import Claim
from worker_service.kafka_names import KafkaNames
from worker_service.outcome import Failed, Succeeded
from worker_service.settlement import provider_calls
from worker_service.settlement.events import Settlement
from worker_service.settlement.provider_calls import INSERT_CALLS, CallBatch, ProviderCall
from worker_service.settlement.settle import Recorded, count_and_settle
from worker_service.text import postgres_safe

LOCK = sql("""
-- The rows that are free, in the order of their ids; a busy one is passed over, as its batch would
-- otherwise wait for another session.
WITH locked AS MATERIALIZED (
    SELECT id, epoch, status FROM generation_requests
     WHERE id = ANY (:request_ids::uuid[])
     ORDER BY id
       FOR NO KEY UPDATE SKIP LOCKED
)
SELECT asked.id, epoch, status,
       status IS NULL AND EXISTS (SELECT FROM generation_requests WHERE id = asked.id) AS is_busy,
       EXISTS (SELECT FROM generation_items AS item
                WHERE generation_request_id = asked.id AND item.ordinal = asked.ordinal)
       AND NOT EXISTS (SELECT FROM generation_items AS item
                        WHERE generation_request_id = asked.id AND item.ordinal = asked.ordinal
                          FOR NO KEY UPDATE SKIP LOCKED) AS has_busy_item
  FROM unnest(:request_ids::uuid[], :ordinals::int[]) AS asked (id, ordinal)
  LEFT JOIN locked USING (id)""")

KEEP = sql(f"""
-- Of all results, those that are refused too: the calls were paid for.
WITH called AS ({INSERT_CALLS}
)
-- A success replaces a failure and nothing else: the first of two successes is the one that counts.
INSERT INTO generation_items
    (generation_request_id, ordinal, status, entity, error_code, error_message, attempts,
     recorded_at)
SELECT id, ordinal, CASE WHEN entity IS NULL THEN 'failed' ELSE 'succeeded' END,
       entity || jsonb_build_object('created_at', written, 'updated_at', written),
       error_code, error_message, attempts, moment
  FROM unnest(:request_ids::uuid[], :ordinals::int[], :entities::jsonb[], :error_codes::text[],
              :error_messages::text[], :attempts::int[])
       AS outcome (id, ordinal, entity, error_code, error_message, attempts),
       clock_timestamp() AS moment,
       to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS written
    ON CONFLICT (generation_request_id, ordinal) DO UPDATE
   SET status = excluded.status, entity = excluded.entity, attempts = excluded.attempts,
       recorded_at = excluded.recorded_at,
       error_code = NULL, error_message = NULL
 WHERE generation_items.status = 'failed' AND excluded.status = 'succeeded'""")

KEPT = sql("""
SELECT FROM generation_items
 WHERE generation_request_id = :request_id AND ordinal = :ordinal AND status = :status
   AND entity ->> 'id' IS NOT DISTINCT FROM :entity_id""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What an attempt at an ordinal of a claim has ended with, to be recorded with its calls."""

    claim: Claim
    ordinal: int
    outcome: Succeeded | Failed
    calls: CallBatch = ()

    @property
    def request_id(self) -> UUID:
        """The request that the item belongs to."""
        return self.claim.request_id


@dataclass(frozen=True, slots=True)
class AlreadyFinal:
    """The request was final, or is gone: nothing was written but the calls."""


@dataclass(frozen=True, slots=True)
class Stale:
    """A failure of an older epoch: its verdict is refused."""


@dataclass(frozen=True, slots=True)
class Busy:
    """Another session has locked the row of the request or the item: the item was not written."""


Answer: TypeAlias = Recorded | AlreadyFinal | Stale | Busy


async def record(
    database: Database, results: Sequence[Result], *, kafka_names: KafkaNames
) -> list[Answer]:
    """Keep results of different requests in one transaction, and answer for each in their order.

    While the request is open, a success of any claim is kept, if the ordinal is missing or failed;
    a failure only from the claim that owns the request. The calls of every result are kept,
    whatever becomes of it. Idempotent: an unknown COMMIT is repeated by calling again.

    Raises:
        DatabaseUnavailable: they may be recorded.
        asyncpg.DataError: PostgreSQL cannot store one of the outcomes; nothing is recorded.
    """
    async with database.transaction() as connection:
        locked = {
            row["id"]: row
            for row in await LOCK.fetch(
                connection,
                request_ids=[result.request_id for result in results],
                ordinals=[result.ordinal for result in results],
            )
        }
        refused = {
            result.request_id: answer
            for result in results
            if (answer := await _refusal(connection, result, locked[result.request_id])) is not None
        }
        kept = [result for result in results if result.request_id not in refused]
        await _keep(connection, kept, calls=[call for result in results for call in result.calls])
        ids = [result.request_id for result in kept]
        recorded = await count_and_settle(connection, ids, kafka_names=kafka_names) if ids else {}
    answers: dict[UUID, Answer] = {**refused, **recorded}
    return [answers.get(result.request_id, AlreadyFinal()) for result in results]


async def _refusal(
    connection: Connection, result: Result, request: asyncpg.Record
) -> Answer | None:
    """Return why a result is not to be kept, judged by the locked row; None: it is."""
    if request["is_busy"]:
        return Busy()
    if request["status"] is None:
        return AlreadyFinal()
    if request["status"] in FINAL:
        return await _kept_before(connection, result)
    owns = request["epoch"] == result.claim.epoch and request["status"] == Status.PROCESSING
    if isinstance(result.outcome, Failed) and not owns:
        return Stale()
    return Busy() if request["has_busy_item"] else None


async def _kept_before(connection: Connection, result: Result) -> Answer:
    """Tell a COMMIT whose reply was lost from a result that came too late."""
    status, entity_id = "failed", None
    if isinstance(result.outcome, Succeeded):
        status, entity_id = "succeeded", result.outcome.entity.get("id")
    kept = await KEPT.fetchrow(
        connection,
        request_id=result.request_id,
        ordinal=result.ordinal,
        status=status,
        entity_id=entity_id,
    )
    if kept is None:
        return AlreadyFinal()
    return Recorded(recorded=frozenset({result.ordinal}), settlement=None)


async def _keep(
    connection: Connection, results: Sequence[Result], *, calls: Sequence[ProviderCall]
) -> None:
    columns = [_columns(result.outcome) for result in results]
    await KEEP.execute(
        connection,
        request_ids=[result.request_id for result in results],
        ordinals=[result.ordinal for result in results],
        entities=[entity for entity, _, _ in columns],
        error_codes=[code for _, code, _ in columns],
        error_messages=[message for _, _, message in columns],
        attempts=[result.outcome.attempts for result in results],
        **provider_calls.columns(calls),
    )


def _columns(outcome: Succeeded | Failed) -> tuple[str | None, str | None, str | None]:
    match outcome:
        case Succeeded():
            return json.dumps(outcome.entity), None, None
        case Failed():
            return None, outcome.code, postgres_safe(outcome.message)


async def settle_recorded(
    database: Database, request_id: UUID, *, kafka_names: KafkaNames
) -> Settlement | None:
    """Settle an open request whose items are all recorded: no item will come to do it.

    Raises:
        DatabaseUnavailable: it may be settled.
    """
    async with database.transaction() as connection:
        (request,) = await LOCK.fetch(connection, request_ids=[request_id], ordinals=[None])
        if request["status"] is None or request["status"] in FINAL:
            return None
        recorded = await count_and_settle(connection, [request_id], kafka_names=kafka_names)
    return recorded[request_id].settlement
