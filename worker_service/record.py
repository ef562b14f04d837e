"""Record an item, count it, and settle its request with the last one: one transaction.

Counts are taken from the items, never incremented; the request's row is locked first, so that
of two last items one sees the other.
"""

import json
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from shared.database import Connection, Database
from shared.states import FINAL, Status
from worker_service.claim import Claim
from worker_service.dead_letter import give_up
from worker_service.notify import Settlement, notify
from worker_service.outcome import Failed, Succeeded
from worker_service.outlets import Outlets
from worker_service.text import storable

LOCK = """
SELECT epoch, status FROM generation_requests WHERE id = $1 FOR NO KEY UPDATE"""

KEEP_SUCCESS = """
INSERT INTO generation_items
    (generation_request_id, ordinal, status, entity, attempts, usage, recorded_at)
SELECT $1, $2, 'succeeded',
       $3::jsonb || jsonb_build_object('created_at', written, 'updated_at', written),
       $4, $5, moment
  FROM clock_timestamp() AS moment,
       to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS written
    ON CONFLICT (generation_request_id, ordinal) DO UPDATE
   SET status = excluded.status, entity = excluded.entity, attempts = excluded.attempts,
       usage = excluded.usage, recorded_at = excluded.recorded_at,
       error_code = NULL, error_message = NULL
 WHERE generation_items.status = 'failed'"""

KEEP_FAILURE = """
INSERT INTO generation_items
    (generation_request_id, ordinal, status, error_code, error_message, attempts, usage)
VALUES ($1, $2, 'failed', $3, $4, $5, $6)
    ON CONFLICT (generation_request_id, ordinal) DO NOTHING"""

COUNT_AND_SETTLE = """
WITH counted AS (
    SELECT count(*) FILTER (WHERE status = 'succeeded') AS generated,
           count(*) FILTER (WHERE status = 'failed') AS failed,
           mode() WITHIN GROUP (ORDER BY error_code) AS error_code,
           coalesce(array_agg(ordinal), '{}') AS recorded
      FROM generation_items WHERE generation_request_id = $1
), decided AS (
    SELECT counted.*,
           (SELECT error_message FROM generation_items AS item
             WHERE generation_request_id = $1 AND item.error_code = counted.error_code
             ORDER BY ordinal LIMIT 1) AS error_message,
           CASE WHEN generated + failed < requested_count THEN NULL
                WHEN failed = 0 THEN 'completed'
                WHEN generated > 0 THEN 'partial'
                ELSE 'failed' END AS settled
      FROM counted, generation_requests WHERE id = $1
)
UPDATE generation_requests AS request
   SET generated_count = generated,
       failed_count = failed,
       version = version + (generated_count <> generated OR failed_count <> failed)::int,
       crashes = 0,
       releases = 0,
       status = coalesce(settled, status),
       completed_at = CASE WHEN settled IS NOT NULL THEN clock_timestamp() END,
       lease_owner = CASE WHEN settled IS NULL THEN lease_owner END,
       lease_until = CASE WHEN settled IS NULL THEN lease_until END,
       error_code = CASE WHEN settled IN ('partial', 'failed') THEN decided.error_code END,
       error_message = CASE WHEN settled IN ('partial', 'failed') THEN
           format('%s of %s items failed: %s', failed, requested_count, decided.error_message) END
  FROM decided
 WHERE request.id = $1 AND request.completed_at IS NULL
RETURNING id, entity_type, status, priority, epoch, round, requested_count, generated_count,
          failed_count, request.error_code, request.error_message, requested_at, completed_at,
          traceparent, recorded"""

KEPT = """
SELECT FROM generation_items
 WHERE generation_request_id = $1 AND ordinal = $2 AND status = $3
   AND entity ->> 'id' IS NOT DISTINCT FROM $4"""


NEEDS_LETTER = frozenset({Status.PARTIAL, Status.FAILED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The request is open or was settled by this item; `recorded` are its ordinals so far."""

    recorded: frozenset[int]
    settlement: Settlement | None


@dataclass(frozen=True, slots=True)
class AlreadyFinal:
    """The request was final, or is gone: nothing was written."""


@dataclass(frozen=True, slots=True)
class Stale:
    """A failure of an older epoch: its verdict is refused."""


Answer: TypeAlias = Recorded | AlreadyFinal | Stale


async def record(
    database: Database,
    claim: Claim,
    *,
    ordinal: int,
    outcome: Succeeded | Failed,
    outlets: Outlets,
) -> Answer:
    """Keep the outcome of an item.

    While the request is open, a success is kept whoever brings it, if the ordinal is missing or
    failed; a failure only from the claim that owns the request. Idempotent: an unknown COMMIT is
    repeated by calling again.

    Raises:
        DatabaseUnavailable: it may be recorded.
        asyncpg.DataError: PostgreSQL cannot store the outcome.
    """
    async with database.transaction() as connection:
        row = await connection.fetchrow(LOCK, claim.request_id)
        if row is None:
            return AlreadyFinal()
        if row["status"] in FINAL:
            return await _kept_before(connection, claim.request_id, ordinal, outcome)
        owns = row["epoch"] == claim.epoch and row["status"] == Status.PROCESSING
        if isinstance(outcome, Failed) and not owns:
            return Stale()
        await _keep(connection, claim.request_id, ordinal, outcome)
        return await count_and_settle(connection, claim.request_id, outlets=outlets)


async def _kept_before(
    connection: Connection, request_id: UUID, ordinal: int, outcome: Succeeded | Failed
) -> Answer:
    """Tell a COMMIT whose reply was lost from a result that came too late."""
    status, entity_id = "failed", None
    if isinstance(outcome, Succeeded):
        status, entity_id = "succeeded", outcome.entity.get("id")
    if await connection.fetchrow(KEPT, request_id, ordinal, status, entity_id) is None:
        return AlreadyFinal()
    return Recorded(recorded=frozenset({ordinal}), settlement=None)


async def _keep(
    connection: Connection, request_id: UUID, ordinal: int, outcome: Succeeded | Failed
) -> None:
    usage = outcome.usage.model_dump_json(exclude_none=True)
    match outcome:
        case Succeeded():
            await connection.execute(
                KEEP_SUCCESS,
                request_id,
                ordinal,
                json.dumps(outcome.entity),
                outcome.attempts,
                usage,
            )
        case Failed():
            await connection.execute(
                KEEP_FAILURE,
                request_id,
                ordinal,
                outcome.code,
                storable(outcome.message),
                outcome.attempts,
                usage,
            )


async def count_and_settle(connection: Connection, request_id: UUID, *, outlets: Outlets) -> Answer:
    """Count the items of a request that the caller has locked; settle when complete.

    Settling writes the event, and the letter unless every entity was made. Runs in the caller's
    transaction.
    """
    row = await connection.fetchrow(COUNT_AND_SETTLE, request_id)
    if row is None:
        return AlreadyFinal()
    settlement = None
    if row["status"] in FINAL:
        reason = None
        if row["status"] in NEEDS_LETTER:
            reason = await give_up(connection, row, outlets=outlets)
        settlement = await notify(
            connection, row, events_topic=outlets.topics.events, reason=reason
        )
    return Recorded(recorded=frozenset(row["recorded"]), settlement=settlement)
