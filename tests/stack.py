"""The servers that tests run against: started once, a database and topics of its own for each test.

`DATABASE_URL` and `KAFKA_BOOTSTRAP_SERVERS` name servers that run already; `TEST_STACK=containers`
starts them in containers; else the devstack starts them. The unit tests need none of it.
"""

import asyncio
import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
import structlog
from aiokafka.admin import AIOKafkaAdminClient

from migrations.migrate import migrate
from shared.kafka.clients import KafkaClients
from shared.kafka.topics import Topics, create_topics
from shared.postgres.database import Database, connect

PARTITIONS = 3
PATIENCE_SECONDS = 10.0
_POSTGRES, _KAFKA, _TEMPLATE = "TEST_POSTGRES_URL", "TEST_KAFKA_SERVERS", "TEST_TEMPLATE"
_SERVERLESS = ("unit", "contract", "providers")


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers and make the template database, in the controlling process alone."""
    renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.processors.add_log_level, renderer])
    if hasattr(config, "workerinput") or not _needs_servers(config):
        return
    stack = ExitStack()
    config.add_cleanup(stack.close)
    postgres, kafka = _servers(stack)
    template = f"template_{uuid.uuid4().hex[:12]}"
    asyncio.run(_execute(postgres, f'CREATE DATABASE "{template}"'))
    stack.callback(lambda: asyncio.run(_drop(postgres, template)))
    asyncio.run(migrate(_named(postgres, template)))
    os.environ.update({_POSTGRES: postgres, _KAFKA: kafka, _TEMPLATE: template})


def _needs_servers(config: pytest.Config) -> bool:
    if config.option.collectonly or config.option.help:
        return False
    return any(_kind_of(argument) not in _SERVERLESS for argument in config.args)


def _kind_of(argument: str) -> str:
    parts = Path(argument.partition("::")[0]).parts
    return parts[parts.index("tests") + 1] if parts.index("tests") + 1 < len(parts) else ""


def _servers(stack: ExitStack) -> tuple[str, str]:
    given = os.environ.get("DATABASE_URL"), os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if given[0] and given[1]:
        return given[0], given[1]
    if os.environ.get("TEST_STACK") == "containers":
        from tests.containers import start  # noqa: PLC0415 - needs a Docker engine

        return start(stack)
    return _devstack(stack)


def _devstack(stack: ExitStack) -> tuple[str, str]:
    from devstack import kafka, postgres  # noqa: PLC0415 - not needed with servers by address

    folder = Path(tempfile.mkdtemp(prefix="generation-tests-"))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    database = postgres.start(state_dir=folder, durable=False)
    stack.callback(database.stop)
    broker = kafka.start(state_dir=folder)
    stack.callback(broker.stop)
    return database.url, broker.bootstrap_servers


def _named(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _drop(url: str, database: str) -> None:
    await _execute(url, f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """The servers as one test sees them."""

    database_url: str
    kafka: str
    prefix: str

    @property
    def topics(self) -> Topics:
        return Topics.with_prefix(self.prefix)

    @property
    def group(self) -> str:
        return f"{self.prefix}workers"


@asynccontextmanager
async def a_database(*, template: str | None = None) -> AsyncIterator[str]:
    """Lend a database, migrated where no template is named."""
    server, name = os.environ[_POSTGRES], f"test_{uuid.uuid4().hex[:12]}"
    template = template or os.environ[_TEMPLATE]
    await _execute(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    yield _named(server, name)
    await _drop(server, name)


@pytest.fixture
async def database_url() -> AsyncIterator[str]:
    """A migrated database of the test's own."""
    async with a_database() as url:
        yield url


@pytest.fixture
async def empty_database_url() -> AsyncIterator[str]:
    """A database of the test's own without any schema."""
    async with a_database(template="template0") as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with connect(
        database_url, patience=PATIENCE_SECONDS, pool_size=10, application_name="test"
    ) as opened:
        yield opened


@asynccontextmanager
async def a_stack(database_url: str) -> AsyncIterator[Stack]:
    """Lend topics, beside a database that is there."""
    made = Stack(
        database_url=database_url,
        kafka=os.environ[_KAFKA],
        prefix=f"t{uuid.uuid4().hex[:10]}.",
    )
    await create_topics(KafkaClients(made.kafka, "test"), made.topics, partitions=PARTITIONS)
    yield made
    await _delete_topics(made)


@pytest.fixture
async def stack(database_url: str) -> AsyncIterator[Stack]:
    """A database and topics of the test's own."""
    async with a_stack(database_url) as made:
        yield made


async def _delete_topics(stack: Stack) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.kafka)
    await admin.start()
    try:
        topics = stack.topics
        names = [*topics.requests.values(), topics.events, topics.dead_letters]
        await admin.delete_topics(names)
    finally:
        await admin.close()
