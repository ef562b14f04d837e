"""A provider that cannot serve costs time: no item, no release and no crash is counted."""

import httpx
import pytest

from shared.database import Database
from shared.errors import ErrorCode
from tests.services import StartWorker
from tests.support.providers import Scripted
from tests.support.requests import a_request, row_of
from tests.support.road import read, settled, submit
from tests.support.waiting import eventually
from worker_service.providers import CredentialRefused, TransientError

pytestmark = pytest.mark.usefixtures("balanced_road")

QUICK = {"breaker_seconds": 0.3, "breaker_failures": 2, "call_attempts": 1}
DOWN = TransientError(ErrorCode.PROVIDER_UNAVAILABLE, "down", retry_after=0.1)
NOT_COMPLETED = "SELECT id FROM generation_requests WHERE status <> 'completed'"


@pytest.mark.parametrize("failure", [DOWN, CredentialRefused("bad key")])
async def test_everything_completes_once_the_provider_is_back(
    failure: Exception, api: httpx.AsyncClient, start_worker: StartWorker, database: Database
):
    provider = Scripted(lambda _: failure)
    await start_worker(provider, **QUICK)
    paths = [await submit(api, count=1 + n % 3) for n in range(12)]
    await eventually(lambda: len(provider.calls) >= 4, within=30)
    called_while_down = len(provider.calls)
    assert not await database.fetch("SELECT FROM generation_items")

    provider.behave = lambda _: None
    await database.execute(  # what its message did not bring is due after 30 s
        """UPDATE generation_requests SET not_before = clock_timestamp() - interval '31 seconds'
            WHERE status = 'pending'"""
    )

    for path in paths:
        record = await settled(api, path, within=40)
        assert (record["status"], record["failures"]) == ("completed", [])
    assert called_while_down < 12 * 2


async def test_an_open_breaker_counts_no_release(
    api: httpx.AsyncClient, start_worker: StartWorker, database: Database
):
    provider = Scripted(lambda _: CredentialRefused("bad key"))
    await start_worker(provider, **QUICK)
    path = await submit(api)
    await eventually(lambda: len(provider.calls) >= 2, within=30)

    row = await row_of(database, path.rpartition("/")[2])

    assert (row["releases"], row["crashes"]) == (0, 0)


async def test_while_a_breaker_is_open_its_requests_are_not_claimed(
    api: httpx.AsyncClient, start_worker: StartWorker, database: Database
):
    provider = Scripted(lambda _: CredentialRefused("bad key"))
    await start_worker(provider, **{**QUICK, "breaker_seconds": 60})
    first = await submit(api)

    async def released() -> bool:
        row = await row_of(database, first.rpartition("/")[2])
        return bool(row["status"] == "pending" and row["epoch"] == 1)

    await eventually(released)
    late = await submit(api)
    forgotten = await a_request(database, age=60)
    other = await a_request(database, age=60)
    await database.execute("UPDATE generation_requests SET model = 'other' WHERE id = $1", other)

    async def other_was_tried() -> bool:
        return bool((await row_of(database, other))["epoch"])

    await eventually(other_was_tried)
    assert (await read(api, late))["started_at"] is None
    assert (await row_of(database, forgotten))["epoch"] == 0
    assert len(provider.calls) == 2


async def test_a_request_put_off_twenty_times_without_progress_is_given_up(
    api: httpx.AsyncClient, start_worker: StartWorker, database: Database
):
    await start_worker(Scripted(lambda _: DOWN), **{**QUICK, "breaker_failures": 1000})
    path = await submit(api)
    request_id = path.rpartition("/")[2]

    async def put_off() -> bool:
        return bool((await row_of(database, request_id))["releases"] >= 1)

    await eventually(put_off)
    await database.execute(
        """UPDATE generation_requests
              SET releases = 20, not_before = clock_timestamp() + interval '1 hour'
            WHERE status = 'pending'"""
    )

    record = await settled(api, path)
    assert (record["status"], record["error"]["code"]) == ("failed", "provider_unavailable")
