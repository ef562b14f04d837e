"""Requests that were finished long ago, written in bulk."""

import json
from uuid import UUID

from benchmarks import bare
from benchmarks.entity import ENTITY
from benchmarks.servers import Stack, connected

FINISHED = """
INSERT INTO generation_requests
    (id, entity_type, status, requested_count, generated_count, traceparent, epoch, provider,
     requested_at, not_before, started_at, completed_at, deadline_at)
SELECT (lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0') || '7'
        || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid,
       'sentence', 'completed', 1, 1, '', 1, 'demo',
       moment, moment, moment, moment, moment + interval '1 day'
  FROM generate_series($1::int, $2) AS n,
       LATERAL (SELECT date_trunc('day', now()) - interval '1 day' + n * interval '10 ms')
               AS at (moment)"""
"""Ids rise with time, as those that the API makes do."""

ITEMS = """
INSERT INTO generation_items (generation_request_id, ordinal, status, entity, attempts)
SELECT id, 0, 'succeeded', $1, 1 FROM generation_requests"""

CALLS = """
INSERT INTO provider_calls
    (generation_request_id, call_id, ordinal, round, epoch, provider, outcome, input_tokens,
     output_tokens, reasoning_tokens, seconds, received_bytes)
SELECT id, id, 0, 1, 1, 'demo', 'ok', 142, 37, 0, 0.1, 0 FROM generation_requests"""

_BATCH = 100_000


async def finish(stack: Stack, requests: int) -> None:
    """Write so many completed requests, each with an item and a call, into an empty database."""
    async with connected(stack.database_url) as database:
        for first in range(0, requests, _BATCH):
            await database.execute(FINISHED, first + 1, min(first + _BATCH, requests))
        await database.execute(ITEMS, json.dumps(ENTITY))
        await database.execute(CALLS)
        await database.execute("VACUUM (ANALYZE, FREEZE)")
        await database.execute("CHECKPOINT")


async def any_finished(stack: Stack) -> UUID:
    """Return the id of a finished request."""
    async with connected(stack.database_url) as database:
        found: UUID = await database.fetchval(
            "SELECT id FROM generation_requests WHERE completed_at IS NOT NULL ORDER BY id LIMIT 1"
        )
        return found


async def insert_bare(stack: Stack, request_id: UUID) -> None:
    """Write a request of the bare counterpart."""
    async with connected(stack.database_url) as database:
        await database.execute(bare.INSERT_REQUEST, request_id, "sentence", 1, "{}")
