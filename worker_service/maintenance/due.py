"""Settle requests that no worker can finish: fail their missing items, all for one reason."""

from collections.abc import Sequence

import asyncpg

from shared.errors import REPETITIONS, ErrorCode
from shared.postgres.database import Connection
from shared.runtime.logging import get_log
from shared.runtime.metrics import ITEMS_FAILED
from shared.runtime.trace_context import trace_id_of
from shared.sql import Statement, sql
from worker_service.context import WorkerContext
from worker_service.settlement.events import announce
from worker_service.settlement.settle import count_and_settle

log = get_log()

BATCH_REQUESTS = 20

FAIL_MISSING = sql("""
-- Counts the calls of each missing item, and names the last failure among them.
WITH made AS MATERIALIZED (
    SELECT call.ordinal, call.outcome, call.error_message, call.ended_at, call.call_id
      FROM provider_calls AS call JOIN generation_requests AS request
        ON request.id = call.generation_request_id AND request.round = call.round
     WHERE generation_request_id = :request_id
), cause AS (
    SELECT format(' The last call that failed: %s: %s', outcome, error_message) AS text FROM made
     WHERE error_message IS NOT NULL AND outcome <> ALL (:repetitions::text[])
       AND NOT EXISTS (SELECT FROM generation_items AS item
                        WHERE generation_request_id = :request_id AND item.ordinal = made.ordinal)
     ORDER BY ended_at DESC, call_id DESC LIMIT 1
)
INSERT INTO generation_items
    (generation_request_id, ordinal, status, error_code, error_message, attempts)
SELECT :request_id, ordinal, 'failed', :code, left(:message || coalesce(cause.text, ''), 1000),
       (SELECT count(*) FROM made WHERE made.ordinal = missing.ordinal)
  FROM generate_series(0, :requested_count - 1) AS missing (ordinal)
  LEFT JOIN cause ON true
    ON CONFLICT (generation_request_id, ordinal) DO NOTHING
RETURNING ordinal""")


async def settle_due(
    due: Statement, *, context: WorkerContext, code: ErrorCode, message: str, **values: object
) -> int:
    """Settle all that a statement selects and locks, in batches, and count them.

    `due` returns `id` and `requested_count` of at most `:limit` requests, locked in the order of
    their ids; its other parameters are `values`. Idempotent: what is settled is not due again.
    """
    settled = 0
    while batch := await _settle_batch(due, context, code=code, message=message, values=values):
        settled += batch
        if batch < BATCH_REQUESTS:
            break
    return settled


async def _settle_batch(
    due: Statement,
    context: WorkerContext,
    *,
    code: ErrorCode,
    message: str,
    values: dict[str, object],
) -> int:
    async with context.database.transaction() as connection:
        requests = await due.fetch(connection, limit=BATCH_REQUESTS, **values)
        if not requests:
            return 0
        failed = await _fail_missing(connection, requests, code=code, message=message)
        recorded = await count_and_settle(
            connection, [request["id"] for request in requests], kafka_names=context.kafka_names
        )
    ITEMS_FAILED.labels(code).inc(failed)
    for request in requests:
        answer = recorded.get(request["id"])
        settlement = answer.settlement if answer is not None else None
        trace_id = trace_id_of(settlement.traceparent) if settlement is not None else None
        log.warning("request_swept", request_id=str(request["id"]), trace_id=trace_id, code=code)
        if settlement is not None:
            announce(settlement, context.relay, context.tracer)
    return len(requests)


async def _fail_missing(
    connection: Connection, requests: Sequence[asyncpg.Record], *, code: ErrorCode, message: str
) -> int:
    """Fail the items that are missing, and count them."""
    failed = 0
    for request in requests:
        items = await FAIL_MISSING.fetch(
            connection,
            request_id=request["id"],
            requested_count=request["requested_count"],
            code=code,
            message=message,
            repetitions=[*REPETITIONS],
        )
        failed += len(items)
    return failed
