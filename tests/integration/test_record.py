"""Rules 6.3 and 6.4: record, count and settle in one transaction; success is kept, once."""

import asyncio
import json

import pytest

from schemas.events import GenerationSettled
from shared.database import Database
from tests.support.requests import (
    EVENTS,
    OUTLETS,
    Claimer,
    a_failure,
    a_request,
    a_success,
    expire_lease,
    items_of,
    recorded,
    row_of,
)
from worker_service.claim import Claim, release
from worker_service.record import LOCK, AlreadyFinal, Busy, Recorded, Result, Stale, record

pytestmark = pytest.mark.usefixtures("balanced")


async def _claimed(database: Database, count: int) -> Claim:
    return await Claimer(database).claim(await a_request(database, count=count))


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        ([a_success(), a_success()], "completed"),
        ([a_success(), a_failure()], "partial"),
        ([a_failure(), a_failure()], "failed"),
    ],
)
async def test_the_last_item_settles_the_request(database: Database, outcomes, status):
    claim = await _claimed(database, count=2)

    for ordinal, outcome in enumerate(outcomes):
        await recorded(database, claim, ordinal, outcome)

    row = await row_of(database, claim.request_id)
    assert (row["status"], row["lease_owner"], row["lease_until"]) == (status, None, None)
    assert row["completed_at"] is not None


async def test_an_item_that_is_not_the_last_leaves_the_request_open(database: Database):
    claim = await _claimed(database, count=2)

    answer = await recorded(database, claim, 1, a_success())

    assert isinstance(answer, Recorded)
    assert answer.recorded == {1}
    assert answer.settlement is None


async def test_two_last_items_at_once_settle_the_request_once(database: Database):
    claim = await _claimed(database, count=8)

    answers = await asyncio.gather(
        *(recorded(database, claim, ordinal, a_success()) for ordinal in range(8))
    )

    assert [bool(answer.settlement) for answer in answers if isinstance(answer, Recorded)].count(
        True
    ) == 1
    assert (await row_of(database, claim.request_id))["status"] == "completed"


async def test_an_item_sees_the_one_that_was_being_recorded_meanwhile(database: Database):
    """Without the row lock neither of two last items would see the other."""
    claim = await _claimed(database, count=2)
    last = Result(claim=claim, ordinal=1, outcome=a_success())
    async with database.transaction() as other:
        await other.fetch(LOCK, [claim.request_id])
        await other.execute(
            """INSERT INTO generation_items
                   (generation_request_id, ordinal, status, entity, attempts)
               VALUES ($1, 0, 'succeeded', '{"id": "1"}', 1)""",
            claim.request_id,
        )
        assert await record(database, [last], outlets=OUTLETS) == [Busy()]
        await other.execute("UPDATE generation_requests SET generated_count = 1")
    assert await items_of(database, claim.request_id) == {0: "succeeded"}

    await record(database, [last], outlets=OUTLETS)

    assert (await row_of(database, claim.request_id))["status"] == "completed"


async def test_a_result_recorded_twice_counts_once(database: Database):
    claim = await _claimed(database, count=3)

    for _ in range(2):
        await recorded(database, claim, 0, a_success())

    row = await row_of(database, claim.request_id)
    assert (row["generated_count"], row["status"]) == (1, "processing")


async def test_counts_that_went_wrong_are_right_after_the_next_item(database: Database):
    claim = await _claimed(database, count=3)
    await recorded(database, claim, 0, a_success())
    await database.execute("UPDATE generation_requests SET generated_count = 0")

    await recorded(database, claim, 1, a_success())

    assert (await row_of(database, claim.request_id))["generated_count"] == 2


async def test_a_late_success_of_an_older_epoch_is_kept_while_the_request_is_open(
    database: Database,
):
    late = await _claimed(database, count=2)
    await expire_lease(database, late.request_id)
    await Claimer(database).claim_any()

    answer = await recorded(database, late, 0, a_success())

    assert isinstance(answer, Recorded)
    assert await items_of(database, late.request_id) == {0: "succeeded"}
    row = await row_of(database, late.request_id)
    assert (row["status"], row["epoch"]) == ("processing", 2)


async def test_a_late_last_success_settles_a_request_that_waits_for_a_worker(
    database: Database,
):
    claim = await _claimed(database, count=1)
    await release(database, claim, after_seconds=60, counted=0)

    await recorded(database, claim, 0, a_success())

    assert (await row_of(database, claim.request_id))["status"] == "completed"


async def test_the_failure_verdict_of_an_older_epoch_is_refused(database: Database):
    late = await _claimed(database, count=1)
    await expire_lease(database, late.request_id)
    await Claimer(database).claim_any()

    answer = await recorded(database, late, 0, a_failure())

    assert isinstance(answer, Stale)
    assert await items_of(database, late.request_id) == {}


async def test_the_failure_verdict_of_a_released_claim_is_refused(database: Database):
    claim = await _claimed(database, count=1)
    await release(database, claim, after_seconds=60, counted=0)

    assert isinstance(await recorded(database, claim, 0, a_failure()), Stale)


async def test_a_success_replaces_a_failure_while_the_request_is_open(database: Database):
    claim = await _claimed(database, count=2)
    await recorded(database, claim, 0, a_failure())

    await recorded(database, claim, 0, a_success())

    row = await row_of(database, claim.request_id)
    assert await items_of(database, claim.request_id) == {0: "succeeded"}
    assert (row["generated_count"], row["failed_count"]) == (1, 0)


async def test_a_failure_never_replaces_a_success(database: Database):
    claim = await _claimed(database, count=2)
    await recorded(database, claim, 0, a_success())

    await recorded(database, claim, 0, a_failure())

    assert await items_of(database, claim.request_id) == {0: "succeeded"}


async def test_the_first_of_two_successes_is_the_one_that_is_kept(database: Database):
    claim = await _claimed(database, count=2)
    await recorded(database, claim, 0, a_success("Le premier."))

    await recorded(database, claim, 0, a_success("Le second."))

    row = await database.fetchrow("SELECT entity FROM generation_items")
    assert row is not None
    assert json.loads(row["entity"])["content"] == "Le premier."


async def test_once_final_nothing_changes(database: Database):
    claim = await _claimed(database, count=1)
    await recorded(database, claim, 0, a_failure())
    before = await row_of(database, claim.request_id)

    answer = await recorded(database, claim, 0, a_success())

    assert isinstance(answer, AlreadyFinal)
    assert await row_of(database, claim.request_id) == before
    assert await items_of(database, claim.request_id) == {0: "failed"}


async def test_a_recorded_item_is_progress_and_forgives_crashes_and_releases(
    database: Database,
):
    claim = await _claimed(database, count=2)
    await database.execute("UPDATE generation_requests SET crashes = 2, releases = 7")

    await recorded(database, claim, 0, a_success())

    row = await row_of(database, claim.request_id)
    assert (row["crashes"], row["releases"]) == (0, 0)


async def test_a_partial_request_says_how_many_failed_and_why(database: Database):
    claim = await _claimed(database, count=3)
    await recorded(database, claim, 0, a_success())
    for ordinal in (1, 2):
        await recorded(database, claim, ordinal, a_failure("refused"))

    row = await row_of(database, claim.request_id)
    assert row["error_code"] == "refused"
    assert row["error_message"] == "2 of 3 items failed: it would not fit"


async def test_the_settling_transaction_writes_one_event(database: Database):
    claim = await _claimed(database, count=2)
    for ordinal in (0, 1):
        for _ in range(2):
            await recorded(database, claim, ordinal, a_success())

    (row,) = await database.fetch("SELECT * FROM outbox")
    event = GenerationSettled.model_validate_json(row["record_value"])
    assert row["topic"] == EVENTS
    assert event.generation_request_id == claim.request_id
    assert (event.status, event.generated_count, event.round) == ("completed", 2, 1)


async def test_a_settle_that_cannot_notify_does_not_settle(database: Database):
    claim = await _claimed(database, count=1)
    await database.execute("ALTER TABLE outbox ADD CONSTRAINT none CHECK (topic = 'other')")

    with pytest.raises(Exception, match="none"):
        await recorded(database, claim, 0, a_success())

    assert await items_of(database, claim.request_id) == {}
    assert (await row_of(database, claim.request_id))["status"] == "processing"


async def test_the_version_rises_with_what_can_be_seen(database: Database):
    claim = await _claimed(database, count=2)
    versions = [(await row_of(database, claim.request_id))["version"]]
    for ordinal in (0, 0, 1):
        await recorded(database, claim, ordinal, a_success())
        versions.append((await row_of(database, claim.request_id))["version"])

    assert versions == [2, 3, 3, 4]


async def test_a_last_item_whose_commit_went_unanswered_is_not_late_when_it_comes_again(
    database: Database,
):
    claim = await _claimed(database, count=1)
    success = a_success()
    await recorded(database, claim, 0, success)

    again = await recorded(database, claim, 0, success)

    assert again == Recorded(recorded=frozenset({0}), settlement=None)


async def test_a_migration_between_two_items_costs_a_repetition_and_no_result(
    database: Database,
):
    claim = await _claimed(database, count=2)
    await recorded(database, claim, 0, a_success())
    await database.execute("ALTER TABLE generation_requests ADD COLUMN later int")

    await recorded(database, claim, 1, a_success())

    assert (await row_of(database, claim.request_id))["status"] == "completed"
