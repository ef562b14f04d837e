"""Rules 6.3 and 6.5: how a worker goes about the items of a request."""

from typing import LiteralString

import httpx
import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from shared.errors import ErrorCode
from shared.postgres.database import Database
from tests.services import StartWorker
from tests.support.client import read, settled, submit
from tests.support.providers import Scripted
from tests.support.requests import a_request, an_entity_made, row_of
from tests.support.waiting import eventually
from worker_service import duties
from worker_service.providers import (
    Call,
    Completion,
    InvalidOutput,
    PermanentError,
    TransientError,
)

pytestmark = pytest.mark.usefixtures("balanced_services")


def _request_id(path: str) -> str:
    return path.rpartition("/")[2]


async def test_items_that_failed_are_listed_with_their_reasons(
    api: httpx.AsyncClient, start_worker: StartWorker
):
    def behave(call: Call) -> Completion | Exception | None:
        return PermanentError(ErrorCode.REFUSED, "I would rather not") if call.ordinal else None

    await start_worker(Scripted(behave))

    record = await settled(api, await submit(api, count=3))

    assert (record["status"], record["generated_count"], record["failed_count"]) == (
        "partial",
        1,
        2,
    )
    assert record["failures"] == [
        {"ordinal": n, "code": "refused", "message": "I would rather not", "attempts": 1}
        for n in (1, 2)
    ]
    assert record["error"] == {
        "code": "refused",
        "message": "2 of 3 items failed: I would rather not",
        "retryable": False,
    }


async def test_output_that_fits_no_schema_is_asked_for_again_and_then_fails(
    api: httpx.AsyncClient, start_worker: StartWorker
):
    provider = Scripted(lambda _: Completion(text='{"content": "Bonjour"}'))
    await start_worker(provider)

    record = await settled(api, await submit(api))

    assert record["status"] == "failed"
    assert record["failures"][0]["code"] == "invalid_output"
    assert record["failures"][0]["attempts"] == len(provider.calls) == 3


async def test_a_transient_failure_is_retried_in_process(
    api: httpx.AsyncClient, start_worker: StartWorker
):
    answers = iter(
        [
            TransientError(ErrorCode.PROVIDER_UNAVAILABLE, "try again"),
            InvalidOutput("no JSON"),
        ]
    )
    await start_worker(Scripted(lambda _: next(answers, None)))

    record = await settled(api, await submit(api))

    assert (record["status"], record["usage"]["calls"]) == ("completed", 3)


async def test_a_provider_that_was_busy_has_not_answered_wrongly_yet(
    api: httpx.AsyncClient, start_worker: StartWorker
):
    busy = TransientError(ErrorCode.RATE_LIMITED, "slow down", retry_after=0)
    answers = iter([busy, busy, InvalidOutput("no JSON"), busy, InvalidOutput("no JSON")])
    await start_worker(Scripted(lambda _: next(answers, None)))

    record = await settled(api, await submit(api))

    assert (record["status"], record["usage"]["calls"]) == ("completed", 6)


async def test_an_exception_that_no_provider_declares_fails_the_item_as_unexpected(
    api: httpx.AsyncClient, start_worker: StartWorker
):
    await start_worker(Scripted(lambda _: KeyError("secret")))

    record = await settled(api, await submit(api))

    assert record["failures"][0]["code"] == "unexpected"
    assert "secret" not in record["error_message"]


async def test_an_entity_with_nul_in_it_is_invalid_output(
    api: httpx.AsyncClient, start_worker: StartWorker
):
    def behave(_: Call) -> Completion:
        return Completion(text='{"content": "a\\u0000b", "translation": "\\ud800"}')

    await start_worker(Scripted(behave))

    record = await settled(api, await submit(api))

    assert record["failures"][0]["code"] == "invalid_output"


async def test_a_deferred_item_releases_the_request_once_the_others_are_recorded(
    api: httpx.AsyncClient, start_worker: StartWorker, database: Database
):
    """Three items: the first is deferred while the second is in flight, the third never starts."""
    provider = Scripted()

    def behave(call: Call) -> Completion | Exception | None:
        if call.ordinal == 0:
            return TransientError(ErrorCode.TIMEOUT, "slow", retry_after=60)
        return None

    provider.behave = behave
    provider.gate.clear()
    await start_worker(provider, max_parallel_items_per_request=2, call_attempts=1)
    path = await submit(api, count=3)
    await eventually(lambda: provider.waiting == 2)
    provider.gate.set()

    async def released() -> bool:
        return bool((await row_of(database, _request_id(path)))["releases"] == 1)

    await eventually(released)
    record = await read(api, path)
    assert record["status"] == "pending"
    assert record["started_at"] is not None
    assert record["generated_count"] == 1
    assert provider.calls_for(2) == 0

    provider.behave = lambda _: None
    await database.execute("UPDATE generation_requests SET not_before = clock_timestamp()")
    record = await settled(api, path)
    assert record["status"] == "completed"
    assert provider.calls_for(1) == 1


async def test_a_claim_settles_what_was_recorded_whole_and_never_settled(
    api: httpx.AsyncClient, start_worker: StartWorker, database: Database
):
    request_id = await a_request(database, age=60)
    await an_entity_made(database, request_id)
    provider = Scripted()

    await start_worker(provider)

    record = await settled(api, f"/generation-requests/{request_id}")
    assert (record["status"], record["generated_count"]) == ("completed", 1)
    assert provider.calls == []


@pytest.mark.parametrize("fault", ["io_error", "internal_error", "insufficient_privilege"])
async def test_a_fault_of_postgresql_itself_costs_no_second_call_and_no_sibling(
    fault: LiteralString, api: httpx.AsyncClient, start_worker: StartWorker, database: Database
):
    """A trigger says what PostgreSQL says, of one item; a sequence counts through rollbacks."""
    await database.execute("CREATE SEQUENCE tries")
    await _refuse_items(database, fault, when="NEW.ordinal = 1 AND nextval('tries') <= 3")
    provider = Scripted()
    provider.gate.clear()
    await start_worker(provider, max_parallel_items_per_request=3)
    path = await submit(api, count=3)
    await eventually(lambda: provider.waiting == 3)

    provider.gate.set()

    assert (await settled(api, path))["status"] == "completed"
    assert len(provider.calls) == 3
    assert (await row_of(database, _request_id(path)))["epoch"] == 1


async def test_a_result_that_postgresql_refuses_until_the_lease_is_over_is_left_to_the_next_claim(
    api: httpx.AsyncClient, start_worker: StartWorker, database: Database
):
    await database.execute("CREATE TABLE repaired (at timestamptz)")
    await _refuse_items(database, "internal_error", when="NOT EXISTS (SELECT FROM repaired)")
    provider = Scripted()
    worker = await start_worker(provider)
    path = await submit(api)
    with capture_logs() as logged:
        await eventually(lambda: _events(logged, "loop_iteration_failed"))
        assert not _events(logged, "lease_lost")

        def ended() -> bool:
            for run in worker.slots:
                run.leased_until = 0.0
            return bool(_events(logged, "lease_lost"))

        await eventually(ended)
    await database.execute("INSERT INTO repaired VALUES (now())")

    assert (await settled(api, path))["status"] == "completed"
    assert (await row_of(database, _request_id(path)))["epoch"] > 1


async def _refuse_items(database: Database, condition: LiteralString, *, when: LiteralString):
    """Let PostgreSQL refuse items with a condition name of its own, as a trigger."""
    await database.execute(
        """CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
               IF """
        + when
        + """ THEN RAISE 'it refuses' USING ERRCODE = '"""
        + condition
        + """'; END IF;
               RETURN NEW;
           END $$"""
    )
    await database.execute(
        """CREATE TRIGGER refuse BEFORE INSERT ON generation_items
               FOR EACH ROW EXECUTE FUNCTION refuse()"""
    )


def _events(logged: list[EventDict], event: str) -> list[EventDict]:
    return [line for line in logged if line["event"] == event]


async def test_a_cancelled_lease_aborts_the_call_in_flight(
    api: httpx.AsyncClient, start_worker: StartWorker, database: Database
):
    provider = Scripted()
    provider.gate.clear()
    await start_worker(provider)
    path = await submit(api)
    await eventually(lambda: provider.waiting == 1)

    await database.execute(
        """UPDATE generation_requests
              SET status = 'cancelled', epoch = epoch + 1, lease_owner = NULL,
                  lease_until = NULL, completed_at = clock_timestamp()"""
    )

    await eventually(lambda: provider.aborted == 1, within=3)
    assert (await read(api, path))["status"] == "cancelled"


async def test_a_worker_that_wakes_after_its_lease_starts_no_call_before_it_knows_what_it_lost(
    api: httpx.AsyncClient,
    start_worker: StartWorker,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
):
    """It looks for lost leases too late: only that no beat has renewed this one tells it."""
    monkeypatch.setattr(duties, "LOST_SECONDS", 600.0)
    provider = Scripted()
    provider.gate.clear()
    worker = await start_worker(provider, max_parallel_items_per_request=1)
    path = await submit(api, count=2)
    await eventually(lambda: provider.waiting == 1)
    await database.execute(
        """UPDATE generation_requests
              SET epoch = epoch + 1, lease_owner = gen_random_uuid(),
                  lease_until = clock_timestamp() + interval '1 hour'"""
    )
    for run in worker.slots:
        run.leased_until = 0.0

    with capture_logs() as logged:
        provider.gate.set()
        await eventually(lambda: not worker.slots)

    assert [line["epoch"] for line in _events(logged, "lease_lost")] == [1]
    assert (await read(api, path))["generated_count"] == 1
    assert provider.calls_for(1) == 0


async def test_a_run_that_is_ended_does_not_wait_for_a_permit_first(
    api: httpx.AsyncClient, start_worker: StartWorker, database: Database
):
    """One permit: the first request's call holds it, the second is cancelled as it waits."""
    provider = Scripted()
    provider.gate.clear()
    worker = await start_worker(provider, max_provider_calls=1, max_requests_in_flight=2)
    first = await submit(api)
    await eventually(lambda: provider.waiting == 1)
    second = await submit(api)
    await eventually(lambda: len(worker.slots) == 2)

    await database.execute(
        """UPDATE generation_requests
              SET status = 'cancelled', epoch = epoch + 1, lease_owner = NULL,
                  lease_until = NULL, completed_at = clock_timestamp()
            WHERE id = $1""",
        _request_id(second),
    )

    await eventually(lambda: len(worker.slots) == 1)
    assert (provider.waiting, len(provider.calls)) == (1, 1)
    provider.gate.set()
    await settled(api, first)


async def test_no_more_calls_and_items_are_in_flight_than_allowed(
    api: httpx.AsyncClient, start_worker: StartWorker
):
    provider = Scripted()
    provider.gate.clear()
    await start_worker(
        provider, max_requests_in_flight=2, max_provider_calls=3, max_parallel_items_per_request=2
    )
    paths = [await submit(api, count=4) for _ in range(4)]
    await eventually(lambda: provider.waiting == 3)

    provider.gate.set()
    for path in paths:
        assert (await settled(api, path))["status"] == "completed"
    assert len(provider.calls) == 16


async def test_a_worker_with_one_slot_and_no_messages_finds_what_is_left_in_postgresql(
    api: httpx.AsyncClient, start_worker: StartWorker, database: Database
):
    await start_worker(max_requests_in_flight=1)
    forgotten = [await a_request(database, age=60) for _ in range(3)]

    for request_id in forgotten:
        record = await settled(api, f"/generation-requests/{request_id}")
        assert record["status"] == "completed"
