"""A provider that cannot serve costs time: no item, no release and no crash is counted."""

import httpx
import pytest

from shared.errors import ErrorCode
from shared.postgres.database import Database
from tests.services import StartWorker
from tests.stack import Stack
from tests.support.client import read, settled, submit
from tests.support.offsets import all_committed
from tests.support.providers import Scripted
from tests.support.requests import a_request, row_of
from tests.support.waiting import eventually
from worker_service.providers import AccountFault, TransientError

pytestmark = pytest.mark.usefixtures("balanced_services")

QUICK = {"breaker_seconds": 0.3, "breaker_failures": 2, "call_attempts": 1}
DOWN = TransientError(ErrorCode.PROVIDER_UNAVAILABLE, "down", retry_after=0.1)
NOT_COMPLETED = "SELECT id FROM generation_requests WHERE status <> 'completed'"


@pytest.mark.parametrize("failure", [DOWN, AccountFault("bad key")])
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

    for path in paths:
        record = await settled(api, path, within=25)
        assert (record["status"], record["failures"]) == ("completed", [])
    assert called_while_down < 12 * 2


async def test_an_open_breaker_counts_no_release(
    api: httpx.AsyncClient, start_worker: StartWorker, database: Database
):
    provider = Scripted(lambda _: AccountFault("bad key"))
    await start_worker(provider, **QUICK)
    path = await submit(api)
    await eventually(lambda: len(provider.calls) >= 2, within=30)

    row = await row_of(database, path.rpartition("/")[2])

    assert (row["releases"], row["crashes"]) == (0, 0)


@pytest.mark.parametrize("refused", [0, 1])
async def test_a_circuit_that_opens_ends_the_retries_of_the_attempts_under_way(
    refused: int, api: httpx.AsyncClient, start_worker: StartWorker, database: Database
):
    """Two calls at once, answered in turn: one key is refused, the other is worth a retry.

    The retry comes too late either way; what would wait for a minute does not begin to.
    """
    busy = TransientError(ErrorCode.RATE_LIMITED, "slow down", retry_after=0.1 if refused else 60)
    provider = Scripted(lambda call: AccountFault("bad key") if call.ordinal == refused else busy)
    provider.gate.clear()
    await start_worker(provider, breaker_seconds=60, call_attempts=20)
    path = await submit(api, count=2)
    await eventually(lambda: provider.waiting == 2)

    provider.gate.set()

    await eventually(lambda: _is_released(database, path))
    assert len(provider.calls) == 2
    assert (await row_of(database, path.rpartition("/")[2]))["releases"] == 0


async def test_what_was_not_claimed_while_a_circuit_was_open_is_claimed_soon_after_it_closed(
    stack: Stack, api: httpx.AsyncClient, start_worker: StartWorker
):
    provider = Scripted(lambda _: AccountFault("bad key"))
    await start_worker(provider, **{**QUICK, "breaker_seconds": 2})
    first = await submit(api)
    await eventually(lambda: len(provider.calls) >= 1)
    late = [await submit(api) for _ in range(5)]
    await eventually(lambda: all_committed(stack))

    provider.behave = lambda _: None

    for path in [first, *late]:
        assert (await settled(api, path, within=25))["status"] == "completed"


async def test_probes_of_several_circuits_take_a_slot_each(
    start_worker: StartWorker, database: Database, api: httpx.AsyncClient
):
    provider = Scripted(lambda _: AccountFault("bad key"))
    requests = [await a_request(database, age=60) for _ in range(3)]
    for model, request_id in zip("abc", requests, strict=True):
        await database.execute(
            "UPDATE generation_requests SET model = $2 WHERE id = $1", request_id, model
        )
    worker = await start_worker(provider, max_requests_in_flight=1, breaker_seconds=0.3)
    await eventually(lambda: {call.model for call in provider.calls} == {*"abc"})
    await eventually(lambda: len(worker.slots) == 0)

    provider.gate.clear()
    await eventually(lambda: provider.waiting == 1)
    begun = await _leases_until(database)

    async def is_renewed() -> bool:
        return await _leases_until(database) != begun

    await eventually(is_renewed)
    provider.behave = lambda _: None
    provider.gate.set()
    for request_id in requests:
        await settled(api, f"/generation-requests/{request_id}")
    assert provider.most == 1


async def _leases_until(database: Database) -> list[object]:
    rows = await database.fetch(
        "SELECT lease_until FROM generation_requests WHERE lease_until > now()"
    )
    return [row["lease_until"] for row in rows]


async def _is_released(database: Database, path: str) -> bool:
    row = await row_of(database, path.rpartition("/")[2])
    return bool(row["status"] == "pending" and row["epoch"] == 1)


async def test_while_a_breaker_is_open_its_requests_are_not_claimed(
    api: httpx.AsyncClient, start_worker: StartWorker, database: Database
):
    provider = Scripted(lambda _: AccountFault("bad key"))
    await start_worker(provider, **{**QUICK, "breaker_seconds": 60})
    first = await submit(api)
    await eventually(lambda: _is_released(database, first))
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
