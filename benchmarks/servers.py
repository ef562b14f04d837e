"""PostgreSQL and Kafka of the benchmark's own, and fresh databases and topics on them."""

import os
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from api_service.config import ApiSettings
from benchmarks import bare
from benchmarks.usage import Usage
from devstack.kafka import Kafka
from devstack.postgres import Postgres
from devstack.processes import Process
from migrations.migrate import migrate
from shared.kafka.clients import KafkaClients
from shared.kafka.topics import Topics, create_topics
from worker_service.config import WorkerSettings

PARTITIONS = 6
_STATEMENTS = "pg_stat_statements"
_SETTINGS = {"shared_preload_libraries": _STATEMENTS, f"{_STATEMENTS}.track": "none"}
_TOLD = {name.upper() for told in (ApiSettings, WorkerSettings) for name in told.model_fields}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A database, topics and a folder for logs that are new."""

    server_url: str
    database_url: str
    kafka: str
    prefix: str
    folder: Path
    postgres: Usage

    @property
    def topics(self) -> Topics:
        return Topics.with_prefix(self.prefix)

    @property
    def environment(self) -> dict[str, str]:
        """What the services are told: where their servers are, and whatever is no setting."""
        return {
            **{name: value for name, value in os.environ.items() if name not in _TOLD},
            "DATABASE_URL": self.database_url,
            "KAFKA_BOOTSTRAP_SERVERS": self.kafka,
            "KAFKA_TOPIC_PREFIX": self.prefix,
            "KAFKA_GROUP_ID": f"{self.prefix}workers",
            "LOG_FORMAT": "json",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """A PostgreSQL that keeps what it promises (fsync is on), and a Kafka."""

    postgres: Postgres
    kafka: Kafka
    folder: Path

    async def stack(self) -> Stack:
        """Make a migrated database, with the tables of the bare counterparts, and topics."""
        name = f"b{uuid.uuid4().hex[:8]}"
        async with connected(self.postgres.url) as server:
            await server.execute(f"CREATE DATABASE {name}")
        made = Stack(
            server_url=self.postgres.url,
            database_url=urlunsplit(urlsplit(self.postgres.url)._replace(path=f"/{name}")),
            kafka=self.kafka.bootstrap_servers,
            prefix=f"{name}.",
            folder=self.folder / name,
            postgres=Usage([Process.get(self.postgres.pid)]),
        )
        await migrate(made.database_url)
        async with connected(made.database_url) as database:
            await database.execute(bare.TABLES)
        await create_topics(KafkaClients(made.kafka, "test"), made.topics, partitions=PARTITIONS)
        return made

    async def count_statements(self, stack: Stack) -> None:
        """Have PostgreSQL count the statements of the sessions that a stack opens from now on."""
        name = urlsplit(stack.database_url).path[1:]
        async with connected(self.postgres.url) as server:
            await server.execute(f"CREATE EXTENSION IF NOT EXISTS {_STATEMENTS}")
            await server.execute(f"ALTER DATABASE {name} SET {_STATEMENTS}.track = 'top'")


@contextmanager
def servers() -> Iterator[Servers]:
    """Start both; they and all that they hold are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="generation-benchmark-") as name:
        folder = Path(name)
        database = Postgres(state_dir=folder, settings=_SETTINGS)
        broker = Kafka(state_dir=folder)
        with ExitStack() as cleanup:
            for server in (database, broker):
                server.start()
                cleanup.callback(server.stop)
            yield Servers(postgres=database, kafka=broker, folder=folder)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """Lend a connection of the benchmark's own, whose statements are not counted."""
    connection = await asyncpg.connect(url, server_settings={f"{_STATEMENTS}.track": "none"})
    try:
        yield connection
    finally:
        await connection.close()
