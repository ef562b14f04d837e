"""Slots: bounded, and one freed one in four goes to `claim_any` first."""

import asyncio
from math import inf
from uuid import uuid4

import pytest

from schemas.states import Priority
from tests.support.requests import a_run
from worker_service.claims.slots import InFlight, Run


def a_full_house(limit: int) -> tuple[InFlight, list[Run]]:
    in_flight, runs = InFlight(limit), [a_run() for _ in range(limit)]
    for run in runs:
        in_flight.add(run)
    return in_flight, runs


async def _let_others_run() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_messages_wait_for_a_free_slot():
    in_flight, runs = a_full_house(2)
    waiting = asyncio.create_task(in_flight.message_slots(within=5, priority=Priority.NORMAL))
    await _let_others_run()
    assert not waiting.done()

    in_flight.remove(runs[0])

    assert await waiting == 1


async def test_messages_give_up_waiting_after_their_time():
    in_flight, _ = a_full_house(1)

    assert await in_flight.message_slots(within=0.01, priority=Priority.NORMAL) == 0


async def test_slots_that_are_held_for_claims_under_way_are_not_free():
    in_flight = InFlight(3)

    with in_flight.held(2):
        assert await in_flight.message_slots(within=1, priority=Priority.NORMAL) == 1
    assert await in_flight.message_slots(within=1, priority=Priority.NORMAL) == 3


async def test_an_idle_worker_gives_claim_any_all_its_slots():
    assert await InFlight(5).rescue_slots(within=5) == 5


async def test_a_busy_worker_gives_claim_any_one_freed_slot_in_four():
    in_flight, runs = a_full_house(8)

    async def rescue() -> int:
        slots = await in_flight.rescue_slots(within=5)
        in_flight.add(a_run())
        return slots

    async def take() -> int:
        slots = await in_flight.message_slots(within=0.05, priority=Priority.NORMAL)
        if slots:
            in_flight.add(a_run())
        return slots

    rescuing = asyncio.create_task(rescue())
    given = []
    for run in runs[:4]:
        message = asyncio.create_task(take())
        await _let_others_run()
        in_flight.remove(run)
        given.append(await message)

    assert given == [1, 1, 0, 1]
    assert await rescuing == 1


async def test_claim_any_gets_the_one_free_slot_that_no_message_waits_for():
    in_flight, runs = a_full_house(2)
    in_flight.remove(runs[0])

    assert await in_flight.rescue_slots(within=5) == 1


async def test_claim_any_that_does_not_wait_keeps_no_slot_from_messages():
    in_flight, runs = a_full_house(4)
    for run in runs:
        in_flight.remove(run)

    assert await in_flight.message_slots(within=1, priority=Priority.NORMAL) == 4


async def test_a_stopped_run_does_not_know_a_deferral():
    run = a_run()
    run.stop()

    assert run.is_stopping
    assert run.retry_after is None


def test_a_run_waits_for_the_longest_deferral_of_its_items():
    run = a_run()
    for seconds in (3.0, 9.0, 5.0):
        run.defer(seconds, counted=True)

    assert run.retry_after == 9.0


def test_what_others_recorded_is_not_missing():
    in_flight, run = InFlight(1), a_run(count=5, recorded=frozenset({1}))
    in_flight.add(run)

    in_flight.note_renewed(
        [(run.claim.request_id, 1, [0, 1]), (run.claim.request_id, 9, [3]), (uuid4(), 1, [4])],
        leased_until=inf,
    )

    assert run.missing == [2, 3, 4]


async def test_an_abort_ends_the_calls_in_flight_and_only_them():
    run = a_run()

    async def call() -> str:
        try:
            async with asyncio.timeout(None) as timeout:
                with run.abortable(timeout):
                    await asyncio.Event().wait()
        except TimeoutError:
            return "aborted"
        return "answered"

    calling = asyncio.create_task(call())
    await _let_others_run()

    run.abort()
    run.abort()

    assert await calling == "aborted"


async def test_a_stop_ends_waits_and_leaves_calls_alone():
    run = a_run()

    async def wait() -> None:
        async with asyncio.timeout(None) as limit:
            with run.stoppable(limit):
                await asyncio.Event().wait()

    async def call() -> None:
        async with asyncio.timeout(None) as limit:
            with run.abortable(limit):
                await asyncio.Event().wait()

    waiting, calling = asyncio.create_task(wait()), asyncio.create_task(call())
    await _let_others_run()

    run.stop()

    with pytest.raises(TimeoutError):
        await waiting
    assert not calling.done()
    run.abort()
    with pytest.raises(TimeoutError):
        await calling


async def test_only_the_end_of_a_suspect_is_told():
    in_flight, ordinary, suspect = InFlight(2), a_run(), a_run(crashes=2)
    for run in (ordinary, suspect):
        in_flight.add(run)

    in_flight.remove(ordinary)
    assert not in_flight.suspect_ended.is_set()

    in_flight.remove(suspect)
    assert in_flight.suspect_ended.is_set()


async def test_one_slot_in_ten_is_for_high_requests_alone():
    in_flight = InFlight(20)
    for _ in range(18):
        in_flight.add(a_run())

    assert in_flight.free(Priority.HIGH) == 2
    assert in_flight.free(Priority.NORMAL) == in_flight.free(Priority.LOW) == 0


async def test_high_requests_may_fill_any_slot():
    in_flight = InFlight(20)
    for _ in range(18):
        in_flight.add(a_run(priority=Priority.HIGH))

    assert in_flight.free(Priority.NORMAL) == in_flight.free(Priority.HIGH) == 2


async def test_the_slot_for_high_is_not_kept_for_a_claim_any_that_may_not_use_it():
    in_flight = InFlight(10)
    runs = [a_run(priority=Priority.LOW) for _ in range(9)]
    for run in runs:
        in_flight.add(run)
    for run in runs[:3]:
        in_flight.remove(run)
        in_flight.add(run)
    waiting = asyncio.create_task(in_flight.rescue_slots(within=0.05))
    await _let_others_run()

    assert in_flight.free_for_messages(Priority.HIGH) == 1
    assert await waiting == 0
