"""Priorities: a high request overtakes a flood of low ones, and a low one is never starved."""

import asyncio

import httpx
import pytest
from aiokafka import AIOKafkaProducer
from uuid_utils.compat import uuid7

from schemas.states import Priority
from shared.postgres.database import Database
from tests.services import StartWorker
from tests.stack import Stack
from tests.support.client import settled, submit
from tests.support.providers import Scripted
from tests.support.waiting import eventually
from worker_service.providers import Call, Spent

pytestmark = pytest.mark.usefixtures("balanced_services")

SETTLED_BEFORE = """
SELECT count(*) AS before FROM generation_requests
 WHERE completed_at < (SELECT completed_at FROM generation_requests WHERE id = $1)
   AND started_at > (SELECT requested_at FROM generation_requests WHERE id = $1)"""

FLOOD = """
INSERT INTO generation_requests
    (id, entity_type, requested_count, priority, traceparent, deadline_at)
SELECT id, 'sentence', 1, $2, '', clock_timestamp() + interval '1 hour'
  FROM unnest($1::uuid[]) AS id"""


async def _flood(stack: Stack, database: Database, *, priority: Priority, requests: int) -> None:
    """Put requests and their messages there, as if they had been submitted long ago."""
    ids = [uuid7() for _ in range(requests)]
    await database.execute(FLOOD, ids, priority)
    producer = AIOKafkaProducer(bootstrap_servers=stack.kafka, linger_ms=5)
    await producer.start()
    try:
        sent = [
            await producer.send(
                stack.topics.requests[priority],
                b'{"schema_version": 1, "generation_request_id": "%b"}' % str(request_id).encode(),
            )
            for request_id in ids
        ]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


async def _overtaken(database: Database, path: str) -> int:
    """Count the requests that were begun after this one was submitted and ended before it."""
    row = await database.fetchrow(SETTLED_BEFORE, path.rpartition("/")[2])
    assert row is not None
    before: int = row["before"]
    return before


async def test_a_high_request_does_not_wait_behind_ten_thousand_low_ones(
    stack: Stack, api: httpx.AsyncClient, start_worker: StartWorker, database: Database
):
    await _flood(stack, database, priority=Priority.LOW, requests=10_000)
    provider = Scripted()
    worker = await start_worker(provider, max_requests_in_flight=20)
    await eventually(lambda: len(provider.calls) > 50)

    path = await submit(api, priority="high")

    assert (await settled(api, path))["status"] == "completed"
    assert await _overtaken(database, path) < 200
    worker.stop()


async def test_a_high_request_finds_a_slot_while_low_ones_fill_the_worker(
    api: httpx.AsyncClient, start_worker: StartWorker
):
    """The low calls never return; one slot in ten and a permit are left for high."""
    provider, stuck = Scripted(), asyncio.Event()

    class Stuck(Scripted):
        async def complete(self, call: Call, spent: Spent):
            if call.entity_type == "sentence" and call.constraints.topic_tags == ["stuck"]:
                self.waiting += 1
                await stuck.wait()
            return await super().complete(call, spent)

    provider = Stuck()
    await start_worker(provider, max_requests_in_flight=10)
    low = [
        await submit(api, priority="low", constraints={"topic_tags": ["stuck"]}) for _ in range(12)
    ]
    await eventually(lambda: provider.waiting >= 9)

    path = await submit(api, priority="high")

    assert (await settled(api, path))["status"] == "completed"
    stuck.set()
    for waiting in low:
        await settled(api, waiting)


async def test_a_low_request_progresses_under_a_flood_of_high_ones(
    stack: Stack, api: httpx.AsyncClient, start_worker: StartWorker, database: Database
):
    await _flood(stack, database, priority=Priority.HIGH, requests=2_000)
    provider = Scripted()
    worker = await start_worker(provider, max_requests_in_flight=10)
    await eventually(lambda: len(provider.calls) > 50)

    path = await submit(api, priority="low")

    assert (await settled(api, path))["status"] == "completed"
    assert await _overtaken(database, path) < 500
    worker.stop()
