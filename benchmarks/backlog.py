"""A backlog: pending requests in PostgreSQL, their dispatch messages in Kafka, and its drain."""

import asyncio
from uuid import UUID

from uuid_utils.compat import uuid7

from benchmarks.rounds import Sample
from benchmarks.servers import Stack, connected
from benchmarks.usage import Usage
from schemas.states import Priority
from shared.kafka.clients import KafkaClients
from shared.kafka.publisher import Publisher
from shared.kafka.records import Acknowledged
from shared.requests.dispatch import dispatch_record

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

PENDING = """
INSERT INTO generation_requests (id, entity_type, requested_count, traceparent, deadline_at)
SELECT id, 'sentence', $2, $3, clock_timestamp() + interval '1 day' FROM unnest($1::uuid[]) AS id"""

HAS_BEGUN = """
SELECT EXISTS (SELECT FROM generation_requests WHERE id >= $1 AND started_at IS NOT NULL)"""

IS_RELAYED = "SELECT NOT EXISTS (SELECT FROM outbox)"

IS_DRAINED = "SELECT NOT EXISTS (SELECT FROM generation_requests WHERE completed_at IS NULL)"

DRAINED = """
SELECT sum(generated_count)::int AS entities,
       extract(epoch FROM max(completed_at) - min(started_at))::float8 AS seconds
  FROM generation_requests WHERE id >= $1"""

PACE_WHEN_BUSY = """
WITH busy AS (
    SELECT min(started_at) + make_interval(secs => $2) AS since, max(started_at) AS until
      FROM generation_requests WHERE id >= $1
)
SELECT sum(generated_count) / extract(epoch FROM until - since)::float8
  FROM generation_requests, busy
 WHERE id >= $1 AND completed_at BETWEEN since AND until
 GROUP BY since, until"""

_BATCH = 1_000
_POLL_SECONDS = 0.05
_PATIENCE_SECONDS = 600.0


async def make(stack: Stack, *, requests: int, entities: int) -> UUID:
    """Accept so many requests for so many entities each, and dispatch them.

    Returns an id that is below theirs, and above those of all requests before them.
    """
    first = uuid7()
    publisher = Publisher(KafkaClients(stack.kafka, "benchmark"))
    watching = asyncio.create_task(publisher.watch())
    while not publisher.reachable:
        await asyncio.sleep(_POLL_SECONDS)
    for done in range(0, requests, _BATCH):
        ids = [uuid7() for _ in range(min(_BATCH, requests - done))]
        async with connected(stack.database_url) as database:
            await database.execute(PENDING, ids, entities, TRACEPARENT)
        await _dispatch(stack, publisher, ids)
    watching.cancel()
    await publisher.stop()
    return first


async def _dispatch(stack: Stack, publisher: Publisher, ids: list[UUID]) -> None:
    topic = stack.topics.requests[Priority.NORMAL]
    records = [dispatch_record(i, topic=topic, traceparent=TRACEPARENT) for i in ids]
    results = await publisher.publish(records)
    if not all(isinstance(result, Acknowledged) for result in results):
        raise RuntimeError("Kafka did not take every message")


async def drained(stack: Stack, worker: Usage, *, since: UUID) -> Sample:
    """Wait until everything is settled, and return what that took from the first claim on.

    Requests with an id below `since` do not count.
    """
    await until(stack, HAS_BEGUN, since)
    cpu, postgres = worker.cpu_seconds(), stack.postgres.cpu_seconds()
    await until(stack, IS_DRAINED)
    cpu, postgres = worker.cpu_seconds() - cpu, stack.postgres.cpu_seconds() - postgres
    async with connected(stack.database_url) as database:
        ((entities, seconds),) = await database.fetch(DRAINED, since)
    return {
        "per_second": entities / seconds,
        "cpu_ms": cpu / entities * 1000,
        "postgres_cpu_ms": postgres / entities * 1000,
    }


async def pace_when_busy(stack: Stack, *, since: UUID, after: float) -> float:
    """Return entities a second from so many seconds after the first claim until the last claim.

    In between there is a further request for each slot that is free.
    """
    async with connected(stack.database_url) as database:
        pace: float = await database.fetchval(PACE_WHEN_BUSY, since, after)
    return pace


async def until(stack: Stack, question: str, *arguments: object) -> None:
    """Ask the database until the answer is yes."""
    async with asyncio.timeout(_PATIENCE_SECONDS), connected(stack.database_url) as database:
        while not await database.fetchval(question, *arguments):
            await asyncio.sleep(_POLL_SECONDS)
