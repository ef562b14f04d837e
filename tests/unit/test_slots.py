"""Slots: bounded, and one freed one in four goes to `claim_any` first."""

import asyncio
from math import inf
from uuid import uuid4

from schemas.states import Priority
from shared.errors import ErrorCode
from tests.support.requests import a_run
from worker_service.claims.run import Run
from worker_service.claims.slots import Slots


def a_full_house(limit: int) -> tuple[Slots, list[Run]]:
    slots, runs = Slots(limit), [a_run() for _ in range(limit)]
    for run in runs:
        slots.add(run)
    return slots, runs


async def _let_others_run() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_messages_wait_for_a_free_slot():
    slots, runs = a_full_house(2)
    waiting = asyncio.create_task(slots.message_slots(within=5, priority=Priority.NORMAL))
    await _let_others_run()
    assert not waiting.done()

    slots.remove(runs[0])

    assert await waiting == 1


async def test_messages_give_up_waiting_after_their_time():
    slots, _ = a_full_house(1)

    assert await slots.message_slots(within=0.01, priority=Priority.NORMAL) == 0


async def test_slots_that_are_held_for_claims_under_way_are_not_free():
    slots = Slots(3)

    with slots.held(2):
        assert await slots.message_slots(within=1, priority=Priority.NORMAL) == 1
    assert await slots.message_slots(within=1, priority=Priority.NORMAL) == 3


def test_a_held_slot_that_is_filled_counts_once():
    slots = Slots(10)
    with slots.held(9) as filled:
        filled(5)
        for _ in range(5):
            slots.add(a_run(priority=Priority.HIGH))

        assert slots.free(Priority.HIGH) == 1
    assert slots.free(Priority.HIGH) == 5


async def test_an_idle_worker_gives_claim_any_all_its_slots():
    assert await Slots(5).rescue_slots(within=5) == 5


async def test_a_busy_worker_gives_claim_any_one_freed_slot_in_four():
    slots, runs = a_full_house(8)

    async def rescue() -> int:
        given = await slots.rescue_slots(within=5)
        slots.add(a_run())
        return given

    async def take() -> int:
        given = await slots.message_slots(within=0.05, priority=Priority.NORMAL)
        if given:
            slots.add(a_run())
        return given

    rescuing = asyncio.create_task(rescue())
    given = []
    for run in runs[:4]:
        message = asyncio.create_task(take())
        await _let_others_run()
        slots.remove(run)
        given.append(await message)

    assert given == [1, 1, 0, 1]
    assert await rescuing == 1


async def test_claim_any_gets_the_one_free_slot_that_no_message_waits_for():
    slots, runs = a_full_house(2)
    slots.remove(runs[0])

    assert await slots.rescue_slots(within=5) == 1


async def test_claim_any_that_does_not_wait_keeps_no_slot_from_messages():
    slots, runs = a_full_house(4)
    for run in runs:
        slots.remove(run)

    assert await slots.message_slots(within=1, priority=Priority.NORMAL) == 4


async def test_a_stopped_run_does_not_know_a_deferral():
    run = a_run()
    run.stop()

    assert run.is_stopping
    assert run.retry_after is None


def test_a_run_waits_for_the_longest_deferral_of_its_items():
    run = a_run()
    for seconds in (3.0, 9.0, 5.0):
        run.defer(seconds, code=ErrorCode.RATE_LIMITED, counted=True)

    assert run.retry_after == 9.0


def test_what_others_recorded_is_not_missing():
    slots, run = Slots(1), a_run(count=5, recorded=frozenset({1}))
    slots.add(run)

    slots.note_renewed(
        [(run.claim.request_id, 1, [0, 1]), (run.claim.request_id, 9, [3]), (uuid4(), 1, [4])],
        leased_until=inf,
    )

    assert run.missing == [2, 3, 4]


async def test_only_the_end_of_a_suspect_is_told():
    slots, ordinary, suspect = Slots(2), a_run(), a_run(crashes=2)
    for run in (ordinary, suspect):
        slots.add(run)

    slots.remove(ordinary)
    assert not slots.suspect_ended.is_set()

    slots.remove(suspect)
    assert slots.suspect_ended.is_set()


async def test_one_slot_in_ten_is_for_high_requests_alone():
    slots = Slots(20)
    for _ in range(18):
        slots.add(a_run())

    assert slots.free(Priority.HIGH) == 2
    assert slots.free(Priority.NORMAL) == slots.free(Priority.LOW) == 0


async def test_high_requests_may_fill_any_slot():
    slots = Slots(20)
    for _ in range(18):
        slots.add(a_run(priority=Priority.HIGH))

    assert slots.free(Priority.NORMAL) == slots.free(Priority.HIGH) == 2


async def test_the_slot_for_high_is_not_kept_for_a_claim_any_that_may_not_use_it():
    slots = Slots(10)
    runs = [a_run(priority=Priority.LOW) for _ in range(9)]
    for run in runs:
        slots.add(run)
    for run in runs[:3]:
        slots.remove(run)
        slots.add(run)
    waiting = asyncio.create_task(slots.rescue_slots(within=0.05))
    await _let_others_run()

    assert slots.free_for_messages(Priority.HIGH) == 1
    assert await waiting == 0


def test_slots_that_are_held_twice_over_leave_none_and_not_less():
    slots = Slots(10)
    with slots.held(9):
        for _ in range(5):
            slots.add(a_run(priority=Priority.HIGH))

        assert [slots.free(priority) for priority in Priority] == [0, 0, 0]
        assert slots.free_for_messages(Priority.LOW) == 0
