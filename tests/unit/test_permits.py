import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from schemas.states import Priority
from worker_service.generation.permits import PrioritySemaphore

HIGH, NORMAL, LOW = Priority.HIGH, Priority.NORMAL, Priority.LOW


async def _let_others_run() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@asynccontextmanager
async def a_permit(
    permits: PrioritySemaphore, priority: Priority, request_id: UUID
) -> AsyncIterator[None]:
    await permits.acquire(priority, request_id)
    try:
        yield
    finally:
        permits.release()


class Queue:
    """Callers that wait for a permit, and the order in which they get one."""

    def __init__(self, permits: PrioritySemaphore) -> None:
        self.permits = permits
        self.order: list[tuple[Priority, int]] = []

    async def wait(self, priority: Priority, age: int) -> None:
        async with a_permit(self.permits, priority, UUID(int=age)):
            self.order.append((priority, age))
            await asyncio.sleep(0)

    async def hold(self, until: asyncio.Event) -> None:
        async with a_permit(self.permits, NORMAL, UUID(int=0)):
            await until.wait()


async def _served(waiting: list[Coroutine[Any, Any, None]], queue: Queue) -> None:
    until = asyncio.Event()
    holding = asyncio.create_task(queue.hold(until))
    await _let_others_run()
    tasks = [asyncio.create_task(one) for one in waiting]
    await _let_others_run()
    until.set()
    await asyncio.gather(holding, *tasks)


async def test_in_a_priority_the_oldest_request_comes_first():
    queue = Queue(PrioritySemaphore(1))

    await _served([queue.wait(LOW, age) for age in (3, 1, 2)], queue)

    assert queue.order == [(LOW, 1), (LOW, 2), (LOW, 3)]


async def test_priorities_share_permits_by_their_weights():
    queue = Queue(PrioritySemaphore(1))

    await _served(
        [queue.wait(priority, n) for priority in (LOW, NORMAL, HIGH) for n in range(20)], queue
    )

    first = [priority for priority, _ in queue.order[:20]]
    assert first.count(HIGH) in {12, 13}
    assert first.count(LOW) >= 1


async def test_no_more_permits_are_out_than_there_are():
    permits, out, most = PrioritySemaphore(3), 0, 0

    async def one(n: int) -> None:
        nonlocal out, most
        async with a_permit(permits, HIGH, UUID(int=n)):
            out += 1
            most = max(most, out)
            await asyncio.sleep(0)
            out -= 1

    await asyncio.gather(*(one(n) for n in range(20)))

    assert (most, out) == (3, 0)


async def test_a_waiter_that_gave_up_costs_no_permit():
    permits = PrioritySemaphore(1)
    queue, until = Queue(permits), asyncio.Event()
    holding = asyncio.create_task(queue.hold(until))
    await _let_others_run()
    leaving = asyncio.create_task(queue.wait(HIGH, 1))
    staying = asyncio.create_task(queue.wait(LOW, 2))
    await _let_others_run()

    leaving.cancel()
    until.set()

    await asyncio.gather(holding, staying)
    async with asyncio.timeout(1):
        await queue.wait(LOW, 3)
    assert queue.order == [(LOW, 2), (LOW, 3)]


async def test_a_waiter_cancelled_as_its_turn_comes_hands_the_permit_on():
    permits = PrioritySemaphore(1)
    queue, until = Queue(permits), asyncio.Event()
    holding = asyncio.create_task(queue.hold(until))
    await _let_others_run()
    leaving = asyncio.create_task(queue.wait(HIGH, 1))
    await _let_others_run()
    until.set()
    await asyncio.sleep(0)
    leaving.cancel()

    await asyncio.gather(holding, leaving, return_exceptions=True)
    async with asyncio.timeout(1):
        await queue.wait(LOW, 3)


async def test_a_limit_that_is_lowered_is_met_by_waiting_and_one_that_is_raised_at_once():
    permits = PrioritySemaphore(2)
    for number in range(2):
        await permits.acquire(NORMAL, UUID(int=number))
    waiting = [asyncio.create_task(permits.acquire(NORMAL, UUID(int=n))) for n in (2, 3)]

    permits.resize(1)
    permits.release()
    await _let_others_run()
    assert (permits.in_use, [task.done() for task in waiting]) == (1, [False, False])

    permits.resize(2)
    await _let_others_run()
    assert (permits.in_use, [task.done() for task in waiting]) == (2, [True, False])

    permits.release()
    await asyncio.gather(*waiting)
    assert permits.in_use == 2
