"""What callers see when PostgreSQL or Kafka is away; these tests own their PostgreSQL."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from api_service.http.problems import MAY_BE_ACCEPTED, NOT_ACCEPTED
from devstack import postgres
from devstack.ports import pick_free_port
from devstack.postgres import Postgres
from migrations.migrate import migrate
from shared.errors import DatabaseContended, DatabaseUnavailable
from shared.postgres.database import connect
from shared.postgres.schema import wait_for_schema
from tests.services import api_settings
from tests.stack import Stack
from tests.support.api import api_told, problem_of
from tests.support.client import read, submit
from tests.support.waiting import eventually

ANSWERED_SECONDS = 3.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A PostgreSQL of the module's own, that its tests freeze, stop and start again."""
    folder: Path = tmp_path_factory.mktemp("postgres")
    server = postgres.start(state_dir=folder, durable=False)
    yield server
    server.thaw()
    server.stop()


@pytest.fixture
async def api(server: Postgres, stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    await migrate(server.url)
    async with api_told(api_settings(replace(stack, database_url=server.url))) as client:
        yield client


async def timed(api: httpx.AsyncClient, method: str, path: str) -> httpx.Response:
    """Send a request that is answered in time, whatever the answer."""
    begun = time.monotonic()
    body = {"entity_type": "sentence"} if method == "POST" else None
    answer = await api.request(method, path, json=body)
    assert time.monotonic() - begun < ANSWERED_SECONDS
    return answer


async def refused_submit(api: httpx.AsyncClient) -> str:
    """Return what a caller is told whose submit is refused."""
    problem = problem_of(await timed(api, "POST", "/generation-requests"), 503)
    return str(problem["detail"])


async def are_unavailable(api: httpx.AsyncClient, path: str) -> None:
    for method, asked in (("POST", "/generation-requests"), ("GET", path)):
        answer = await timed(api, method, asked)
        assert problem_of(answer, 503)["code"] == "database_unavailable"
        assert int(answer.headers["Retry-After"]) >= 1
    assert (await timed(api, "GET", "/livez")).status_code == 200
    ready = await timed(api, "GET", "/readyz")
    assert ready.status_code == 503
    assert ready.json() == {"status": "unavailable", "database": "down", "kafka": "up"}


async def test_a_frozen_database_is_a_503_in_time_and_what_follows_the_thaw_works(
    server: Postgres, api: httpx.AsyncClient
):
    path = await submit(api)
    server.freeze()
    try:
        assert await refused_submit(api) == MAY_BE_ACCEPTED
        for _ in range(2):  # the first time on open connections, the second on new ones
            await are_unavailable(api, path)
    finally:
        server.thaw()

    assert (await read(api, await submit(api)))["status"] == "pending"
    assert (await api.get("/readyz")).json()["status"] == "ready"


async def test_a_database_that_is_down_is_a_503_in_time_until_it_is_back(
    server: Postgres, api: httpx.AsyncClient
):
    path = await submit(api)
    server.stop()
    try:
        await are_unavailable(api, path)
        assert await refused_submit(api) == NOT_ACCEPTED
    finally:
        server.start()

    assert (await read(api, path))["status"] == "pending"
    assert (await submit(api)) != path


async def test_a_database_that_was_killed_keeps_what_it_promised(
    server: Postgres, api: httpx.AsyncClient
):
    path = await submit(api)
    server.kill()
    try:
        await are_unavailable(api, path)
    finally:
        server.start()

    async def is_back() -> bool:
        return (await api.get(path)).status_code == 200

    await eventually(is_back)


async def test_requests_that_crowd_before_a_frozen_database_are_all_answered(
    server: Postgres, api: httpx.AsyncClient
):

    server.freeze()
    try:
        answers = await asyncio.gather(
            *(timed(api, "POST", "/generation-requests") for _ in range(50))
        )
    finally:
        server.thaw()

    assert {answer.status_code for answer in answers} == {503}


async def is_not_ready(api: httpx.AsyncClient) -> None:
    ready = await timed(api, "GET", "/readyz")
    assert (ready.status_code, ready.json()["status"]) == (503, "unavailable")


async def test_an_api_whose_database_is_read_only_is_not_ready(
    server: Postgres, api: httpx.AsyncClient
):
    async with connect(server.url, patience=3, pool_size=1, application_name="test") as database:
        await database.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        await database.execute("SELECT pg_reload_conf()")
        try:

            async def refuses() -> bool:
                return (await timed(api, "GET", "/readyz")).status_code == 503

            await eventually(refuses)
            await is_not_ready(api)
        finally:
            async with database.connection() as connection:
                await connection.execute("SET default_transaction_read_only = off")
                await connection.execute("ALTER SYSTEM RESET default_transaction_read_only")
                await connection.execute("SELECT pg_reload_conf()")


async def test_an_api_whose_table_is_locked_is_not_ready(server: Postgres, api: httpx.AsyncClient):
    async with (
        connect(server.url, patience=10, pool_size=1, application_name="test") as database,
        database.transaction() as connection,
    ):
        await connection.execute("LOCK TABLE generation_requests IN SHARE MODE")
        await is_not_ready(api)


async def test_an_api_that_could_not_write_a_submit_is_not_ready_for_a_while(
    api: httpx.AsyncClient, server: Postgres
):
    async with connect(server.url, patience=3, pool_size=1, application_name="test") as database:
        await database.execute(
            """CREATE FUNCTION fill_disk() RETURNS trigger LANGUAGE plpgsql AS
               $$ BEGIN RAISE SQLSTATE '53100'; END $$"""
        )
        await database.execute(
            """CREATE TRIGGER full_disk BEFORE INSERT ON generation_requests
               FOR EACH ROW EXECUTE FUNCTION fill_disk()"""
        )
        try:
            assert await refused_submit(api) == NOT_ACCEPTED
        finally:
            await database.execute("DROP FUNCTION fill_disk CASCADE")

    await is_not_ready(api)


async def test_an_api_whose_topic_is_missing_is_degraded(stack: Stack):
    async with api_told(api_settings(replace(stack, prefix="nothing-there."))) as api:

        async def is_degraded() -> bool:
            ready = await api.get("/readyz")
            assert ready.status_code == 200
            return bool(ready.json()["kafka"] == "topic_missing")

        await eventually(is_degraded)


async def test_transactions_read_what_is_committed_whatever_the_servers_default(server: Postgres):
    async with connect(server.url, patience=3, pool_size=1, application_name="test") as database:
        async with database.connection() as connection:
            await connection.execute("SET default_transaction_isolation = 'serializable'")
        async with database.transaction() as connection:
            assert await connection.fetchval("SHOW transaction_isolation") == "read committed"


async def test_a_statement_that_lost_a_serialization_race_may_be_repeated(server: Postgres):
    async with connect(server.url, patience=3, pool_size=1, application_name="test") as database:
        with pytest.raises(DatabaseContended):
            await database.execute("DO $$ BEGIN RAISE SQLSTATE '40001'; END $$")


async def test_an_api_without_kafka_is_degraded_and_ready(stack: Stack):
    without_kafka = replace(stack, kafka="127.0.0.1:1")
    async with api_told(api_settings(without_kafka), with_kafka=False) as api:
        ready = await api.get("/readyz")

    assert ready.status_code == 200
    assert ready.json() == {"status": "degraded", "database": "up", "kafka": "down"}


async def test_an_api_whose_schema_is_missing_leaves_with_one_line(stack: Stack, server: Postgres):
    empty = server.url.replace("/generation", "/postgres")
    settings = api_settings(replace(stack, database_url=empty), schema_wait_seconds=2)

    with pytest.raises(SystemExit, match=r"^the schema is missing: run `make migrate`"):
        async with api_told(settings):
            pass


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ("foo=bar", 'unrecognized configuration parameter "foo"'),
        ("max_connections=5", 'parameter "max_connections" cannot be changed'),
        ("sslmode=bogus", "`sslmode` parameter must be one of"),
    ],
)
async def test_an_address_that_asks_for_what_the_server_refuses_is_one_line(
    database_url: str, asked: str, reason: str
):
    url = f"{database_url}?{asked}"
    async with connect(url, patience=2, pool_size=2, application_name="me") as database:
        with pytest.raises(SystemExit, match=f"^wrong setting: DATABASE_URL: {reason}") as left:
            await wait_for_schema(database, seconds=5)

    assert "\n" not in str(left.value)


async def test_several_servers_without_a_primary_are_a_database_that_is_away(database_url: str):
    url = f"{database_url}?target_session_attrs=standby"
    async with connect(url, patience=2, pool_size=2, application_name="me") as database:
        with pytest.raises(DatabaseUnavailable, match="TargetServerAttributeNotMatched"):
            await database.fetchrow("SELECT 1")


async def test_of_several_servers_the_one_that_answers_is_taken(database_url: str):
    server = urlsplit(database_url)
    away = f"{server.username}@127.0.0.1:{pick_free_port()},{server.hostname}:{server.port}"
    url = server._replace(netloc=away).geturl() + "?target_session_attrs=read-write"
    async with connect(url, patience=2, pool_size=2, application_name="me") as database:
        await wait_for_schema(database, seconds=5)


async def test_a_connection_is_in_utc_and_limited_by_the_server_too(database_url: str):
    async with (
        connect(database_url, patience=2, pool_size=2, application_name="me") as database,
        database.connection() as connection,
    ):
        names = "timezone", "statement_timeout", "lock_timeout", "application_name"
        settings = [await connection.fetchval("SELECT current_setting($1)", n) for n in names]

    assert settings == ["UTC", "2s", "1s", "me"]


async def test_connections_are_given_out_in_the_order_of_coming(database_url: str):
    served: list[str] = []
    async with connect(database_url, patience=5, pool_size=1, application_name="me") as database:

        async def ask(name: str) -> None:
            async with database.connection():
                served.append(name)

        async with asyncio.TaskGroup() as group:
            async with database.connection():
                for name in ("first", "second"):
                    group.create_task(ask(name))
                    await asyncio.sleep(0)
            await ask("came when it was free")

    assert served == ["first", "second", "came when it was free"]


async def test_a_pool_without_a_free_connection_is_contended_and_not_lost(
    database_url: str, capsys: pytest.CaptureFixture[str]
):
    async with connect(database_url, patience=0.5, pool_size=1, application_name="me") as database:
        database.patience = 60
        async with database.connection():
            with pytest.raises(DatabaseContended, match="every connection of the pool is in use"):
                await database.execute("SELECT 1")
        await database.execute("SELECT 1")

    assert "database_lost" not in capsys.readouterr().out
