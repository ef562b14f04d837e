"""Settle requests with their last item: counts, the final status, an event, and a dead letter."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from schemas.states import FINAL, Status
from shared.postgres.database import Connection
from shared.sql import sql
from worker_service.kafka_names import KafkaNames
from worker_service.settlement.dead_letter import dead_letter_request
from worker_service.settlement.events import Settlement, notify

COUNT_AND_SETTLE = sql("""
-- Counted from the items, never incremented: a repeated record changes nothing.
WITH counted AS (
    SELECT generation_request_id AS id,
           count(*) FILTER (WHERE status = 'succeeded') AS generated,
           count(*) FILTER (WHERE status = 'failed') AS failed,
           mode() WITHIN GROUP (ORDER BY error_code) AS error_code,
           array_agg(ordinal) AS recorded
      FROM generation_items
     WHERE generation_request_id = ANY (:request_ids::uuid[])
     GROUP BY generation_request_id
-- Apart from the UPDATE, which uses the final status in six columns.
), decided AS (
    SELECT counted.*,
           (SELECT error_message FROM generation_items AS item
             WHERE generation_request_id = id AND item.error_code = counted.error_code
             ORDER BY ordinal LIMIT 1) AS error_message,
           CASE WHEN generated + failed < requested_count THEN NULL
                WHEN failed = 0 THEN 'completed'
                WHEN generated > 0 THEN 'partial'
                ELSE 'failed' END AS settled
      FROM counted JOIN generation_requests USING (id)
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
 WHERE request.id = decided.id
   AND request.status NOT IN ('completed', 'partial', 'failed', 'cancelled')
RETURNING request.id, entity_type, status, priority, epoch, round, requested_count, generated_count,
          failed_count, request.error_code, request.error_message, requested_at, completed_at,
          traceparent, recorded""")

NEEDS_DEAD_LETTER = frozenset({Status.PARTIAL, Status.FAILED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The request is open or was settled by this item; `recorded` are its ordinals so far."""

    recorded: frozenset[int]
    settlement: Settlement | None


async def count_and_settle(
    connection: Connection, request_ids: Sequence[UUID], *, kafka_names: KafkaNames
) -> dict[UUID, Recorded]:
    """Count the items of open requests that the caller has locked; settle what is complete.

    Settling writes the event, and a dead letter unless every entity was made. Runs in the caller's
    transaction. Requests that are final are left out.
    """
    begun_ns = time.time_ns()
    rows = await COUNT_AND_SETTLE.fetch(connection, request_ids=request_ids)
    settled = [
        (
            row,
            await dead_letter_request(connection, row, kafka_names=kafka_names)
            if row["status"] in NEEDS_DEAD_LETTER
            else None,
        )
        for row in rows
        if row["status"] in FINAL
    ]
    settlements = await notify(
        connection, settled, events_topic=kafka_names.topics.events, begun_ns=begun_ns
    )
    of_request = {settlement.request_id: settlement for settlement in settlements}
    return {
        row["id"]: Recorded(
            recorded=frozenset(row["recorded"]), settlement=of_request.get(row["id"])
        )
        for row in rows
    }
