"""A generator that makes two calls in two stages is an item like any other."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from shared.errors import ErrorCode
from shared.postgres.database import Database
from tests.services import StartWorker
from tests.support import poems
from tests.support.providers import Scripted
from tests.support.requests import a_request, an_entity_made, row_of
from tests.support.waiting import eventually
from worker_service.providers import Call, Completion, TransientError

pytestmark = pytest.mark.usefixtures("balanced_services")

DOWN = TransientError(ErrorCode.PROVIDER_UNAVAILABLE, "down")


@pytest.fixture(autouse=True)
def _poems(monkeypatch: pytest.MonkeyPatch) -> None:
    poems.register(monkeypatch)


@pytest.fixture
def start(start_worker: StartWorker) -> Callable[..., Any]:
    async def start(provider: Scripted, **settings: Any) -> Any:
        return await start_worker(provider, {"poem": poems.PoemGenerator()}, **settings)

    return start


def failing(stage: str, *, times: int) -> Callable[[Call], Completion | Exception]:
    """Fail so many calls of a stage before they are answered."""
    left = times

    def behave(call: Call) -> Completion | Exception:
        nonlocal left
        if call.prompt.system == stage and left:
            left -= 1
            return DOWN
        return poems.a_poet(call)

    return behave


async def a_poem(database: Database, *, count: int = 1) -> UUID:
    return await a_request(database, entity_type="poem", count=count, age=60)


async def settled(database: Database, request_id: UUID) -> Any:
    async def final() -> Any:
        row = await row_of(database, request_id)
        return row if row["completed_at"] else None

    return await eventually(final)


async def calls_of(database: Database, request_id: UUID) -> list[int]:
    rows = await database.fetch(
        """SELECT count(*)::int AS calls FROM provider_calls
            WHERE generation_request_id = $1 GROUP BY ordinal ORDER BY ordinal""",
        request_id,
    )
    return [row["calls"] for row in rows]


async def test_each_stage_is_a_call_and_the_item_keeps_both(database: Database, start: Any):
    provider = Scripted(poems.a_poet)
    request_id = await a_poem(database, count=2)
    await start(provider)

    assert (await settled(database, request_id))["status"] == "completed"

    assert await calls_of(database, request_id) == [2, 2]
    told = [(call.prompt.system, call.prompt.user) for call in provider.calls if not call.ordinal]
    assert told == [("outline", ""), ("lines", "la mer, le vent")]


async def test_a_stage_that_fails_in_passing_is_repeated_alone(database: Database, start: Any):
    provider = Scripted(failing("lines", times=2))
    request_id = await a_poem(database)
    await start(provider)

    assert (await settled(database, request_id))["status"] == "completed"

    stages = [call.prompt.system for call in provider.calls]
    assert stages == ["outline", "lines", "lines", "lines"]
    assert await calls_of(database, request_id) == [4]


async def test_a_stage_that_cannot_be_served_defers_the_item(database: Database, start: Any):
    provider = Scripted(failing("lines", times=10_000))
    request_id = await a_poem(database)
    await start(provider, breaker_failures=100)

    async def is_released() -> bool:
        row = await row_of(database, request_id)
        return (row["status"], row["releases"]) == ("pending", 1)

    await eventually(is_released)
    await database.execute(
        "UPDATE generation_requests SET not_before = clock_timestamp() - interval '1 minute'"
    )
    provider.behave = poems.a_poet

    assert (await settled(database, request_id))["status"] == "completed"


async def test_what_the_stages_make_together_is_validated(database: Database, start: Any):
    wrong = Completion(text='{"lines": [1]}')
    provider = Scripted(lambda call: poems.OUTLINE if call.prompt.system == "outline" else wrong)
    request_id = await a_poem(database)
    await start(provider)

    row = await settled(database, request_id)

    assert (row["status"], row["error_code"]) == ("failed", "invalid_output")


async def test_a_cancel_aborts_the_call_of_a_later_stage(database: Database, start: Any):
    provider = Scripted()

    def hold_the_next_call(call: Call) -> Completion:
        provider.gate.clear()
        return poems.a_poet(call)

    provider.behave = hold_the_next_call
    request_id = await a_poem(database)
    await start(provider)
    await eventually(lambda: len(provider.calls) == 2 and provider.waiting == 1)

    await database.execute(
        """UPDATE generation_requests
              SET status = 'cancelled', epoch = epoch + 1, lease_owner = NULL,
                  lease_until = NULL, completed_at = clock_timestamp()
            WHERE id = $1""",
        request_id,
    )

    await eventually(lambda: provider.aborted == 1)
    assert [call.prompt.system for call in provider.calls] == ["outline", "lines"]


async def test_an_item_that_a_drain_meets_between_its_stages_is_finished(
    database: Database, start: Any
):
    provider = Scripted(poems.a_poet)
    provider.gate.clear()
    request_id = await a_poem(database)
    worker = await start(provider, max_provider_calls=1)
    await eventually(lambda: provider.waiting == 1)

    worker.stop()
    provider.gate.set()

    assert (await settled(database, request_id))["status"] == "completed"
    assert [call.prompt.system for call in provider.calls] == ["outline", "lines"]


async def test_a_request_resumes_at_the_item_that_is_missing(database: Database, start: Any):
    provider = Scripted(poems.a_poet)
    request_id = await a_poem(database, count=2)
    await an_entity_made(database, request_id, calls=2)
    await start(provider)

    assert (await settled(database, request_id))["status"] == "completed"
    assert {call.ordinal for call in provider.calls} == {1}
