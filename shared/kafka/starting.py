"""The start of a Kafka client in a task of its own, which only the end of the process cancels.

aiokafka's own start cannot be cancelled cleanly: it loses the connection that it asks for metadata.
So a broker is asked first over a connection of ours, which a cancellation closes; the client starts
from the broker that has answered.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, Protocol, TypeVar
from urllib.parse import urlsplit

from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaError
from aiokafka.protocol.metadata import MetadataRequest

from shared.runtime.logging import get_log

log = get_log()

ANSWER_SECONDS = 5.0
_DEFAULT_PORT = 9092
_AGAIN_SECONDS = 0.5
_STOP_SECONDS = 5.0


class Startable(Protocol):
    """A producer or a consumer."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


Client = TypeVar("Client", bound=Startable)


class ClientStart(Generic[Client]):
    """Start the client that `new` makes for the address of a broker, as soon as one answers."""

    def __init__(self, new: Callable[[str], Client], *, bootstrap_servers: str) -> None:
        self._new = new
        self._brokers = bootstrap_servers.split(",")
        self._task: asyncio.Task[Client] | None = None
        self._is_stopped = False

    async def started(self, within: float) -> Client | None:
        """Wait for the client, at most so many seconds; the start goes on meanwhile.

        None while no broker has answered. After any other failure, which it raises, the next call
        starts anew.
        """
        if self._is_stopped:
            await asyncio.sleep(within)
            return None
        self._task = self._task or asyncio.create_task(self._run())
        done, _ = await asyncio.wait([self._task], timeout=within)
        if not done or self._is_stopped:
            return None
        try:
            return self._task.result()
        except Exception:
            self._task = None
            raise

    async def stop(self) -> None:
        """End the start, or stop the client; bounded, whatever state the brokers are in."""
        self._is_stopped = True
        if self._task is None:
            return
        self._task.cancel()
        done, _ = await asyncio.wait([self._task], timeout=2 * _STOP_SECONDS)
        if done and not self._task.cancelled() and self._task.exception() is None:
            await _stop(self._task.result())

    async def _run(self) -> Client:
        while True:
            for broker in self._brokers:
                try:
                    await ask(broker)
                    return await self._start(broker)
                except (KafkaError, OSError, TimeoutError) as error:
                    log.debug("loop_iteration_failed", loop="client_start", reason=str(error))
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _start(self, broker: str) -> Client:
        client = self._new(broker)
        try:
            await client.start()
        except BaseException:
            await _stop(client)
            raise
        return client


async def ask(broker: str) -> None:
    """Ask a broker for metadata, as the start of a client does.

    Raises:
        KafkaError, OSError, TimeoutError: it does not answer.
    """
    address = urlsplit(f"//{broker.strip()}")
    connection = AIOKafkaConnection(address.hostname, address.port or _DEFAULT_PORT)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await connection.connect()
            await connection.send(MetadataRequest([]))
    finally:
        connection.close()


async def _stop(client: Startable) -> None:
    """Stop a client in bounded time, whatever that raises.

    Without a broker aiokafka cancels a fetch of its own and lets that cancellation through; it
    must not pass for ours.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(_STOP_SECONDS):
            await asyncio.gather(client.stop(), return_exceptions=True)
