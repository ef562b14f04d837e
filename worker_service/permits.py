"""Permits for attempts: bounded, given out by the weights of the lanes and then by age."""

import asyncio
import heapq
from itertools import count
from uuid import UUID

from shared.states import Priority
from worker_service.lanes import Lanes

_Waiter = tuple[UUID, int, asyncio.Future[None]]


class Permits:
    """A semaphore whose waiters stand in lanes; in a lane the oldest request comes first.

    Request ids are in the order of their acceptance (UUIDv7), so the id tells the age.
    """

    def __init__(self, limit: int) -> None:
        self._free = limit
        self._lanes = Lanes()
        self._waiting: dict[Priority, list[_Waiter]] = {lane: [] for lane in Priority}
        self._arrivals = count()

    async def acquire(self, lane: Priority, request_id: UUID) -> None:
        """Wait for a permit, which is to be released."""
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting[lane], (request_id, next(self._arrivals), turn))
        self._hand_out()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it came together with the cancellation
                self.release()
            raise

    def release(self) -> None:
        """Give a permit back, to whoever's turn it is."""
        self._free += 1
        self._hand_out()

    def _hand_out(self) -> None:
        while self._free and (lane := self._next_lane()) is not None:
            _, _, turn = heapq.heappop(self._waiting[lane])
            if not turn.done():
                self._free -= 1
                turn.set_result(None)

    def _next_lane(self) -> Priority | None:
        for lane, waiters in self._waiting.items():
            while waiters and waiters[0][2].done():
                heapq.heappop(self._waiting[lane])
        busy = [lane for lane, waiters in self._waiting.items() if waiters]
        if not busy:
            return None
        lane = self._lanes.in_turn(busy)[0]
        self._lanes.served(lane, taken=1)
        return lane
