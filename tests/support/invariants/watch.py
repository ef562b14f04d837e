"""The invariants that only a witness sees: nothing that is final or committed goes back."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import NoReturn

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from schemas.states import FINAL
from shared.errors import DatabaseUnavailable
from shared.postgres.database import Database

SEEN = "SELECT id, status, version, round FROM generation_requests"

_EVERY_SECONDS = 0.5
_PATIENCE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class _Sight:
    status: str
    version: int
    round: int


@dataclass
class Watch:
    """Look at requests and committed offsets again and again, and note what went back."""

    database: Database
    bootstrap_servers: str
    group: str
    violations: list[str] = field(default_factory=list)
    _requests: dict[str, _Sight] = field(default_factory=dict)
    _offsets: dict[TopicPartition, int] = field(default_factory=dict)
    _looks_away: bool = False

    async def requests(self) -> NoReturn:
        """Watch the requests until cancelled, through outages of PostgreSQL."""
        while True:
            with suppress(DatabaseUnavailable):
                await self._look_at_requests()
            await asyncio.sleep(_EVERY_SECONDS)

    async def offsets(self) -> NoReturn:
        """Watch the committed offsets until cancelled, through outages of Kafka."""
        while True:
            with suppress(KafkaError, OSError, TimeoutError):
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    await self._look_at_offsets()
            await asyncio.sleep(_EVERY_SECONDS)

    @contextmanager
    def blindfolded(self) -> Iterator[None]:
        """Look away from the offsets while a fault rewinds the group."""
        self._looks_away = True
        try:
            yield
        finally:
            self._offsets.clear()
            self._looks_away = False

    async def _look_at_requests(self) -> None:
        for row in await self.database.fetch(SEEN):
            now = _Sight(row["status"], row["version"], row["round"])
            before = self._requests.setdefault(str(row["id"]), now)
            self._requests[str(row["id"])] = now
            if before.status in FINAL and before.round == now.round and before != now:
                self.violations.append(f"request {row['id']} was {before} and then {now}")
            if now.version < before.version:
                self.violations.append(f"the version of request {row['id']} went back")

    async def _look_at_offsets(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap_servers)
        try:
            await admin.start()
            committed = await admin.list_consumer_group_offsets(self.group)
        finally:
            await admin.close()
        if self._looks_away:
            return
        for partition, position in committed.items():
            before = self._offsets.get(partition, position.offset)
            self._offsets[partition] = position.offset
            if position.offset < before:
                self.violations.append(
                    f"the committed offset of {partition} went from {before} to {position.offset}"
                )
