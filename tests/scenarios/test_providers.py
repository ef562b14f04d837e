"""A worker asks a model server that others wrote, over HTTP."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from shared.postgres.database import Database
from tests.support.client import read, settled, submit
from tests.support.maintenance import HAS_WATCHED
from tests.support.mock_server import KEY, MockServer, running_mock
from tests.support.processes import Service, Services
from tests.support.requests import row_of
from tests.support.waiting import eventually

pytestmark = pytest.mark.usefixtures("balanced_services")

WRONG = "sk-wrong-0f3b"


@pytest.fixture
def mock(tmp_path: Path) -> Iterator[MockServer]:
    with running_mock(tmp_path) as server:
        yield server


def command_of(service: Service) -> str:
    """Return the command line as the process list shows it."""
    return Path(f"/proc/{service.process.pid}/cmdline").read_text()


async def calls_of(database: Database, path: str) -> list[dict[str, object]]:
    rows = await database.fetch(
        "SELECT * FROM provider_calls WHERE generation_request_id = $1 ORDER BY call_id",
        path.rpartition("/")[2],
    )
    return [dict(row) for row in rows]


async def test_the_provider_is_the_requests_else_that_of_the_settings(
    api: httpx.AsyncClient, services: Services, mock: MockServer, database: Database
):
    await services.worker(
        provider="openai",
        openai_base_url=f"{mock.url}/v1",
        openai_api_key=KEY,
        openai_model="tiny",
        openrouter_base_url=f"{mock.url}/api/v1",
        openrouter_api_key=KEY,
    )

    paths = [
        await submit(api, entity_type="problem", count=2),
        await submit(api, entity_type="vocabulary", provider="openrouter", model="maker/small"),
        await submit(api, provider="demo"),
    ]

    records = [await settled(api, path) for path in paths]
    assert [(record["status"], record["provider"]) for record in records] == [
        ("completed", "openai"),
        ("completed", "openrouter"),
        ("completed", "demo"),
    ]
    assert [call["model"] for call in await calls_of(database, paths[0])] == ["tiny", "tiny"]
    assert [call["model"] for call in await calls_of(database, paths[1])] == ["maker/small"]
    (asked,) = mock.asked("Choose word")
    assert asked["provider"] == {"require_parameters": True}
    assert records[1]["usage"] == {
        "calls": 1,
        "input_tokens": 11,
        "output_tokens": 7,
        "reasoning_tokens": 3,
    }


async def test_a_call_that_was_repeated_is_counted_with_its_tokens(
    api: httpx.AsyncClient, services: Services, mock: MockServer, database: Database
):
    await services.worker(openai_base_url=f"{mock.url}/v1", openai_api_key=KEY)

    path = await submit(api, provider="openai", model="tiny", constraints={"topic_tags": ["PROSE"]})

    record = await settled(api, path)
    assert (record["status"], record["usage"]["calls"]) == ("completed", 2)
    first, second = await calls_of(database, path)
    assert (first["outcome"], second["outcome"]) == ("invalid_output", "ok")
    assert record["usage"]["output_tokens"] == second["output_tokens"] + first["output_tokens"]  # type: ignore[operator]


async def test_a_wrong_key_costs_time_and_no_item_and_is_told_to_no_caller(
    api: httpx.AsyncClient, services: Services, mock: MockServer, database: Database
):
    wrong = await services.worker(
        provider="openai",
        openai_base_url=f"{mock.url}/v1",
        openai_api_key=WRONG,
        openai_model="tiny",
        breaker_seconds=0.5,
        log_level="debug",
    )
    path = await submit(api, count=3)

    async def put_off() -> bool:
        row = await row_of(database, path.rpartition("/")[2])
        return bool(row["status"] == "pending" and row["epoch"] > 0)

    await eventually(put_off)
    command = command_of(wrong)
    wrong.process.terminate()
    assert await wrong.exit_status() == 0
    logged = wrong.log.read_text(encoding="utf-8")
    assert '"code":"auth"' in logged
    assert "breaker_opened" in logged
    assert WRONG not in logged + command
    assert not await database.fetch("SELECT FROM generation_items")
    assert not await database.fetch("SELECT FROM dead_letters")

    await services.worker(
        provider="openai",
        openai_base_url=f"{mock.url}/v1",
        openai_api_key=KEY,
        openai_model="tiny",
    )
    await database.execute("UPDATE generation_requests SET not_before = clock_timestamp()")

    assert (await settled(api, path, within=40))["status"] == "completed"


async def test_a_provider_that_no_worker_has_is_waited_for_and_then_fails_the_request(
    api: httpx.AsyncClient, services: Services, database: Database
):
    await services.worker()
    path = await submit(api, provider="openrouter", model="maker/small")
    await settled(api, await submit(api))
    assert (await read(api, path))["status"] == "pending"

    await database.execute(
        "UPDATE generation_requests SET not_before = not_before - interval '10 minutes'"
    )
    await database.execute(HAS_WATCHED)

    record = await settled(api, path)
    assert (record["status"], record["error"]["code"]) == ("failed", "unknown_provider")
    assert "No worker has this provider." in record["error"]["message"]
