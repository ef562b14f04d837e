"""What an outage of PostgreSQL or Kafka costs: time, and nothing else."""

import asyncio
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from devstack import kafka, postgres
from devstack.kafka import Kafka
from devstack.ports import pick_free_port
from devstack.postgres import Postgres
from migrations.migrate import migrate
from shared.errors import DatabaseUnavailable
from shared.kafka.clients import KafkaClients
from shared.kafka.publisher import Publisher
from shared.kafka.records import Acknowledged, NotDelivered, Record, TopicMissing
from shared.kafka.topics import create_topics
from shared.postgres.database import Database, connect
from tests.services import StartWorker, serving, workers_on
from tests.stack import PARTITIONS, Stack
from tests.support import invariants
from tests.support.client import read, settled, submit
from tests.support.processes import Services
from tests.support.providers import Scripted
from tests.support.requests import row_of
from tests.support.waiting import eventually


@pytest.fixture
def own_postgres(tmp_path: Path):
    server = postgres.start(state_dir=tmp_path / "pg", durable=False)
    yield server
    server.thaw()
    server.stop()


@pytest.fixture
def own_kafka(tmp_path: Path):
    broker = kafka.start(state_dir=tmp_path / "kafka")
    yield broker
    broker.thaw()
    broker.stop()


@pytest.fixture
async def database_url(own_postgres: Postgres) -> str:
    await migrate(own_postgres.url)
    return own_postgres.url


@pytest.fixture
async def stack(database_url: str, own_kafka: Kafka) -> Stack:
    """Servers of the test's own, which it may stop and freeze."""
    made = Stack(database_url=database_url, kafka=own_kafka.bootstrap_servers, prefix="faults.")
    await create_topics(KafkaClients(made.kafka, "test"), made.topics, partitions=PARTITIONS)
    return made


async def test_a_result_in_hand_outlives_a_restart_of_postgresql(
    api: httpx.AsyncClient,
    start_worker: StartWorker,
    own_postgres: Postgres,
    database: Database,
):
    provider = Scripted()
    provider.gate.clear()
    await start_worker(provider)
    path = await submit(api)
    await eventually(lambda: provider.waiting == 1)

    own_postgres.stop()
    provider.gate.set()
    await eventually(lambda: provider.waiting == 0)
    own_postgres.start()

    record = await settled_again(api, path)
    assert record["status"] == "completed"
    assert len(provider.calls) == 1
    await invariants.check_relayed(database)


async def test_a_frozen_postgresql_costs_no_lease_and_no_second_call(
    api: httpx.AsyncClient,
    start_worker: StartWorker,
    own_postgres: Postgres,
    database: Database,
):
    """Frozen for longer than the lease: both workers come back, and neither robs the other."""
    provider = Scripted()
    provider.gate.clear()
    for _ in range(2):
        await start_worker(provider, lease_seconds=2.0)
    paths = [await submit(api) for _ in range(6)]
    await eventually(lambda: provider.waiting == 6)

    own_postgres.freeze()
    with pytest.raises(AssertionError):  # nothing happens, for one and a half leases
        await eventually(lambda: provider.waiting < 6, within=3.0)
    own_postgres.thaw()
    provider.gate.set()

    for path in paths:
        assert (await settled_again(api, path))["status"] == "completed"
        row = await row_of(database, path.rpartition("/")[2])
        assert (row["epoch"], row["crashes"]) == (1, 0)
    assert len(provider.calls) == 6
    await invariants.check_relayed(database)


async def test_without_kafka_workers_claim_from_postgresql_and_afterwards_nothing_is_done_twice(
    api: httpx.AsyncClient,
    start_worker: StartWorker,
    own_kafka: Kafka,
    database: Database,
):
    provider = Scripted()
    await start_worker(provider)
    assert (await settled(api, await submit(api)))["status"] == "completed"
    own_kafka.stop()
    await eventually(lambda: _is_degraded(api), within=30)

    paths = [await submit(api, count=2) for _ in range(5)]
    for path in paths:
        assert (await settled(api, path))["status"] == "completed"

    own_kafka.start()
    after = await submit(api)
    assert (await settled(api, after, within=60))["status"] == "completed"
    assert len(provider.calls) == 1 + 10 + 1
    await invariants.check_relayed(database)


async def test_a_broker_that_never_was_there_keeps_no_request_from_being_settled(
    database_url: str,
):
    """Neither service has ever reached it."""
    nowhere = f"127.0.0.1:{pick_free_port()}"
    stack = Stack(database_url=database_url, kafka=nowhere, prefix="never.")
    provider = Scripted()
    async with serving(stack) as api, workers_on(stack) as start:
        for _ in range(2):
            await start(provider)
        paths = [await submit(api, count=2) for _ in range(10)]
        for path in paths:
            assert (await settled(api, path))["status"] == "completed"
    assert len(provider.calls) == 20


async def test_an_outage_of_kafka_is_a_few_log_lines(
    own_kafka: Kafka, services: Services, api: httpx.AsyncClient
):
    worker = await services.worker()
    own_kafka.stop()
    for path in [await submit(api) for _ in range(3)]:
        await settled(api, path, within=30)
    await eventually(lambda: "kafka_lost" in worker.log.read_text(encoding="utf-8"))
    own_kafka.start()
    await settled(api, await submit(api), within=60)
    await eventually(lambda: worker.log.read_text(encoding="utf-8").count("kafka_reached") == 2)

    log = worker.log.read_text(encoding="utf-8")
    of_the_outage = [line for line in log.splitlines() if "request_id" not in line]
    assert log.count("kafka_lost") == 1
    assert len(of_the_outage) < 40, "\n".join(of_the_outage)


async def test_a_worker_is_ready_while_it_reaches_postgresql(
    own_kafka: Kafka, own_postgres: Postgres, services: Services
):
    worker = await services.worker()
    async with httpx.AsyncClient(base_url=worker.url, timeout=10) as health:

        async def is_now(*expected: object) -> None:
            async def it_is() -> bool:
                answer = await health.get("/readyz")
                body = answer.json()
                return expected == (answer.status_code, body["status"], body["kafka"])

            await eventually(it_is, within=30, what=str(expected))

        await is_now(200, "ready", "up")
        own_kafka.stop()
        await is_now(200, "degraded", "down")
        own_postgres.freeze()
        await is_now(503, "unavailable", "down")


async def test_a_transaction_on_a_frozen_postgresql_ends_in_time(
    own_postgres: Postgres, database_url: str
):
    async with connect(
        database_url, patience=1.0, pool_size=1, application_name="test"
    ) as impatient:

        async def stall() -> None:
            async with impatient.transaction() as connection:
                await connection.fetchrow("SELECT 1")
                own_postgres.freeze()
                await connection.fetchrow("SELECT 1")

        async with asyncio.timeout(5):
            with pytest.raises(DatabaseUnavailable):
                await stall()


async def test_a_record_that_a_frozen_broker_does_not_take_is_not_refused(
    stack: Stack, own_kafka: Kafka
):
    publisher = Publisher(KafkaClients(stack.kafka, "test"))
    watching = asyncio.create_task(publisher.watch())
    await eventually(lambda: publisher.reachable)
    record = Record(topic=stack.topics.events, key=b"k", value=b"v", headers=[])
    of_a_new_topic = replace(record, topic="faults.new")
    assert await publisher.publish([record, of_a_new_topic]) == [
        Acknowledged(),
        TopicMissing("faults.new"),
    ]

    own_kafka.freeze()
    results = await publisher.publish([record, of_a_new_topic])
    own_kafka.thaw()

    assert results == [NotDelivered(), NotDelivered()]
    watching.cancel()
    await publisher.stop()


async def _is_degraded(api: httpx.AsyncClient) -> bool:
    return bool((await api.get("/readyz")).json()["status"] == "degraded")


async def settled_again(api: httpx.AsyncClient, path: str):
    """Poll through the 503s of an outage until the status is final."""

    async def final():
        answer = await api.get(path)
        if answer.status_code == 503:
            return None
        record = await read(api, path)
        return record if record["completed_at"] else None

    return await eventually(final, within=40, what=f"{path} settles")
