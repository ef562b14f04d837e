"""The start of a Kafka client in a task of its own, which only the end of the process cancels.

aiokafka gives up by its own request timeouts when no broker answers. Cancelling it earlier would
leave the connection open that it asks for metadata.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

from aiokafka.errors import KafkaError

from shared.runtime.logging import get_log

log = get_log()


class Startable(Protocol):
    """A producer or a consumer."""

    async def start(self) -> None: ...


Client = TypeVar("Client", bound=Startable)


class ClientStart(Generic[Client]):
    """Start clients that `new` makes until one has started; `leave` closes any other."""

    def __init__(
        self, new: Callable[[], Client], *, leave: Callable[[Client], Awaitable[None]]
    ) -> None:
        self._new = new
        self._leave = leave
        self._task: asyncio.Task[Client | None] | None = None
        self._is_abandoned = False

    async def started(self, within: float) -> Client | None:
        """Wait for the client, at most so many seconds; the next call begins a failed start again.

        None while no broker has answered.
        """
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        done, _ = await asyncio.wait([self._task], timeout=within)
        if not done:
            return None
        task, self._task = self._task, None
        return task.result()

    async def abandon(self) -> None:
        """Let a start under way come to its end alone; close a client that none has taken."""
        self._is_abandoned = True
        if self._task is not None and self._task.done() and (client := self._task.result()):
            await self._leave(client)

    async def _run(self) -> Client | None:
        client = self._new()
        try:
            await client.start()
            if not self._is_abandoned:
                return client
        except (KafkaError, OSError, TimeoutError) as error:
            log.debug("loop_iteration_failed", loop="client_start", reason=str(error))
        except BaseException:
            await self._leave(client)
            raise
        await self._leave(client)
        return None
