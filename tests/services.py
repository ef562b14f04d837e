"""The two services inside the test's own process, with a scripted provider."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaProducer

from api_service.app import create_app, opened
from api_service.config import ApiSettings
from shared.http.server import listen
from shared.kafka.clients import KafkaClients
from shared.kafka.publisher import Publisher
from shared.kafka.topics import Topics
from shared.postgres.database import Database, connect
from tests.stack import Stack
from tests.support import invariants
from tests.support.processes import Services, services_of
from tests.support.providers import Scripted, tools_of
from worker_service.claims.circuit import BreakerPolicy, Breakers
from worker_service.config import WorkerSettings
from worker_service.generation.retry_policy import RetryPolicy
from worker_service.generators.contract import Generator
from worker_service.worker import Worker

LEASE_SECONDS = 4.0


def api_settings(stack: Stack, **changes: Any) -> ApiSettings:
    return ApiSettings(
        database_url=stack.database_url,
        kafka_bootstrap_servers=stack.kafka,
        kafka_topic_prefix=stack.prefix,
        **changes,
    )


def worker_settings(stack: Stack, **changes: Any) -> WorkerSettings:
    told: dict[str, Any] = {
        "lease_seconds": LEASE_SECONDS,
        "drain_seconds": 5,
        "kafka_group_id": stack.group,
        **changes,
    }
    return WorkerSettings(
        database_url=stack.database_url,
        kafka_bootstrap_servers=stack.kafka,
        kafka_topic_prefix=stack.prefix,
        worker_health_port=0,
        **told,
    )


@asynccontextmanager
async def serving(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """Run an API service in this process and lend a client of it."""
    async with opened(api_settings(stack)) as context:
        transport = httpx.ASGITransport(app=create_app(context))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client


@pytest.fixture
async def api(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(stack) as client:
        yield client


StartWorker = Callable[..., Awaitable[Worker]]


@asynccontextmanager
async def workers_on(stack: Stack) -> AsyncIterator[StartWorker]:
    """Lend a function that starts workers in this process; they are drained at the end."""
    async with AsyncExitStack() as started:

        async def start(
            provider: Scripted | None = None,
            more: Mapping[str, Generator] = MappingProxyType({}),
            **settings: Any,
        ) -> Worker:
            return await started.enter_async_context(
                _working(worker_settings(stack, **settings), provider or Scripted(), more)
            )

        yield start


@pytest.fixture
async def start_worker(stack: Stack) -> AsyncIterator[StartWorker]:
    async with workers_on(stack) as start:
        yield start


@asynccontextmanager
async def _working(
    settings: WorkerSettings, provider: Scripted, more: Mapping[str, Generator]
) -> AsyncIterator[Worker]:
    async with connect(
        settings.database_url,
        password=settings.database_password,
        patience=settings.lease_seconds / 3,
        pool_size=settings.database_pool_size,
        application_name="worker_service",
    ) as database:
        topics = Topics.with_prefix(settings.kafka_topic_prefix)
        publisher = Publisher(KafkaClients.of(settings, client_id="worker_service"), topics.names)
        policy = RetryPolicy(
            call_attempts=settings.call_attempts,
            calls_per_item=settings.max_calls_per_item,
            first_wait=0.0,
            longest_wait=0.0,
        )
        breakers = Breakers(
            BreakerPolicy(
                failures=settings.breaker_failures, first_seconds=settings.breaker_seconds
            )
        )
        tools = tools_of(provider, policy, breakers, calls=settings.provider_calls, more=more)
        worker = Worker(settings, database, publisher, tools)
        running = asyncio.create_task(worker.run(listen("127.0.0.1", 0)))
        try:
            yield worker
        finally:
            worker.stop()
            provider.gate.set()
            await running


@pytest.fixture
async def producer(stack: Stack) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(bootstrap_servers=stack.kafka, max_request_size=2**21)
    await producer.start()
    yield producer
    await producer.stop()


@pytest.fixture
def services(stack: Stack, tmp_path: Path) -> Iterator[Services]:
    """Start the services as processes of their own."""
    with services_of(stack, tmp_path) as started:
        yield started


@pytest.fixture
async def loop() -> asyncio.AbstractEventLoop:
    """The loop that a test's fixtures live in, for a test that is no coroutine."""
    return asyncio.get_running_loop()


@pytest.fixture
async def balanced(database: Database) -> AsyncIterator[None]:
    """Check after the test that the invariants hold; for tests in which no relay runs."""
    yield
    await invariants.check(database)


@pytest.fixture
async def balanced_services(
    database: Database,
    api: httpx.AsyncClient,
    start_worker: StartWorker,  # noqa: ARG001 - the check comes before it is drained
) -> AsyncIterator[None]:
    """Check after the test, while its relay still runs, that the invariants hold."""
    yield
    await invariants.check_relayed(database)
    await invariants.check_usage(api, database)
