"""What the two services measure."""

import asyncio
import platform
import time
from types import SimpleNamespace
from typing import cast

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from schemas.states import Priority
from shared.errors import ErrorCode
from shared.kafka.publisher import Publisher
from shared.postgres.database import Database, PoolUse, connect
from shared.runtime.metrics import WORKER, exposition
from shared.version import VERSION
from tests.services import StartWorker
from tests.stack import Stack
from tests.support.client import settled, submit
from tests.support.providers import Scripted
from tests.support.requests import Claimer, a_request
from tests.support.waiting import eventually
from worker_service.claims.circuit import Admission, BreakerPolicy, Breakers
from worker_service.claims.slots import Slots
from worker_service.health import create_app
from worker_service.intake.lag import show_lag
from worker_service.intake.offsets import Offsets
from worker_service.providers import PermanentError, TransientError

pytestmark = pytest.mark.usefixtures("balanced_services")

OF_BOTH = (
    "generation_build_info",
    "generation_database_",
    "generation_dependency_up",
    "generation_event_loop_lag_seconds",
    "generation_process_",
)

LAG = "generation_kafka_lag_messages"

Samples = dict[tuple[str, tuple[str, ...]], float]


async def _scraped(client: httpx.AsyncClient) -> Samples:
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    return _samples(answer.text)


def _samples(text: str) -> Samples:
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def _scraped_of_both(api: httpx.AsyncClient) -> Samples:
    """Read what the API serves, and what a worker in this process would."""
    return await _scraped(api) | _samples(exposition(WORKER).decode())


async def test_the_api_tells_what_is_open(api: httpx.AsyncClient, database: Database):
    await a_request(database, priority="low", age=100)
    await a_request(database, priority="low", age=5)
    await Claimer(database, lease_seconds=60).claim(await a_request(database))

    samples = await _scraped(api)

    assert samples["generation_requests_unclaimed", ("low",)] == 2
    assert samples["generation_requests_unclaimed", ("high",)] == 0
    assert samples["generation_requests_processing", ()] == 1
    assert 100 <= samples["generation_requests_oldest_unclaimed_seconds", ()] < 160
    assert samples["generation_outbox_rows", ("parked",)] == 0


async def test_scrapes_at_the_same_time_all_tell_everything(
    api: httpx.AsyncClient, database: Database
):
    await a_request(database, priority="low")

    async def scrape_often() -> list[Samples]:
        return [await _scraped(api) for _ in range(20)]

    for scrapes in await asyncio.gather(*(scrape_often() for _ in range(3))):
        for scrape in scrapes:
            assert scrape["generation_requests_unclaimed", ("low",)] == 1
            assert scrape["generation_requests_processing", ()] == 0


async def test_a_service_serves_the_metrics_that_it_knows_something_of(api: httpx.AsyncClient):
    of_the_api = {name for name, _ in await _scraped(api)}
    of_a_worker = {name for name, _ in _samples(exposition(WORKER).decode())}

    assert "generation_requests_processing" in of_the_api
    assert "generation_requests_in_flight" in of_a_worker
    assert {name for name in of_the_api & of_a_worker if not name.startswith(OF_BOTH)} == set()
    assert {
        name for name in of_the_api | of_a_worker if not name.startswith("generation_")
    } == set()
    assert not [name for name in of_the_api | of_a_worker if name.endswith("_created")]


async def test_a_request_is_counted_from_its_acceptance_to_its_settling(
    api: httpx.AsyncClient, start_worker: StartWorker
):
    names = (
        ("generation_requests_accepted_total", ("sentence", "high")),
        ("generation_requests_settled_total", ("sentence", "completed")),
        ("generation_requests_claimed_total", ("ordinary",)),
        ("generation_items_succeeded_total", ("sentence",)),
        ("generation_provider_calls_total", ("ok", "demo")),
    )
    before = await _scraped_of_both(api)
    await start_worker(Scripted())

    await settled(api, await submit(api, count=2, priority="high"))

    after = await _scraped_of_both(api)
    risen = {name: after[name] - before.get(name, 0.0) for name in names}
    assert list(risen.values()) == [1, 1, 1, 2, 2]


async def test_failed_and_deferred_items_are_counted_by_their_codes(
    api: httpx.AsyncClient, start_worker: StartWorker
):
    names = (
        ("generation_items_failed_total", ("refused",)),
        ("generation_items_deferred_total", ("rate_limited",)),
        ("generation_requests_released_total", ("rate_limited",)),
    )
    busy = TransientError(ErrorCode.RATE_LIMITED, "busy", retry_after=0.1)
    refused = PermanentError(ErrorCode.REFUSED, "no")
    provider = Scripted(lambda _: busy if len(provider.calls) == 1 else refused)
    before = await _scraped_of_both(api)
    await start_worker(provider, call_attempts=1)

    await settled(api, await submit(api))

    after = await _scraped_of_both(api)
    assert [after[name] - before[name] for name in names] == [1, 1, 1]


async def test_the_use_of_the_pool_is_told(database_url: str):
    """Two connections for three statements: one of them waits."""
    async with (
        connect(database_url, patience=10, pool_size=2, application_name="test") as database,
        database.connection(),
        database.connection(),
    ):
        waiting = asyncio.create_task(database.execute("SELECT 1"))
        await eventually(lambda: database.pool_use.waiting == 1)
        assert database.pool_use == PoolUse(in_use=2, idle=0, most=2, waiting=1)
        waiting.cancel()


async def test_the_lag_of_a_partition_is_what_is_not_handled(
    stack: Stack, producer: AIOKafkaProducer
):
    partition = (stack.topics.requests[Priority.NORMAL], 0)
    for _ in range(3):
        await producer.send_and_wait(partition[0], b"{}", partition=partition[1])
    offsets = Offsets()
    consumer = AIOKafkaConsumer(
        partition[0],
        bootstrap_servers=stack.kafka,
        group_id=stack.group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    async with consumer:
        await eventually(lambda: TopicPartition(*partition) in consumer.assignment())

        await show_lag(consumer, offsets)
        assert _samples(exposition(WORKER).decode())[LAG, ("0", partition[0])] == 3

        offsets.handled(partition, 0, assignment=offsets.assignment)
        await show_lag(consumer, offsets)
        assert _samples(exposition(WORKER).decode())[LAG, ("0", partition[0])] == 2


async def test_the_worker_serves_its_metrics(database: Database):
    breakers = Breakers(BreakerPolicy(failures=1))
    circuit = breakers.circuit("demo", credential="", model=None)
    admission = circuit.admit(0.0)
    assert isinstance(admission, Admission)
    circuit.refused(admission, ErrorCode.AUTH, now=time.monotonic())
    publisher = cast("Publisher", SimpleNamespace(reachable=False))
    app = create_app(database, publisher, slots=Slots(3), breakers=breakers)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://worker") as client:
        samples = await _scraped(client)

    assert samples["generation_requests_in_flight", ()] == 0
    assert samples["generation_provider_circuits", ("demo", "open")] == 1
    assert samples["generation_provider_circuits", ("demo", "closed")] == 0
    assert samples["generation_dependency_up", ("kafka",)] == 0
    assert samples["generation_dependency_up", ("postgresql",)] == 1
    assert samples["generation_database_connections_limit", ()] >= 2
    assert samples["generation_process_open_fds", ()] > 0
    assert samples["generation_build_info", (platform.python_version(), VERSION)] == 1
