"""What happens to PostgreSQL."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import LiteralString

import asyncpg

from tests.chaos.environment import LEASE_SECONDS, Environment
from tests.chaos.faults.servers import Down, End, Frozen, Part
from tests.support.model_server import Item

_AGAIN_SECONDS = 0.05
_MOST_CONNECTIONS = 300

TERMINATE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE application_name IN ('api_service', 'worker_service') AND state = 'idle in transaction'"""

CANCEL = """
SELECT pg_cancel_backend(pid) FROM pg_stat_activity
 WHERE application_name IN ('api_service', 'worker_service') AND state = 'active'"""

LOCK_ROW = """
SELECT constraints -> 'topic_tags' ->> 0 AS tag, requested_count FROM generation_requests
 WHERE status = 'processing'
 ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendsMet:
    """Another session ends transactions, or cancels statements as a statement timeout does."""

    name: str
    statement: LiteralString
    seconds: float

    async def inject(self, environment: Environment) -> bool:
        met = 0
        until = time.monotonic() + self.seconds
        session = await asyncpg.connect(environment.stack.database_url)
        try:
            while time.monotonic() < until:
                met += len(await session.fetch(self.statement))
                await asyncio.sleep(_AGAIN_SECONDS)
        finally:
            await session.close()
        return met > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RowLocked:
    """Another session locks the row of a request in work for longer than its lease.

    No worker can renew the lease meanwhile; the first one afterwards has it.
    """

    seconds: float
    name: str = "row locked"

    async def inject(self, environment: Environment) -> bool:
        session = await asyncpg.connect(environment.stack.database_url)
        try:
            async with session.transaction():
                since, row = time.time(), await session.fetchrow(LOCK_ROW)
                if row is None:
                    return False
                await asyncio.sleep(self.seconds)
            items = [Item(row["tag"], ordinal) for ordinal in range(row["requested_count"])]
            environment.expose(environment.workers, since=since, items=items)
        finally:
            await session.close()
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionsUsedUp:
    """Another session takes every connection that the server has left."""

    seconds: float
    name: str = "connections used up"

    async def inject(self, environment: Environment) -> bool:
        since = time.time()
        async with AsyncExitStack() as taken:
            with suppress(asyncpg.TooManyConnectionsError):
                for _ in range(_MOST_CONNECTIONS):
                    session = await asyncpg.connect(environment.stack.database_url)
                    taken.push_async_callback(session.close)
            await asyncio.sleep(self.seconds)
        environment.expose(environment.workers, since=since)
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class TableLocked:
    """Another session locks the items, so that every statement on them waits until it is ended."""

    seconds: float
    name: str = "table locked"

    async def inject(self, environment: Environment) -> bool:
        session = await asyncpg.connect(environment.stack.database_url)
        try:
            async with session.transaction():
                await session.execute("LOCK TABLE generation_items IN ACCESS EXCLUSIVE MODE")
                await asyncio.sleep(self.seconds)
        finally:
            await session.close()
        return True


def _down(draw: Random, *, end: End) -> Down:
    return Down(part=Part.POSTGRES, end=end, seconds=draw.uniform(0, 2 * LEASE_SECONDS))


def _frozen(draw: Random) -> Frozen:
    return Frozen(part=Part.POSTGRES, seconds=draw.uniform(1.2, 2.0) * LEASE_SECONDS)


def _met(draw: Random, *, name: str, statement: LiteralString) -> BackendsMet:
    return BackendsMet(name=name, statement=statement, seconds=draw.uniform(2, 6))


def _row(draw: Random) -> RowLocked:
    return RowLocked(seconds=draw.uniform(1.2, 2.0) * LEASE_SECONDS)


def _used_up(draw: Random) -> ConnectionsUsedUp:
    return ConnectionsUsedUp(seconds=draw.uniform(2, 8))


def _table(draw: Random) -> TableLocked:
    return TableLocked(seconds=draw.uniform(1, 3))


FAULTS: Sequence[
    Callable[
        [Random],
        Down | Frozen | BackendsMet | RowLocked | ConnectionsUsedUp | TableLocked,
    ]
] = (
    partial(_down, end=End.STOPPED),
    partial(_down, end=End.KILLED),
    _frozen,
    partial(_met, name="transactions terminated", statement=TERMINATE),
    partial(_met, name="statements timed out", statement=CANCEL),
    _row,
    _used_up,
    _table,
)
