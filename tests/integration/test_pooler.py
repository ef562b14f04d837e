"""The services behind a pooler that gives each transaction another session of the server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

import asyncpg
import httpx
import pytest

from migrations.migrate import MigrationFailed, migrate
from shared.postgres.database import Database, connect
from shared.postgres.limits import Limits
from shared.postgres.pooling import Pooling
from shared.postgres.schema import wait_for_schema
from tests.stack import Stack
from tests.support import invariants
from tests.support.pgbouncer import pgbouncer
from tests.support.processes import Services
from tests.support.waiting import eventually

_PATIENCE = 4.0
_TIGHTEST = 1.0
_DROPPED = "statement_timeout,lock_timeout,idle_in_transaction_session_timeout,tcp_user_timeout"
_IN_SILENCE = f"ignore_startup_parameters = jit,default_transaction_isolation,{_DROPPED}"


@pytest.fixture
async def pooled_url(database_url: str, tmp_path: Path) -> AsyncIterator[str]:
    async with pgbouncer(database_url, tmp_path) as url:
        yield url


async def limit_role(database_url: str) -> None:
    """Give the role in this database what a pooler takes from us."""
    connection = await asyncpg.connect(database_url)
    try:
        place = await connection.fetchval(
            "SELECT format('%I IN DATABASE %I', current_user, current_database())"
        )
        for name, value in Limits.within(_TIGHTEST).settings().items():
            await connection.execute(f"ALTER ROLE {place} SET {name} = '{value}'")
    finally:
        await connection.close()


def opened(url: str, pooling: Pooling) -> AbstractAsyncContextManager[Database]:
    return connect(url, patience=_PATIENCE, pool_size=20, application_name="me", pooling=pooling)


async def refusal(url: str, pooling: Pooling) -> str:
    """Start as a service does, and return the line that it leaves with."""
    async with opened(url, pooling) as database:
        with pytest.raises(SystemExit) as left:
            await wait_for_schema(database, seconds=5)
    return str(left.value)


async def test_an_undeclared_pooler_that_refuses_the_limits_is_one_line(pooled_url: str):
    said = await refusal(pooled_url, Pooling.NONE)

    assert said.startswith("wrong setting: DATABASE_URL: unsupported startup parameter: ")
    assert said.endswith(": set DATABASE_POOLER=transaction")


async def test_an_undeclared_pooler_that_drops_the_limits_is_one_line(
    database_url: str, tmp_path: Path
):
    async with pgbouncer(database_url, tmp_path, _IN_SILENCE) as url:
        said = await refusal(url, Pooling.NONE)

    assert said == (
        "wrong setting: DATABASE_URL: it leads to a pooler: set DATABASE_POOLER=transaction"
    )


async def test_limits_that_do_not_hold_behind_a_pooler_are_one_line(
    pooled_url: str, database_url: str
):
    said = await refusal(pooled_url, Pooling.TRANSACTION)

    name = database_url.rpartition("/")[2]
    assert f"ALTER ROLE postgres IN DATABASE {name} SET statement_timeout = '4000';" in said
    assert "SET lock_timeout = '2000';" in said
    assert "\n" not in said


async def test_what_that_line_orders_makes_the_limits_hold(pooled_url: str, database_url: str):
    said = await refusal(pooled_url, Pooling.TRANSACTION)
    administrator = await asyncpg.connect(database_url)
    await administrator.execute(said.split("`")[1])
    await administrator.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'me'"
    )
    await administrator.close()

    async with opened(pooled_url, Pooling.TRANSACTION) as database:
        await wait_for_schema(database, seconds=5)


async def test_statements_keep_to_their_session_behind_a_pooler(pooled_url: str, database_url: str):
    await limit_role(database_url)
    async with opened(pooled_url, Pooling.TRANSACTION) as database:

        async def ask(number: int) -> bool:
            texts = "SELECT $1::int AS same", "SELECT ($1::int + 1) - 1 AS same"
            row = await database.fetchrow(texts[number % 2], number)
            return row is not None and row["same"] == number

        assert all([await each for each in asyncio.as_completed(map(ask, range(300)))])


async def test_requests_settle_through_a_pooler(
    stack: Stack, services: Services, database: Database, tmp_path: Path
):
    await limit_role(stack.database_url)
    async with pgbouncer(stack.database_url, tmp_path) as url:
        services.stack = replace(stack, database_url=url)
        (api,) = await services.apis(1, database_pooler="transaction")
        await services.worker(database_pooler="transaction", demo_latency_seconds=0)
        async with httpx.AsyncClient(base_url=api.url) as client:
            body = {"entity_type": "problem", "provider": "demo", "count": 5}
            submitted = await asyncio.gather(
                *(client.post("/generation-requests", json=body) for _ in range(20))
            )
            assert {answer.status_code for answer in submitted} == {202}, submitted[0].text

            async def are_completed() -> bool:
                polls = [await client.get(answer.headers["location"]) for answer in submitted]
                return {poll.json()["status"] for poll in polls} == {"completed"}

            await eventually(are_completed, within=60)
            await invariants.check_relayed(database)


async def test_migrations_through_a_pooler_are_refused(pooled_url: str):
    with pytest.raises(MigrationFailed, match="set MIGRATIONS_DATABASE_URL"):
        await migrate(pooled_url)
