"""A wrong address or model of a provider costs time and no item, until it is mended."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from shared.postgres.database import Database
from tests.support.client import read, settled, submit
from tests.support.odd_answers import ENTITY
from tests.support.processes import Services
from tests.support.raw_server import Exchange, RawServer, chunk, raw_server
from tests.support.requests import row_of
from tests.support.waiting import eventually

pytestmark = pytest.mark.usefixtures("balanced_services")

WRONG, NEARLY_RIGHT, ANSWERING = "tinny", "tiny", "tiny-2026-11-01"
MISSING = {"error": {"message": "The model does not exist", "code": "model_not_found"}}
REQUESTS = 6


async def answer(exchange: Exchange) -> None:
    """Make the entity that is asked for, by a model that calls itself by its full name."""
    parts = [chunk(ENTITY), chunk(finish="stop")]
    await exchange.stream(*({**part, "model": ANSWERING} for part in parts))


async def answer_404(exchange: Exchange) -> None:
    """Know all models but one."""
    if exchange.body["model"] == WRONG:
        await exchange.answer(MISSING, status="404 Not Found")
    else:
        await answer(exchange)


async def answer_400(exchange: Exchange) -> None:
    """Say the same as OpenRouter does."""
    said = {"error": {"message": f"{WRONG} is not a valid model ID", "code": 400}}
    if exchange.body["model"] == WRONG:
        await exchange.answer(said, status="400 Bad Request")
    else:
        await answer(exchange)


async def answer_with_a_page(exchange: Exchange) -> None:
    await exchange.begin("text/html")
    await exchange.send("<html><title>Sign in</title></html>")


async def answer_with_a_text(exchange: Exchange) -> None:
    await exchange.begin("text/plain")
    await exchange.send("It works!")


@pytest.fixture
async def server() -> AsyncIterator[RawServer]:
    async with raw_server(answer) as served:
        yield served


async def put_off(database: Database, paths: list[str]) -> bool:
    rows = [await row_of(database, path.rpartition("/")[2]) for path in paths]
    return all(row["status"] == "pending" for row in rows) and any(row["epoch"] for row in rows)


def settings(server: RawServer, **more: Any) -> dict[str, Any]:
    return {
        "provider": "openai",
        "openai_base_url": f"{server.url}/v1",
        "openai_api_key": "sk-1",
        "openai_model": NEARLY_RIGHT,
        "breaker_seconds": 0.5,
        "call_attempts": 1,
        **more,
    }


@pytest.mark.parametrize("refusal", [answer_404, answer_400])
async def test_a_model_that_a_provider_lacks_opens_its_circuit_alone(
    refusal: Any, server: RawServer, api: httpx.AsyncClient, services: Services, database: Database
):
    server.behave = refusal
    worker = await services.worker(**settings(server, openai_model=WRONG, breaker_failures=100))
    paths = [await submit(api) for _ in range(REQUESTS)]
    other = await submit(api, model=NEARLY_RIGHT)

    assert (await settled(api, other))["status"] == "completed"
    await eventually(lambda: "breaker_opened" in worker.log.read_text(encoding="utf-8"))
    await eventually(lambda: put_off(database, paths))
    asked = [exchange for exchange in server.asked if exchange.body["model"] == WRONG]
    failures = [(await read(api, path))["last_failure"] for path in paths]
    told = {(each["code"], each["model"]) for each in failures if each is not None}
    assert told == {("misconfigured", WRONG)}
    assert len(asked) < 5 * REQUESTS
    assert not await database.fetch("SELECT FROM dead_letters")

    server.behave = answer
    for path in paths:
        record = await settled(api, path, within=60)
        assert (record["status"], record["failures"]) == ("completed", [])


@pytest.mark.parametrize("page", [answer_with_a_page, answer_with_a_text])
async def test_what_is_no_answer_at_all_opens_the_circuit_after_failures_in_a_row(
    page: Any, server: RawServer, api: httpx.AsyncClient, services: Services, database: Database
):
    server.behave = page
    worker = await services.worker(
        **settings(server, breaker_failures=3, max_calls_per_item=1, max_requests_in_flight=1)
    )
    paths = [await submit(api) for _ in range(REQUESTS)]

    await eventually(lambda: "breaker_opened" in worker.log.read_text(encoding="utf-8"))
    assert len(server.asked) >= 3
    await eventually(lambda: put_off(database, paths))
    assert not await database.fetch("SELECT FROM generation_items")

    server.behave = answer
    for path in paths:
        record = await settled(api, path, within=60)
        assert (record["status"], record["failures"]) == ("completed", [])


async def test_the_model_of_a_record_is_the_one_that_was_used(
    server: RawServer, api: httpx.AsyncClient, services: Services, database: Database
):
    server.behave = answer_404
    await services.worker(**settings(server, openai_model=WRONG))
    accepted = await submit(api)
    asked_for = await submit(api, provider="ollama", model="llama3.2")
    await eventually(lambda: put_off(database, [accepted]))

    assert (await read(api, accepted))["model"] == WRONG
    assert (await read(api, asked_for))["model"] == "llama3.2"
    server.behave = answer
    record = await settled(api, accepted, within=60)
    assert (record["provider"], record["model"]) == ("openai", ANSWERING)
    page = await read(api, "/generation-requests")
    models = {each["request_id"]: each["model"] for each in page["data"]}
    assert models[record["request_id"]] == ANSWERING
