"""The invariants of calls: each fails when it is broken."""

from uuid import UUID

import httpx
import pytest

from shared.postgres.database import Database
from tests.services import StartWorker
from tests.support import invariants
from tests.support.client import settled, submit
from tests.support.invariants import ledger, over_http, tables

CHANGES = {
    "ordinal": ("ordinal = 9", "has a call for an ordinal out of its range"),
    "round": ("round = 2", "has a call of a round that it has not begun"),
    "epoch": ("epoch = 9", "has a call of an epoch that it has not had"),
    "outcome": (
        "outcome = 'timeout', error_message = 'e'",
        "an item of request {} succeeded without a call that did",
    ),
}


async def an_entity(api: httpx.AsyncClient, start_worker: StartWorker) -> UUID:
    await start_worker()
    path = await submit(api)
    assert (await settled(api, path))["status"] == "completed"
    return UUID(path.rpartition("/")[2])


async def found_in(database: Database) -> list[str]:
    return [*await tables.violations(database), *await tables.unpaid(database)]


async def test_calls_of_a_worker_keep_the_invariants(
    api: httpx.AsyncClient, start_worker: StartWorker, database: Database
):
    await an_entity(api, start_worker)

    assert await found_in(database) == []
    await invariants.check_usage(api, database)


@pytest.mark.parametrize(("change", "sentence"), CHANGES.values(), ids=CHANGES)
async def test_a_call_that_cannot_be_is_found(
    change: str,
    sentence: str,
    api: httpx.AsyncClient,
    start_worker: StartWorker,
    database: Database,
):
    request_id = await an_entity(api, start_worker)

    await database.execute(f"UPDATE provider_calls SET {change}")  # noqa: S608 - from the table above

    found = await found_in(database)
    assert any(sentence.format(request_id) in violation for violation in found)


async def test_an_item_that_counts_calls_that_are_not_recorded_is_found(
    api: httpx.AsyncClient, start_worker: StartWorker, database: Database
):
    request_id = await an_entity(api, start_worker)

    await database.execute("UPDATE generation_items SET attempts = attempts + 1")

    assert await found_in(database) == [
        f"an item of request {request_id} counts more calls than are recorded"
    ]


async def test_usage_that_is_not_that_of_the_recorded_calls_is_found(
    api: httpx.AsyncClient, start_worker: StartWorker, database: Database
):
    request_id = str(await an_entity(api, start_worker))
    counted = await ledger.calls_by_request(database)
    assert counted == {request_id: 1}

    found = await over_http.usage_violations(api, {request_id: 2})

    assert found == [f"request {request_id} shows 1 of 2 recorded calls"]
