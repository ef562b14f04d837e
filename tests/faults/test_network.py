"""The network between a worker and its servers is cut, swallows everything, or is slow."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from devstack.kafka import Detour, Kafka
from devstack.ports import pick_free_port
from shared.kafka.clients import KafkaClients
from shared.kafka.topics import create_topics
from shared.postgres.database import Database
from tests.services import StartWorker, serving, workers_on
from tests.stack import PARTITIONS, Stack
from tests.support import invariants
from tests.support.client import settled, submit
from tests.support.providers import Scripted
from tests.support.proxy import Proxy, proxied, through
from tests.support.requests import row_of
from tests.support.waiting import eventually

LEASE_SECONDS = 2.0
HARMS: list[Callable[[Proxy], None]] = [Proxy.cut, Proxy.swallow]


@pytest.fixture
async def to_postgres(stack: Stack) -> AsyncIterator[Proxy]:
    async with proxied(urlsplit(stack.database_url).port or 5432) as proxy:
        yield proxy


@pytest.fixture
async def start_far_worker(stack: Stack, to_postgres: Proxy) -> AsyncIterator[StartWorker]:
    """Start workers that reach PostgreSQL through the proxy."""
    far = replace(stack, database_url=through(to_postgres, stack.database_url))
    async with workers_on(far) as start:
        yield start


def _held() -> Scripted:
    provider = Scripted()
    provider.gate.clear()
    return provider


@pytest.mark.parametrize("harm", HARMS)
async def test_a_road_to_postgresql_that_fails_for_less_than_a_lease_costs_nothing(
    harm: Callable[[Proxy], None],
    api: httpx.AsyncClient,
    start_worker: StartWorker,
    start_far_worker: StartWorker,
    to_postgres: Proxy,
    database: Database,
):
    far, near = _held(), Scripted()
    await start_far_worker(far, lease_seconds=6.0)
    path = await submit(api)
    await eventually(lambda: far.waiting == 1)
    await start_worker(near, lease_seconds=6.0)

    harm(to_postgres)
    far.gate.set()
    await eventually(lambda: far.waiting == 0)
    with pytest.raises(AssertionError):  # the result is in hand, and stays there
        await eventually(lambda: near.calls, within=2.0)
    to_postgres.mend()

    assert (await settled(api, path))["status"] == "completed"
    assert (len(far.calls), len(near.calls)) == (1, 0)
    assert (await row_of(database, path.rpartition("/")[2]))["crashes"] == 0
    await invariants.check_relayed(database)


@pytest.mark.parametrize("harm", HARMS)
async def test_what_a_worker_without_a_road_to_postgresql_holds_is_made_by_another_once(
    harm: Callable[[Proxy], None],
    api: httpx.AsyncClient,
    start_worker: StartWorker,
    start_far_worker: StartWorker,
    to_postgres: Proxy,
    database: Database,
):
    far, near = _held(), Scripted()
    await start_far_worker(far, lease_seconds=LEASE_SECONDS)
    paths = [await submit(api, count=2) for _ in range(3)]
    await eventually(lambda: far.waiting == 6)
    await start_worker(near, lease_seconds=LEASE_SECONDS)

    harm(to_postgres)
    before = [await settled(api, path) for path in paths]
    to_postgres.mend()
    far.gate.set()

    await eventually(lambda: far.waiting == 0)
    assert [record["status"] for record in before] == ["completed"] * 3
    assert len(near.calls) == 6
    assert [await settled(api, path) for path in paths] == before
    await invariants.check_relayed(database)


async def test_a_slow_road_to_postgresql_loses_no_lease(
    api: httpx.AsyncClient,
    start_worker: StartWorker,
    start_far_worker: StartWorker,
    to_postgres: Proxy,
    database: Database,
):
    to_postgres.delay(0.03)
    far, near = _held(), Scripted()
    await start_far_worker(far, lease_seconds=2 * LEASE_SECONDS)
    paths = [await submit(api) for _ in range(5)]
    await eventually(lambda: far.waiting == 5)
    await start_worker(near, lease_seconds=2 * LEASE_SECONDS)

    with pytest.raises(AssertionError):  # for one and a half leases
        await eventually(lambda: near.calls, within=3 * LEASE_SECONDS)
    far.gate.set()

    for path in paths:
        assert (await settled(api, path))["status"] == "completed"
        assert (await row_of(database, path.rpartition("/")[2]))["epoch"] == 1
    assert (len(far.calls), len(near.calls)) == (5, 0)
    await invariants.check_relayed(database)


@asynccontextmanager
async def _broker_with_a_detour(folder: Path) -> AsyncIterator[tuple[Kafka, Proxy]]:
    """Start a broker that clients reach directly and through a proxy."""
    port = pick_free_port()
    async with proxied(port) as proxy:
        kafka = Kafka(
            state_dir=folder,
            port=pick_free_port(but=[port]),
            detours=[Detour(port=port, told_port=proxy.port)],
        )
        kafka.launch()
        try:
            await asyncio.to_thread(kafka.wait_until_ready)
            yield kafka, proxy
        finally:
            kafka.stop()


async def test_a_worker_without_a_road_to_kafka_works_from_postgresql_and_then_from_kafka_again(
    database_url: str, database: Database, tmp_path: Path
):
    provider = Scripted()
    async with _broker_with_a_detour(tmp_path) as (kafka, to_kafka):
        stack = Stack(database_url=database_url, kafka=kafka.bootstrap_servers, prefix="network.")
        await create_topics(KafkaClients(stack.kafka, "test"), stack.topics, partitions=PARTITIONS)
        far = replace(stack, kafka=f"127.0.0.1:{to_kafka.port}")
        async with serving(stack) as api, workers_on(far) as start:
            await start(provider)
            for harm in (Proxy.mend, Proxy.cut, Proxy.mend, Proxy.swallow, Proxy.mend):
                harm(to_kafka)
                paths = [await submit(api, count=2) for _ in range(3)]
                for path in paths:
                    assert (await settled(api, path, within=25))["status"] == "completed"
            to_kafka.delay(0.05)
            assert (await settled(api, await submit(api), within=25))["status"] == "completed"
            assert len(provider.calls) == 5 * 3 * 2 + 1
            await invariants.check_relayed(database)
