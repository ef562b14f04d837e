"""Rules 6.3 and 6.4: record, count and settle in one transaction; success is kept, once."""

import asyncio
import json
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from schemas.events import GenerationSettled
from shared.group_commit import GroupCommit
from shared.postgres.database import Database
from tests.support.requests import (
    EVENTS,
    KAFKA_NAMES,
    Claimer,
    a_failure,
    a_request,
    a_success,
    expire_lease,
    items_of,
    nearly_all_finished,
    recorded,
    row_of,
)
from tests.support.waiting import eventually
from worker_service.claims.claim import Claim
from worker_service.claims.release import release
from worker_service.outcome import Failed, Succeeded
from worker_service.settlement.record import LOCK, AlreadyFinal, Answer, Busy, Result, Stale, record
from worker_service.settlement.settle import COUNT_AND_SETTLE, Recorded

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
        await LOCK.fetch(other, request_ids=[claim.request_id], ordinals=[1])
        await other.execute(
            """INSERT INTO generation_items
                   (generation_request_id, ordinal, status, entity, attempts)
               VALUES ($1, 0, 'succeeded', '{"id": "1"}', 1)""",
            claim.request_id,
        )
        recording = asyncio.create_task(record(database, [last], kafka_names=KAFKA_NAMES))
        await eventually(lambda: _is_done_or_waits_for_a_lock(recording, database))
        await other.execute("UPDATE generation_requests SET generated_count = 1")

    if await recording == [Busy()]:
        await record(database, [last], kafka_names=KAFKA_NAMES)

    assert (await row_of(database, claim.request_id))["status"] == "completed"


async def _is_done_or_waits_for_a_lock(task: asyncio.Task[Any], database: Database) -> bool:
    waiting = await database.fetch(
        """SELECT FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'"""
    )
    return task.done() or bool(waiting)


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


# In batches


async def test_every_result_of_a_batch_has_its_own_fate(database: Database):
    good, stale, final, busy = [await _claimed(database, count=2) for _ in range(4)]
    await expire_lease(database, stale.request_id)
    await Claimer(database).claim_any()
    await _cancel(database, final)
    gone = replace(good, request_id=uuid4())
    fates: list[tuple[Claim, Succeeded | Failed, Answer]] = [
        (good, a_success(), Recorded(recorded=frozenset({0}), settlement=None)),
        (stale, a_failure(), Stale()),
        (final, a_success(), AlreadyFinal()),
        (busy, a_success(), Busy()),
        (gone, a_success(), AlreadyFinal()),
    ]

    async with database.transaction() as session:
        await LOCK.fetch(session, request_ids=[busy.request_id], ordinals=[0])
        answers = await record(
            database,
            [Result(claim=claim, ordinal=0, outcome=outcome) for claim, outcome, _ in fates],
            kafka_names=KAFKA_NAMES,
        )

    assert answers == [answer for _, _, answer in fates]
    for claim, _, answer in fates:
        kept = {0: "succeeded"} if isinstance(answer, Recorded) else {}
        assert await items_of(database, claim.request_id) == kept


async def test_an_item_that_another_session_has_locked_holds_up_no_neighbour(database: Database):
    claims = [await _claimed(database, count=2) for _ in range(3)]
    for claim in claims:
        await recorded(database, claim, 0, a_failure())
    better = [Result(claim=claim, ordinal=0, outcome=a_success()) for claim in claims]

    async with database.transaction() as session:
        await session.execute(LOCK_ITEMS, claims[1].request_id)
        answers = await record(database, better, kafka_names=KAFKA_NAMES)

    assert [type(answer) for answer in answers] == [Recorded, Busy, Recorded]
    for claim, status in zip(claims, ("succeeded", "failed", "succeeded"), strict=True):
        assert await items_of(database, claim.request_id) == {0: status}
    (answer,) = await record(database, better[1:2], kafka_names=KAFKA_NAMES)
    assert isinstance(answer, Recorded)
    assert await items_of(database, claims[1].request_id) == {0: "succeeded"}


LOCK_ITEMS = "SELECT FROM generation_items WHERE generation_request_id = $1 FOR UPDATE"


async def test_a_batch_settles_each_request_with_its_own_counts_event_and_letter(
    database: Database,
):
    claims = [await _claimed(database, count=1) for _ in range(4)]
    outcomes: list[Succeeded | Failed] = [
        a_success(),
        a_failure("refused"),
        a_success(),
        a_failure("truncated"),
    ]

    answers = await record(
        database,
        [
            Result(claim=claim, ordinal=0, outcome=outcome)
            for claim, outcome in zip(claims, outcomes, strict=True)
        ],
        kafka_names=KAFKA_NAMES,
    )

    settled = [
        (answer.settlement.request_id, answer.settlement.status, answer.settlement.reason)
        for answer in answers
        if isinstance(answer, Recorded) and answer.settlement
    ]
    ids = [claim.request_id for claim in claims]
    assert settled == [
        (ids[0], "completed", None),
        (ids[1], "failed", "items_failed"),
        (ids[2], "completed", None),
        (ids[3], "failed", "items_failed"),
    ]
    codes = [(await row_of(database, request_id))["error_code"] for request_id in ids]
    assert codes == [None, "refused", None, "truncated"]
    events = await database.fetch(
        "SELECT id, record_key, record_value FROM outbox WHERE topic = $1 ORDER BY id", EVENTS
    )
    assert [row["record_key"].decode() for row in events] == [str(each) for each in ids]
    for row, answer in zip(events, answers, strict=True):
        assert isinstance(answer, Recorded)
        assert answer.settlement is not None
        assert answer.settlement.event.id == row["id"]
        assert answer.settlement.event.record.value == row["record_value"]


async def test_an_outcome_that_cannot_be_stored_takes_no_neighbour_along(database: Database):
    claims = [await _claimed(database, count=1) for _ in range(3)]
    recording = GroupCommit(
        partial(record, database, kafka_names=KAFKA_NAMES),
        key=lambda result: result.request_id,
        patience=database.patience,
    )

    answers = await asyncio.gather(
        *(
            recording.write(Result(claim=claim, ordinal=0, outcome=a_success(text)))
            for claim, text in zip(claims, ("a", "\x00", "c"), strict=True)
        ),
        return_exceptions=True,
    )

    assert [type(answer) for answer in answers] == [
        Recorded,
        asyncpg.UntranslatableCharacterError,
        Recorded,
    ]
    statuses = [(await row_of(database, claim.request_id))["status"] for claim in claims]
    assert statuses == ["completed", "processing", "completed"]


async def _cancel(database: Database, claim: Claim) -> None:
    await database.execute(
        """UPDATE generation_requests
              SET status = 'cancelled', epoch = epoch + 1, lease_owner = NULL,
                  lease_until = NULL, completed_at = clock_timestamp()
            WHERE id = $1""",
        claim.request_id,
    )


async def test_a_batch_is_settled_by_its_keys_however_many_requests_are_open(database: Database):
    """Where nearly all requests are finished, an index of the open ones seems to hold one row."""
    await nearly_all_finished(database)
    batch = [uuid4() for _ in range(100)]

    explain = replace(COUNT_AND_SETTLE, text="EXPLAIN " + COUNT_AND_SETTLE.text)
    plan = await explain.fetch(database, request_ids=batch)

    assert not [line for (line,) in plan if "generation_requests_due" in line]
