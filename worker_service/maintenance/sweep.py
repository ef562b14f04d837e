"""Settle what nobody can finish: past its deadline, in a crash loop, of a type no worker has."""

from collections.abc import Callable, Sequence
from datetime import datetime

import asyncpg

from shared.errors import ErrorCode
from shared.outbox import Relay
from shared.postgres.database import Connection, Database
from shared.runtime.logging import get_log
from worker_service.claims.claim import CRASH_LIMIT
from worker_service.kafka_names import KafkaNames
from worker_service.settlement.events import announce
from worker_service.settlement.record import count_and_settle

log = get_log()

BATCH_REQUESTS = 20
UNCLAIMED_SECONDS = 600.0
RELEASE_LIMIT = 20
"""Counted releases in a row, without an item recorded, after which a request is given up."""

DUE = """
SELECT id, requested_count,
       CASE WHEN deadline_at <= clock_timestamp() THEN 'deadline_exceeded'
            WHEN status = 'processing' THEN 'crash_loop'
            WHEN releases >= $7 THEN 'provider_unavailable'
            ELSE 'unknown_entity_type' END AS code
  FROM generation_requests AS request
 WHERE completed_at IS NULL AND deadline_at <= (SELECT clock_timestamp())
    OR status = 'processing' AND lease_until < clock_timestamp() AND crashes + 1 >= $2
       AND clock_timestamp() < $3::timestamptz
       AND pg_postmaster_start_time() < clock_timestamp() - make_interval(secs => $4)
    OR status = 'pending' AND started_at IS NOT NULL AND releases >= $7
    OR status = 'pending' AND entity_type <> ALL ($5::text[])
       AND not_before <= clock_timestamp() - make_interval(secs => $6)
       AND NOT EXISTS (SELECT FROM generation_requests AS claimed
                        WHERE claimed.status = 'processing'
                          AND claimed.entity_type = request.entity_type)
 ORDER BY id LIMIT $1
   FOR NO KEY UPDATE SKIP LOCKED"""

FAIL_MISSING = """
INSERT INTO generation_items
    (generation_request_id, ordinal, status, error_code, error_message, attempts)
SELECT $1, ordinal, 'failed', $3, $4, 0
  FROM generate_series(0, $2 - 1) AS ordinal
    ON CONFLICT (generation_request_id, ordinal) DO NOTHING"""

_MESSAGES = {
    ErrorCode.DEADLINE_EXCEEDED: "the deadline passed before the item was made",
    ErrorCode.CRASH_LOOP: f"{CRASH_LIMIT} workers in a row were lost while they worked on it",
    ErrorCode.PROVIDER_UNAVAILABLE: f"the provider put it off {RELEASE_LIMIT} times in a row",
    ErrorCode.UNKNOWN_ENTITY_TYPE: "no worker can make this entity type",
}


class Sweep:
    """The idempotent pass that every worker makes now and then; no worker leads."""

    def __init__(
        self,
        database: Database,
        relay: Relay,
        *,
        entity_types: Sequence[str],
        lease_seconds: float,
        kafka_names: KafkaNames,
        take_over_until: Callable[[], datetime | None],
    ) -> None:
        self._database = database
        self._relay = relay
        self._entity_types = entity_types
        self._lease_seconds = lease_seconds
        self._kafka_names = kafka_names
        self._take_over_until = take_over_until

    async def settle_due(self) -> int:
        """Fail the missing items of what is due, settle it, and return how many requests."""
        async with self._database.transaction() as connection:
            due = await connection.fetch(
                DUE,
                BATCH_REQUESTS,
                CRASH_LIMIT,
                self._take_over_until(),
                self._lease_seconds,
                self._entity_types,
                UNCLAIMED_SECONDS,
                RELEASE_LIMIT,
            )
            for request in due:
                await _fail_missing(connection, request)
            recorded = await count_and_settle(
                connection, [request["id"] for request in due], kafka_names=self._kafka_names
            )
        for request in due:
            log.warning("request_swept", request_id=str(request["id"]), code=request["code"])
            answer = recorded.get(request["id"])
            if answer is not None and answer.settlement is not None:
                announce(answer.settlement, self._relay)
        return len(due)


async def _fail_missing(connection: Connection, request: asyncpg.Record) -> None:
    code = ErrorCode(request["code"])
    await connection.execute(
        FAIL_MISSING, request["id"], request["requested_count"], code, _MESSAGES[code]
    )
