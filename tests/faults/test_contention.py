"""PostgreSQL answers, but not as one would wish: locks, lost transactions, no connection left."""

import asyncio
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import LiteralString

import asyncpg
import httpx
import pytest

from devstack import postgres
from migrations.migrate import migrate
from shared.errors import DatabaseUnavailable
from shared.postgres.database import Database, connect
from tests.chaos.faults.postgres import CANCEL, TERMINATE
from tests.services import StartWorker, serving, workers_on
from tests.stack import Stack, a_stack
from tests.support import invariants
from tests.support.client import settled, submit
from tests.support.providers import Scripted
from tests.support.requests import row_of
from tests.support.waiting import eventually

LEASE_SECONDS = 2.0
BODY = {"entity_type": "sentence", "count": 1}


async def test_a_row_that_another_session_locks_for_longer_than_a_lease_costs_the_others_nothing(
    api: httpx.AsyncClient,
    start_worker: StartWorker,
    database: Database,
    database_url: str,
):
    provider = Scripted()
    provider.gate.clear()
    for _ in range(2):
        await start_worker(provider, lease_seconds=LEASE_SECONDS)
    paths = [await submit(api) for _ in range(6)]
    await eventually(lambda: provider.waiting == 6)
    locked, *others = [path.rpartition("/")[2] for path in paths]

    session = await asyncpg.connect(database_url)
    async with session.transaction():
        await session.execute("SELECT FROM generation_requests WHERE id = $1 FOR UPDATE", locked)
        with pytest.raises(AssertionError):  # two leases pass, and no worker takes anything over
            await eventually(lambda: len(provider.calls) > 6, within=2 * LEASE_SECONDS)
        provider.gate.set()
        for path in paths[1:]:
            assert (await settled(api, path))["status"] == "completed"
    await session.close()

    assert (await settled(api, paths[0]))["status"] == "completed"
    for request_id in others:
        assert (await row_of(database, request_id))["epoch"] == 1
    await invariants.check_relayed(database)


@pytest.mark.parametrize(
    "statement", [TERMINATE, CANCEL], ids=["transactions-terminated", "statements-timed-out"]
)
async def test_a_result_in_hand_outlives_whatever_ends_its_transaction(
    statement: LiteralString,
    api: httpx.AsyncClient,
    start_worker: StartWorker,
    database: Database,
    database_url: str,
):
    provider = Scripted()
    provider.gate.clear()
    await start_worker(provider)
    paths = [await submit(api, count=3) for _ in range(30)]
    await eventually(lambda: provider.waiting > 60)

    met = 0

    async def harass() -> None:
        nonlocal met
        session = await asyncpg.connect(database_url)
        while met < 20:
            met += len(await session.fetch(statement))
        await session.close()

    async with asyncio.timeout(60):
        harassing = asyncio.create_task(harass())
        provider.gate.set()
        while not harassing.done():
            paths.append(await _accepted(api))
        await harassing

    for path in paths:
        assert (await settled(api, path, within=40))["status"] == "completed"
    assert len(provider.calls) == 90 + len(paths) - 30
    await invariants.check_relayed(database)


async def test_a_backend_that_is_ended_between_two_statements_is_an_outage_like_any_other(
    database_url: str, database: Database
):
    """asyncpg may have read the server's farewell, and not yet that the connection is closed."""
    async with connect(database_url, patience=10, pool_size=1, application_name="test") as ended:

        async def go_on_after(turns: int) -> None:
            async with ended.transaction() as connection:
                await connection.execute("SELECT 1")
                await database.execute(TERMINATE_IDLE)
                for _ in range(turns):
                    await asyncio.sleep(0)
                await connection.execute("SELECT 2")

        for number in range(60):
            with pytest.raises(DatabaseUnavailable):
                await go_on_after(number // 10)


TERMINATE_IDLE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE datname = current_database() AND state = 'idle in transaction'"""


async def _accepted(api: httpx.AsyncClient) -> str:
    """Submit until it is promised: while statements are ended the API may answer 503."""

    async def promised() -> str | None:
        answer = await api.post("/generation-requests", json=BODY)
        return answer.headers["Location"] if answer.status_code == 202 else None

    path: str = await eventually(promised)
    return path


async def test_when_other_sessions_use_up_every_connection_work_goes_on_afterwards(tmp_path: Path):
    """A server of the test's own: no other test shall find it full."""
    server = postgres.start(state_dir=tmp_path, durable=False)
    try:
        await migrate(server.url)
        async with a_stack(server.url) as stack:
            await _use_up_and_go_on(stack)
    finally:
        server.stop()


async def _use_up_and_go_on(stack: Stack) -> None:
    provider = Scripted()
    async with (
        serving(stack) as api,
        workers_on(stack) as start,
        connect(stack.database_url, patience=10, pool_size=1, application_name="test") as database,
    ):
        await start(provider)
        assert (await settled(api, await submit(api)))["status"] == "completed"
        async with AsyncExitStack() as taken:

            async def is_full() -> bool:
                """Take what is left, and what the service has, until it has nothing."""
                await database.execute(TERMINATE_OURS)
                with suppress(asyncpg.TooManyConnectionsError):
                    while True:
                        session = await asyncpg.connect(stack.database_url)
                        taken.push_async_callback(session.close)
                return (await api.post("/generation-requests", json=BODY)).status_code == 503

            await eventually(is_full)
        paths = [await _accepted(api) for _ in range(5)]
        for path in paths:
            assert (await settled(api, path))["status"] == "completed"
        await invariants.check_relayed(database)
        assert len(provider.calls) == len(await database.fetch("SELECT FROM generation_items"))


TERMINATE_OURS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE application_name IN ('api_service', 'worker_service')"""
