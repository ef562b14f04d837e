"""Rules 6.1 and 6.2: the row decides who works on what."""

import asyncio
import time
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from schemas.states import Priority
from shared.errors import ErrorCode
from shared.postgres.database import Database
from tests.support.requests import (
    Claimer,
    a_request,
    a_success,
    expire_lease,
    nearly_all_finished,
    recorded,
    row_of,
)
from worker_service.claims.circuit import Admission
from worker_service.claims.claim import CRASH_LIMIT, SUSPECT_CRASHES
from worker_service.claims.claims import CLAIM, columns_of
from worker_service.claims.release import release
from worker_service.claims.run import Run
from worker_service.claims.slots import Slots

pytestmark = pytest.mark.usefixtures("balanced")


async def test_a_claim_takes_a_pending_request_and_raises_its_epoch(database: Database):
    request_id = await a_request(database, count=3)

    claim = await Claimer(database).claim(request_id)

    row = await row_of(database, request_id)
    assert (claim.epoch, claim.requested_count, claim.recorded) == (1, 3, frozenset())
    assert (row["status"], row["epoch"], row["provider"]) == ("processing", 1, "demo")
    assert row["started_at"] is not None


async def test_a_request_is_claimed_by_one_of_many(database: Database):
    request_id = await a_request(database)
    claimers = [Claimer(database) for _ in range(8)]

    await asyncio.gather(*(claimer.take(request_id) for claimer in claimers))

    assert sum(len(claimer.started) for claimer in claimers) == 1
    assert (await row_of(database, request_id))["epoch"] == 1


async def test_a_duplicate_message_changes_nothing(database: Database):
    request_id = await a_request(database)
    owner, other = Claimer(database), Claimer(database)
    await owner.claim(request_id)
    before = await row_of(database, request_id)

    unknown = [await claimer.take(request_id) for claimer in (owner, other)]

    assert unknown == [frozenset(), frozenset()]
    assert await row_of(database, request_id) == before


async def test_a_final_request_is_never_claimed_again(database: Database):
    request_id = await a_request(database)
    claimer = Claimer(database)
    await recorded(database, await claimer.claim(request_id), 0, a_success())

    await Claimer(database).claims.claim([request_id])

    assert (await row_of(database, request_id))["status"] == "completed"


async def test_what_messages_name_is_looked_up_by_its_key_however_much_waits(database: Database):
    """Where nearly all are finished, an index of those that wait seems to hold one row."""
    await nearly_all_finished(database)
    named = [uuid4() for _ in range(100)]

    async with Claimer(database).claims.turn() as turn:
        plan = await replace(CLAIM, text="EXPLAIN " + CLAIM.text).fetch(
            database,
            **turn.parameters,
            **columns_of([]),
            request_ids=named,
            suspect_crashes=SUSPECT_CRASHES,
        )

    assert not [line for (line,) in plan if "generation_requests_waiting" in line]


async def test_an_id_that_names_nothing_is_told_apart_from_a_duplicate(database: Database):
    known, unknown = await a_request(database), uuid4()

    assert await Claimer(database).take(unknown, known) == {unknown}


async def test_a_claim_of_nothing_waits_for_no_other_claim(database: Database):
    claimer = Claimer(database)

    async with claimer.claims.turn(), asyncio.timeout(5):
        assert await claimer.take() == frozenset()


async def test_a_worker_claims_only_entity_types_that_it_has(database: Database):
    request_id = await a_request(database, entity_type="poem", age=60)
    claimer = Claimer(database)

    assert await claimer.take(request_id) == frozenset()
    assert await claimer.claim_any() == []
    assert (await row_of(database, request_id))["status"] == "pending"


async def test_a_worker_claims_only_requests_of_providers_that_it_has(database: Database):
    request_id = await a_request(database, provider="openai", age=60)
    claimer = Claimer(database, providers=["demo"])

    assert await claimer.take(request_id) == frozenset()
    assert await claimer.claim_any() == []
    assert (await row_of(database, request_id))["status"] == "pending"
    assert await Claimer(database, providers=["openai"]).claim_any() == [request_id]


async def test_a_worker_claims_what_names_no_provider_for_its_own(database: Database):
    request_id = await a_request(database, age=60)

    assert await Claimer(database, providers=["openai"]).claim_any() == []
    assert await Claimer(database, providers=["demo"]).claim_any() == [request_id]


async def test_slots_that_a_priority_leaves_over_go_to_the_others(database: Database):
    for _ in range(2):
        await a_request(database, priority="high", age=60)
    low = [await a_request(database, priority="low", age=60) for _ in range(9)]

    taken = await Claimer(database).claim_any(10)

    assert len(taken) == 10
    assert len({*taken} & {*low}) == 8


async def test_what_a_statement_has_claimed_is_given_before_the_next_one_runs(database: Database):
    """Or an outage between two statements would leave claims that no worker works on."""
    for priority in ("high", *["low"] * 9):
        await a_request(database, priority=priority, age=60)
    claimer = Claimer(database)

    first = await anext(aiter(claimer.rescue.claim_any(10, claimer.wanted())))

    claimed = await database.fetch("SELECT FROM generation_requests WHERE epoch > 0")
    assert 0 < len(first) == len(claimed) < 10


async def test_a_claimed_request_of_high_priority_leaves_the_others_their_slots(database: Database):
    slots = Slots(10)

    slots.add(Run.of(await Claimer(database).claim(await a_request(database, priority="high"))))

    assert slots.free(Priority.NORMAL) == 9


async def test_a_message_does_not_claim_before_its_time(database: Database):
    request_id = await a_request(database, age=-60)
    claimer = Claimer(database)

    await claimer.take(request_id)

    assert claimer.started == []


async def test_claim_any_leaves_young_requests_to_their_message(database: Database):
    young, old = await a_request(database, age=5), await a_request(database, age=31)
    claimer = Claimer(database)

    assert await claimer.claim_any() == [old]
    assert await claimer.claim_any(pending_seconds=1.0) == [young]


async def test_claim_any_serves_expired_leases_and_due_releases_before_old_requests(
    database: Database,
):
    old = await a_request(database, age=300)
    released = await a_request(database)
    expired = await a_request(database)
    gone = Claimer(database)
    await release(database, await gone.claim(released), after_seconds=0, counted=0)
    await gone.claim(expired)
    await expire_lease(database, expired)
    claimer = Claimer(database)

    assert [(await claimer.claim_any(1))[0] for _ in range(3)] == [expired, released, old]


async def test_claim_any_shares_its_slots_by_the_weights_of_the_priorities(database: Database):
    priority_of = {}
    for priority in ("low", "normal", "high"):
        for _ in range(10):
            priority_of[await a_request(database, priority=priority, age=60)] = priority
    claimer = Claimer(database)

    taken = [priority_of[request_id] for request_id in await claimer.claim_any(10)]

    assert {p: taken.count(p) for p in ("high", "normal", "low")} == {
        "high": 6,
        "normal": 3,
        "low": 1,
    }


async def test_claim_any_shares_its_slots_even_if_they_come_one_at_a_time(database: Database):
    """As many low requests wait as others, and for longer; each has its share all the same."""
    priority_of = {}
    for priority, age in (("low", 600), ("normal", 60), ("high", 60)):
        for _ in range(20):
            priority_of[await a_request(database, priority=priority, age=age)] = priority
    claimer = Claimer(database)

    taken = [priority_of[(await claimer.claim_any(1))[0]] for _ in range(20)]

    assert {p: taken.count(p) for p in ("high", "normal", "low")} == {
        "high": 12,
        "normal": 6,
        "low": 2,
    }


async def test_claim_any_takes_the_oldest_of_a_priority_first(database: Database):
    ages = {await a_request(database, age=age): age for age in (40, 400, 100)}

    (first,) = await Claimer(database).claim_any(1)

    assert ages[first] == 400


async def test_a_release_that_is_not_due_is_left_alone(database: Database):
    request_id = await a_request(database)
    claimer = Claimer(database)
    await release(database, await claimer.claim(request_id), after_seconds=60, counted=0)

    assert await Claimer(database).claim_any() == []
    row = await row_of(database, request_id)
    assert (row["status"], row["started_at"] is None) == ("pending", False)
    assert (row["epoch"], row["crashes"]) == (1, 0)


async def test_the_release_of_an_older_epoch_changes_nothing(database: Database):
    claim = await Claimer(database).claim(await a_request(database))
    await expire_lease(database, claim.request_id)
    await Claimer(database).claim_any()
    before = await row_of(database, claim.request_id)

    await release(database, claim, after_seconds=0, counted=1)

    assert await row_of(database, claim.request_id) == before


async def test_a_request_that_another_session_has_locked_is_skipped_and_not_waited_for(
    database: Database,
):
    locked, free = await a_request(database, age=60), await a_request(database, age=60)
    async with database.transaction() as session:
        await session.execute("SELECT FROM generation_requests WHERE id = $1 FOR UPDATE", locked)

        assert await Claimer(database).claim_any() == [free]


async def test_a_claim_whose_reply_was_lost_is_retaken_by_its_owner(database: Database):
    request_id = await a_request(database)
    claimer = Claimer(database)
    await claimer.claim(request_id)
    claimer.running.clear()  # the reply never came

    again = await claimer.claim(request_id)

    row = await row_of(database, request_id)
    assert (again.epoch, row["epoch"], row["crashes"]) == (2, 2, 0)


async def test_claim_any_retakes_a_lost_reply_but_nothing_that_runs(database: Database):
    running, lost = await a_request(database), await a_request(database)
    claimer = Claimer(database)
    await claimer.claim(running)
    await claimer.claim(lost)
    claimer.running.discard(lost)

    assert await claimer.claim_any() == [lost]
    assert (await row_of(database, running))["epoch"] == 1


async def test_a_takeover_counts_a_crash_and_tells_what_is_recorded(database: Database):
    request_id = await a_request(database, count=3)
    gone = Claimer(database)
    first = await gone.claim(request_id)
    await recorded(database, first, 1, a_success())
    await expire_lease(database, request_id)
    claimer = Claimer(database)

    assert await claimer.claim_any() == [request_id]

    assert claimer.started[0].recorded == {1}
    assert claimer.started[0].epoch == 2
    assert (await row_of(database, request_id))["crashes"] == 1


async def test_a_live_lease_is_not_taken_over(database: Database):
    request_id = await a_request(database)
    await Claimer(database, lease_seconds=60).claim(request_id)

    assert await Claimer(database).claim_any() == []


async def test_a_crash_loop_is_not_taken_over_once_more(database: Database):
    request_id = await a_request(database)
    for _ in range(CRASH_LIMIT):
        await Claimer(database).claim_any(pending_seconds=0)
        await expire_lease(database, request_id)

    assert await Claimer(database).claim_any(pending_seconds=0) == []
    assert (await row_of(database, request_id))["crashes"] == CRASH_LIMIT - 1


async def _lost_twice(database: Database, *, count: int) -> set[UUID]:
    """Make requests that two workers were lost with, and that wait to be taken over."""
    request_ids = {await a_request(database) for _ in range(count)}
    for _ in range(2):
        await database.execute(
            """UPDATE generation_requests
                  SET status = 'processing', lease_owner = gen_random_uuid(),
                      started_at = clock_timestamp(), epoch = epoch + 1, crashes = 1,
                      lease_until = clock_timestamp() - interval '1 second'"""
        )
    return request_ids


async def test_a_worker_that_takes_its_suspect_back_takes_no_other(database: Database):
    """Its first claim got no reply: the row is its own, and nothing works on it."""
    await _lost_twice(database, count=2)
    claimer = Claimer(database)
    (lost,) = await claimer.claim_any()
    claimer.running.clear()

    assert await claimer.claim_any() == [lost]


async def test_a_worker_holds_one_suspect_at_a_time(database: Database):
    suspects = await _lost_twice(database, count=3)
    first, second = Claimer(database), Claimer(database)

    taken = [await first.claim_any(), await first.claim_any(), await second.claim_any()]

    assert [len(ids) for ids in taken] == [1, 0, 1]
    assert {*taken[0], *taken[2]} < suspects


async def test_claims_at_the_same_time_take_one_suspect(database: Database):
    await _lost_twice(database, count=2)
    claimer = Claimer(database)

    await asyncio.gather(claimer.claim_any(), claimer.claim_any())

    assert len(claimer.started) == 1


async def test_a_suspect_that_was_released_is_still_one_at_a_time(database: Database):
    await _lost_twice(database, count=2)
    for claimer in (Claimer(database), Claimer(database)):
        await claimer.claim_any()
        await release(database, claimer.started[0], after_seconds=0, counted=0)
    claimer = Claimer(database)

    assert len(await claimer.claim_any()) == 1
    assert await claimer.claim_any() == []


async def test_a_message_does_not_bring_a_suspect_past_the_others(database: Database):
    (suspect,) = await _lost_twice(database, count=1)
    holder = Claimer(database)
    await holder.claim_any()
    await release(database, holder.started[0], after_seconds=0, counted=0)
    claimer = Claimer(database)

    assert await claimer.take(suspect) == frozenset()
    assert claimer.started == []


async def test_only_a_probe_takes_what_an_open_circuit_blocks(database: Database):
    for _ in range(2):
        await a_request(database)
    claimer = Claimer(database)
    circuit = claimer.breakers.circuit("demo", credential="", model=None)
    admission = circuit.admit(0)
    assert isinstance(admission, Admission)
    circuit.refused(admission, ErrorCode.AUTH, now=time.monotonic() - 10)
    assert claimer.breakers.due_for_probe(time.monotonic()) == [circuit]

    assert await claimer.claim_any(1, pending_seconds=0) == []

    assert len(await claimer.claim_any(1, pending_seconds=0, probed=circuit)) == 1


async def test_a_priority_that_is_left_out_is_not_claimed(database: Database):
    await a_request(database, priority="low", age=60)
    high = await a_request(database, priority="high", age=60)
    claimer = Claimer(database)

    await claimer.claim_any(10, priorities=[Priority.HIGH])

    assert [claim.request_id for claim in claimer.started] == [high]
