"""Three workers and two APIs under load: one worker is killed, and no caller notices."""

import asyncio
import signal
from collections import Counter
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from schemas.states import Priority
from shared.postgres.database import Database
from tests.stack import Stack
from tests.support import invariants
from tests.support.processes import Services
from tests.support.waiting import eventually

REQUESTS = 300
UNSETTLED = "SELECT count(*) AS open FROM generation_requests WHERE completed_at IS NULL"
PROGRESS = "SELECT count(*) AS final FROM generation_requests WHERE completed_at IS NOT NULL"


async def test_three_hundred_requests_settle_once_each_although_a_worker_is_killed(
    stack: Stack, services: Services, database: Database
):
    api, *_ = await services.apis(2)
    workers = [await services.worker(demo_latency_seconds=0.2) for _ in range(3)]
    submitting = asyncio.create_task(_submit_all(api.url))
    poisoning = asyncio.create_task(_poison(stack))

    async def well_under_way() -> bool:
        row = await database.fetchrow(PROGRESS)
        return row is not None and row["final"] > REQUESTS // 10

    await eventually(well_under_way, within=60)
    workers[0].send(signal.SIGKILL)
    accepted = await submitting
    await poisoning

    async def all_settled() -> bool:
        row = await database.fetchrow(UNSETTLED)
        return row is not None and row["open"] == 0

    await eventually(all_settled, within=90)
    assert len(accepted) == len(set(accepted)) == REQUESTS
    rows = await database.fetch("SELECT id::text, status FROM generation_requests")
    assert {row["id"] for row in rows} == set(accepted)
    assert {row["status"] for row in rows} == {"completed"}
    assert len(await database.fetch("SELECT FROM dead_letters")) == POISONS
    await invariants.check_relayed(database)
    assert await _events(stack) == dict.fromkeys(accepted, 1)
    for worker in workers[1:]:
        worker.send(signal.SIGTERM)
        assert await worker.exit_status() == 0


async def _submit_all(url: str) -> list[str]:
    async with httpx.AsyncClient(base_url=url) as client:
        answers = []
        for batch in range(0, REQUESTS, 20):
            answers += await asyncio.gather(
                *(
                    client.post("/generation-requests", json=_body(n))
                    for n in range(batch, batch + 20)
                )
            )
        assert {answer.status_code for answer in answers} == {202}
        return [answer.json()["request_id"] for answer in answers]


def _body(number: int) -> dict[str, Any]:
    return {
        "entity_type": "sentence",
        "count": 1 + number % 10,
        "priority": ("high", "normal", "low")[number % 3],
    }


POISONS = 9


async def _poison(stack: Stack) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=stack.kafka)
    await producer.start()
    try:
        for number in range(POISONS):
            topic = stack.topics.requests[tuple(Priority)[number % 3]]
            await producer.send_and_wait(topic, b"poison %d" % number)
    finally:
        await producer.stop()


async def _events(stack: Stack) -> dict[str, int]:
    """Count the distinct settled events of each request; the relay may repeat one, not add one."""
    consumer = AIOKafkaConsumer(
        stack.topics.events,
        bootstrap_servers=stack.kafka,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    seen: set[tuple[str, bytes]] = set()
    try:
        while records := await consumer.getmany(timeout_ms=2000):
            for batch in records.values():
                seen |= {(r.key.decode(), dict(r.headers)["ce_id"]) for r in batch}
    finally:
        await consumer.stop()
    return dict(Counter(key for key, _ in seen))
