"""Permits for provider calls: bounded, granted by the weights of the priorities, then by age."""

import asyncio
import heapq
from itertools import count
from uuid import UUID

from schemas.states import Priority
from worker_service.claims.scheduler import PriorityScheduler

_Waiter = tuple[UUID, int, asyncio.Future[None]]


class PrioritySemaphore:
    """A semaphore with a queue for each priority; within one the oldest request comes first.

    Request ids are in the order of their acceptance (UUIDv7), so the id tells the age.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._free = limit
        self._scheduler = PriorityScheduler()
        self._waiting: dict[Priority, list[_Waiter]] = {priority: [] for priority in Priority}
        self._arrivals = count()

    @property
    def in_use(self) -> int:
        """The number of permits that are out, which may exceed a limit that was lowered."""
        return self.limit - self._free

    def resize(self, limit: int) -> None:
        """Change the number of permits; those that are out stay out."""
        self._free += limit - self.limit
        self.limit = limit
        self._hand_out()

    async def acquire(self, priority: Priority, request_id: UUID) -> None:
        """Wait for a permit, which is to be released."""
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting[priority], (request_id, next(self._arrivals), turn))
        self._hand_out()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it came together with the cancellation
                self.release()
            raise

    def release(self) -> None:
        """Give a permit back, to the next waiter."""
        self._free += 1
        self._hand_out()

    def _hand_out(self) -> None:
        while self._free > 0 and (priority := self._next_priority()) is not None:
            _, _, turn = heapq.heappop(self._waiting[priority])
            if not turn.done():
                self._free -= 1
                turn.set_result(None)

    def _next_priority(self) -> Priority | None:
        for priority, waiters in self._waiting.items():
            while waiters and waiters[0][2].done():
                heapq.heappop(self._waiting[priority])
        busy = [priority for priority, waiters in self._waiting.items() if waiters]
        if not busy:
            return None
        priority = self._scheduler.in_turn(busy)[0]
        self._scheduler.served(priority, taken=1)
        return priority
