"""What no worker can finish is settled by the maintenance of any worker."""

from typing import Any

import pytest

from shared.postgres.database import Database
from shared.runtime.metrics import WORKER
from tests.support.maintenance import in_an_hour, settle_all_due
from tests.support.requests import (
    EVENTS,
    KAFKA_NAMES,
    Claimer,
    a_request,
    a_success,
    expire_lease,
    items_of,
    recorded,
    row_of,
    topics_of_outbox,
)
from worker_service.claims.claim import CRASH_LIMIT
from worker_service.maintenance.due import BATCH_REQUESTS

pytestmark = pytest.mark.usefixtures("balanced")


async def _settle_due(database: Database, **changes: Any) -> int:
    return await settle_all_due(database, **{"take_over_until": in_an_hour(), **changes})


async def _crashed(database: Database, *, times: int) -> Claimer:
    claimer = Claimer(database)
    for _ in range(times):
        claimer = Claimer(database)
        (request_id,) = await claimer.claim_any(pending_seconds=0)
        await expire_lease(database, request_id)
    return claimer


async def test_a_request_past_its_deadline_keeps_what_is_made_and_fails_the_rest(
    database: Database,
):
    request_id = await a_request(database, count=3, deadline_in=-1)
    claim = await Claimer(database, lease_seconds=60).claim(request_id)
    await recorded(database, claim, 1, a_success())

    assert await _settle_due(database) == 1

    row = await row_of(database, request_id)
    assert (row["status"], row["error_code"]) == ("partial", "deadline_exceeded")
    assert await items_of(database, request_id) == {0: "failed", 1: "succeeded", 2: "failed"}


async def test_a_request_that_is_due_for_two_reasons_fails_for_the_first(database: Database):
    request_id = await a_request(database, deadline_in=-1)
    await _crashed(database, times=CRASH_LIMIT)

    assert await _settle_due(database) == 1

    assert (await row_of(database, request_id))["error_code"] == "deadline_exceeded"


async def test_a_pending_request_past_its_deadline_fails(database: Database):
    request_id = await a_request(database, deadline_in=-1)

    await _settle_due(database)

    assert (await row_of(database, request_id))["status"] == "failed"
    assert await topics_of_outbox(database) == [KAFKA_NAMES.topics.dead_letters, EVENTS]


async def test_what_is_in_time_is_left_alone(database: Database):
    await a_request(database)
    await Claimer(database, lease_seconds=60).claim(await a_request(database))

    assert await _settle_due(database) == 0


async def test_a_request_that_three_workers_died_of_fails(database: Database):
    request_id = await a_request(database)
    await _crashed(database, times=CRASH_LIMIT)

    await _settle_due(database)

    row = await row_of(database, request_id)
    assert (row["status"], row["error_code"]) == ("failed", "crash_loop")


async def test_a_request_that_two_workers_died_of_is_not_failed(database: Database):
    await a_request(database)
    await _crashed(database, times=CRASH_LIMIT - 1)

    assert await _settle_due(database) == 0


async def test_no_crash_loop_is_settled_while_takeovers_are_suspended(database: Database):
    await a_request(database)
    await _crashed(database, times=CRASH_LIMIT)

    assert await _settle_due(database, take_over_until=None) == 0


async def test_what_two_workers_settle_at_once_is_settled_once(database: Database):
    await a_request(database, deadline_in=-1)

    assert [await _settle_due(database) for _ in range(2)] == [1, 0]
    assert await topics_of_outbox(database) == [KAFKA_NAMES.topics.dead_letters, EVENTS]


async def test_more_than_a_batch_is_settled_in_one_pass(database: Database):
    for _ in range(BATCH_REQUESTS + 1):
        await a_request(database, deadline_in=-1)

    assert await _settle_due(database) == BATCH_REQUESTS + 1


async def test_items_that_are_given_up_are_counted_as_failed(database: Database):
    name, labels = "generation_items_failed_total", {"code": "deadline_exceeded"}
    before = WORKER.get_sample_value(name, labels) or 0
    await a_request(database, count=3, deadline_in=-1)

    await settle_all_due(database, take_over_until=None)

    assert (WORKER.get_sample_value(name, labels) or 0) - before == 3
