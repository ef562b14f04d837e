"""Group commit: the rows that arrive while a transaction runs share the next one.

One transaction runs at a time, and a single row goes at once. A failed batch is retried row by row;
cancelling one caller never cancels the batch.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from shared.errors import DatabaseContended, DatabaseUnavailable

LARGEST_BATCH = 200
LONGEST_QUEUE = 20_000

Row = TypeVar("Row")
Answer = TypeVar("Answer")


@dataclass(eq=False, slots=True)
class _Waiter(Generic[Row, Answer]):
    row: Row
    answer: asyncio.Future[Answer]


class GroupCommit(Generic[Row, Answer]):
    """A bounded queue of rows that are written in batches.

    `send` writes rows in one transaction and returns their answers in the same order. It gets no
    two rows with the same `key`, in the order of their keys, so that two processes lock in one
    order. It must be idempotent: after a lost connection or a deadlock it is called once more.
    """

    def __init__(
        self,
        send: Callable[[Sequence[Row]], Awaitable[Sequence[Answer]]],
        *,
        key: Callable[[Row], UUID],
        patience: float,
    ) -> None:
        self._send = send
        self._key = key
        self._patience = patience
        self._queue: deque[_Waiter[Row, Answer]] = deque()
        self._sending: asyncio.Task[None] | None = None

    async def write(self, row: Row) -> Answer:
        """Write a row together with whatever else waits, and return its answer.

        A row whose caller is cancelled before it is sent is not written.

        Raises:
            DatabaseUnavailable: no answer within the patience, in seconds; it may be written.
            Exception: whatever `send` raises for this row alone.
        """
        if len(self._queue) >= LONGEST_QUEUE:
            raise DatabaseContended(f"{LONGEST_QUEUE} rows wait to be written")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        self._queue.append(_Waiter(row, answer))
        if self._sending is None:
            self._sending = asyncio.create_task(self._send_all())
        deadline = loop.call_later(self._patience, self._give_up, answer)
        try:
            return await answer
        finally:
            deadline.cancel()

    def _give_up(self, answer: asyncio.Future[Answer]) -> None:
        if not answer.done():
            answer.set_exception(DatabaseUnavailable(f"not written within {self._patience:g} s"))

    async def _send_all(self) -> None:
        try:
            while batch := self._next_batch():
                await self._answer(batch)
        finally:
            self._sending = None

    def _next_batch(self) -> list[_Waiter[Row, Answer]]:
        """Take waiters in the order of their arrival, one per key; drop cancelled ones."""
        batch: dict[UUID, _Waiter[Row, Answer]] = {}
        later: list[_Waiter[Row, Answer]] = []
        while self._queue and len(batch) < LARGEST_BATCH:
            waiter = self._queue.popleft()
            if waiter.answer.done():
                continue
            if batch.setdefault(self._key(waiter.row), waiter) is not waiter:
                later.append(waiter)
        self._queue.extendleft(reversed(later))
        return [batch[key] for key in sorted(batch)]

    async def _answer(self, batch: list[_Waiter[Row, Answer]]) -> None:
        """Give every waiter of a batch its answer, or the exception that is its own."""
        try:
            answers = await self._sent([waiter.row for waiter in batch])
            answered = [*zip(batch, answers, strict=True)]
        except Exception as error:  # noqa: BLE001 - it is raised again, to whom it concerns
            await self._answer_apart(batch, error)
            return
        for waiter, answer in answered:
            if not waiter.answer.done():
                waiter.answer.set_result(answer)

    async def _answer_apart(self, batch: list[_Waiter[Row, Answer]], error: Exception) -> None:
        if len(batch) > 1 and not isinstance(error, DatabaseUnavailable):
            for waiter in batch:
                if not waiter.answer.done():
                    await self._answer([waiter])
            return
        for waiter in batch:
            if not waiter.answer.done():
                waiter.answer.set_exception(error)

    async def _sent(self, rows: Sequence[Row]) -> Sequence[Answer]:
        try:
            return await self._send(rows)
        except DatabaseUnavailable as error:
            before = error.is_without_effect
        # A lost reply or a deadlock: `send` is idempotent, and every caller still waits.
        try:
            return await self._send(rows)
        except DatabaseUnavailable as error:
            error.is_without_effect = error.is_without_effect and before
            raise
