"""Rule 6.11: a worker that is told to stop loses nothing and keeps no request waiting."""

import asyncio
import signal
import time

import httpx
import pytest
from aiokafka import AIOKafkaConsumer
from structlog.testing import capture_logs
from structlog.typing import EventDict

from shared.postgres.database import Database
from shared.runtime.loops import pause
from tests.services import StartWorker
from tests.support import invariants
from tests.support.client import read, settled, submit
from tests.support.processes import Services
from tests.support.providers import Scripted
from tests.support.requests import a_request, row_of
from tests.support.waiting import eventually
from worker_service import drain, duties, watchdog
from worker_service.generation import recording
from worker_service.maintenance import rescue


async def _in_work(api: httpx.AsyncClient, path: str) -> None:
    async def processing() -> bool:
        return bool((await read(api, path))["status"] == "processing")

    await eventually(processing)


async def test_sigterm_finishes_the_call_in_flight_and_hands_the_rest_on(
    services: Services, api: httpx.AsyncClient, database: Database
):
    slow = {"demo_latency_seconds": 1.5, "max_parallel_items_per_request": 1}
    first = await services.worker(**slow)
    path = await submit(api, count=3)
    await _in_work(api, path)

    first.send(signal.SIGTERM)

    assert await first.exit_status(within=10) == 0
    record = await read(api, path)
    assert (record["status"], record["generated_count"]) == ("pending", 1)
    row = await row_of(database, path.rpartition("/")[2])
    assert (row["crashes"], row["releases"], row["epoch"]) == (0, 0, 1)

    await services.worker()
    assert (await settled(api, path))["status"] == "completed"
    assert (await row_of(database, path.rpartition("/")[2]))["crashes"] == 0
    await invariants.check_relayed(database)


async def test_a_kafka_client_that_cancels_itself_while_it_leaves_ends_no_drain(
    api: httpx.AsyncClient,
    start_worker: StartWorker,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
):
    """As aiokafka does where a fetch waits for a broker that is away; the fixture sees the end."""
    stop, has_left = AIOKafkaConsumer.stop, asyncio.Event()

    async def stop_cancelled(consumer: AIOKafkaConsumer) -> None:
        await stop(consumer)
        has_left.set()
        raise asyncio.CancelledError

    monkeypatch.setattr(AIOKafkaConsumer, "stop", stop_cancelled)
    provider = Scripted()
    provider.gate.clear()
    worker = await start_worker(provider)
    path = await submit(api)
    await eventually(lambda: provider.waiting == 1)

    worker.stop()
    await eventually(has_left.is_set)
    provider.gate.set()

    assert (await settled(api, path))["status"] == "completed"
    await invariants.check_relayed(database)


async def test_a_call_that_outlasts_the_drain_is_cut_off_and_its_request_released(
    services: Services, api: httpx.AsyncClient, database: Database
):
    worker = await services.worker(demo_latency_seconds=600, drain_seconds=1)
    path = await submit(api)
    await _in_work(api, path)

    worker.send(signal.SIGTERM)

    assert await worker.exit_status(within=8) == 0
    assert (await read(api, path))["status"] == "pending"
    await invariants.check_relayed(database)


async def test_a_result_that_waits_when_the_drain_is_over_is_tried_once_more(
    api: httpx.AsyncClient,
    start_worker: StartWorker,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
):
    """Another session's lock keeps the result back, and is gone long before the next try."""
    waits = asyncio.Event()

    async def noted_pause(event: asyncio.Event, seconds: float) -> None:
        waits.set()
        await pause(event, seconds)

    monkeypatch.setattr(recording, "_AGAIN_SECONDS", 600.0)
    monkeypatch.setattr(recording, "pause", noted_pause)
    provider = Scripted()
    provider.gate.clear()
    worker = await start_worker(provider, drain_seconds=1)
    path = await submit(api)
    await eventually(lambda: provider.waiting == 1)
    async with database.transaction() as session:
        await session.execute("SELECT FROM generation_requests FOR UPDATE")
        provider.gate.set()
        await eventually(waits.is_set)

    worker.stop()

    assert (await settled(api, path))["status"] == "completed"
    assert len(provider.calls) == 1
    await invariants.check_relayed(database)


async def test_a_record_under_way_when_the_drain_is_over_is_waited_for_as_long_as_a_statement(
    api: httpx.AsyncClient,
    start_worker: StartWorker,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
):
    """Another session inserts the same item and does not say yet whether it stays."""
    monkeypatch.setattr(drain, "SHORTEST_RECORD_SECONDS", 0.1)
    provider = Scripted()
    provider.gate.clear()
    worker = await start_worker(provider, lease_seconds=LONG_LEASE_SECONDS, drain_seconds=0.1)
    path = await submit(api)
    await eventually(lambda: provider.waiting == 1)
    with capture_logs() as logged:
        async with database.connection() as session:
            undecided = session.transaction()
            await undecided.start()
            await session.execute(INSERT_ITEM, path.rpartition("/")[2])
            provider.gate.set()
            await eventually(lambda: _waits_for_a_lock(database))
            worker.stop()
            with pytest.raises(AssertionError):
                await eventually(lambda: _drained(logged), within=1.0)
            await undecided.rollback()
        await eventually(lambda: _drained(logged))

    assert _drained(logged)[0]["left"] == 0
    assert (await read(api, path))["status"] == "completed"


LONG_LEASE_SECONDS = 24.0
INSERT_ITEM = """
INSERT INTO generation_items (generation_request_id, ordinal, status, entity, attempts)
VALUES ($1, 0, 'succeeded', '{"id": "1"}', 1)"""


async def _waits_for_a_lock(database: Database) -> bool:
    waiting = await database.fetch(
        """SELECT FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'"""
    )
    return bool(waiting)


def _drained(logged: list[EventDict]) -> list[EventDict]:
    return [line for line in logged if line["event"] == "worker_drained"]


async def test_a_second_sigterm_leaves_at_once(services: Services, api: httpx.AsyncClient):
    worker = await services.worker(demo_latency_seconds=600, drain_seconds=600)
    await _in_work(api, await submit(api))
    worker.send(signal.SIGTERM)
    await eventually(lambda: "drain_begun" in worker.log.read_text(encoding="utf-8"))

    worker.send(signal.SIGTERM)

    assert await worker.exit_status(within=2) == 1


async def test_a_draining_worker_claims_nothing_more(services: Services, api: httpx.AsyncClient):
    worker = await services.worker(demo_latency_seconds=3)
    await _in_work(api, await submit(api))
    worker.send(signal.SIGTERM)
    await eventually(lambda: "drain_begun" in worker.log.read_text(encoding="utf-8"))

    late = await submit(api)

    assert await worker.exit_status() == 0
    assert (await read(api, late))["started_at"] is None


async def test_a_draining_worker_takes_nothing_from_postgresql_either(
    start_worker: StartWorker,
    api: httpx.AsyncClient,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(rescue, "EVERY_SECONDS", 0.05)
    provider = Scripted()
    provider.gate.clear()
    worker = await start_worker(provider)
    in_work = (await submit(api)).rpartition("/")[2]
    await eventually(lambda: provider.waiting == 1)
    worker.stop()
    await _beats(database, in_work)

    waiting = await a_request(database, age=60)

    await _beats(database, in_work)
    await _beats(database, in_work)
    assert (await row_of(database, waiting))["status"] == "pending"


async def _beats(database: Database, request_id: str) -> None:
    """Wait until the lease of a request is renewed."""
    before = (await row_of(database, request_id))["lease_until"]

    async def is_renewed() -> bool:
        return bool((await row_of(database, request_id))["lease_until"] > before)

    await eventually(is_renewed)


async def test_a_stuck_poll_loop_ends_the_worker_with_a_status_that_says_so(
    start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(watchdog, "STALLED_SECONDS", 1.0)
    monkeypatch.setattr(duties, "WATCH_SECONDS", 0.1)
    worker = await start_worker()

    monkeypatch.setattr(worker.liveness, "tick", lambda: None)

    await eventually(lambda: worker.exit_status == watchdog.EXIT_STALLED, within=10)


async def test_waiting_for_a_slot_is_not_being_stuck(
    start_worker: StartWorker, api: httpx.AsyncClient
):
    provider = Scripted()
    provider.gate.clear()
    worker = await start_worker(provider, max_requests_in_flight=1)
    paths = [await submit(api) for _ in range(3)]
    await eventually(lambda: provider.waiting == 1)

    begun = time.monotonic()
    await eventually(lambda: worker.liveness.ticked_at > begun + 2)

    provider.gate.set()
    for path in paths:
        await settled(api, path)
