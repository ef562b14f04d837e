"""The start of a client of Kafka, which can be ended at any moment."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import suppress
from types import coroutine
from typing import Any


async def started(
    start: Callable[[], Coroutine[Any, Any, None]], *, leave: Callable[[], Awaitable[None]]
) -> None:
    """Start a client; one that fails or is cancelled leaves, even if it is cancelled once more."""
    starting = Starting(start)
    try:
        await asyncio.shield(starting.task)
    except BaseException:
        try:
            await starting.end()
        finally:
            await leave()
        raise


class Starting:
    """A start that is under way as `task`.

    Once ended it meets a timeout wherever it waits: aiokafka then closes what it has opened, where
    by a cancellation it would leave the connection that it asks for metadata open for good.
    Every wait after `end` is cut so, those of its cleanup included.
    """

    def __init__(self, start: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._start = start
        self._is_ended = False
        self.task = asyncio.create_task(self._run())

    async def end(self) -> None:
        """End it, whatever the broker does, and wait until it has left nothing open."""
        self._is_ended = True
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def _run(self) -> None:
        await self._steps()

    @coroutine
    def _steps(self) -> Generator[Any, None, None]:
        starting = self._start()
        error: BaseException | None = None
        with suppress(StopIteration):
            while True:
                awaited = starting.throw(error) if error else starting.send(None)
                if self._is_ended:
                    self.task.cancel()
                try:
                    yield awaited
                    error = None
                except asyncio.CancelledError as cancelled:
                    error = TimeoutError() if self._is_ended else cancelled
                except BaseException as failed:  # noqa: BLE001 - it is raised again, in the start
                    error = failed
