"""The start of a Kafka client in a task of its own, which only the end of the process cancels.

aiokafka's own start cannot be cancelled cleanly: it loses the connection that it asks for metadata.
So a broker is asked first over a connection of ours, which a cancellation closes; the client starts
from the broker that has answered.
"""

import asyncio
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from aiokafka.errors import KafkaConnectionError, KafkaError, SaslAuthenticationFailed
from aiokafka.protocol.metadata import MetadataRequest

from shared.kafka.clients import KafkaClients
from shared.kafka.obstacles import Obstacle, obstacle_of
from shared.runtime.logging import get_log

log = get_log()

ANSWER_SECONDS = 5.0
_AGAIN_SECONDS = 0.5
_STOP_SECONDS = 5.0


class Startable(Protocol):
    """A producer or a consumer."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


Client = TypeVar("Client", bound=Startable)


class ClientStart(Generic[Client]):
    """Start the client that `new` makes for the address of a broker, as soon as one answers.

    `obstacle` is why the broker that was asked last has not let the client in.
    """

    def __init__(self, new: Callable[[str], Client], *, clients: KafkaClients) -> None:
        self._new = new
        self._clients = clients
        self.obstacle: Obstacle | None = None
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
            for broker in self._clients.brokers:
                try:
                    await ask(broker, self._clients)
                    return await self._start(broker)
                except (KafkaError, OSError, TimeoutError) as error:
                    self.obstacle = obstacle_of(error, broker)
                    reason = self.obstacle.reason
                    log.debug("loop_iteration_failed", loop="client_start", reason=reason)
            await asyncio.sleep(_AGAIN_SECONDS)

    async def look(self) -> None:
        """Ask the brokers, to learn why a client that has started does not reach them."""
        answer = await answering_broker(self._clients)
        self.obstacle = answer if isinstance(answer, Obstacle) else None

    async def _start(self, broker: str) -> Client:
        client = self._new(broker)
        try:
            await client.start()
        except BaseException:
            await _stop(client)
            raise
        return client


async def ask(broker: str, clients: KafkaClients) -> None:
    """Ask a broker for metadata, as the start of a client does.

    Raises:
        KafkaError, OSError, TimeoutError: it does not answer, or does not let the client in.
    """
    await clients.have_token()  # which may take longer than a broker may
    connection = clients.connection(broker)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await connection.connect()
            metadata = await connection.send(MetadataRequest([]))
    except OSError:
        raise  # a refused certificate is a ValueError too
    # What aiokafka reads of a login without a look at its form: a broker may answer anything.
    except (ValueError, KeyError, AssertionError) as error:
        raise KafkaConnectionError(f"the login failed: {error!r}") from error
    finally:
        connection.close()
    if not metadata.brokers:
        # aiokafka takes any answer to a token for a yes; the broker then answers like this.
        raise SaslAuthenticationFailed("the token is not accepted")


async def answering_broker(clients: KafkaClients) -> str | Obstacle:
    """Return the address of the first broker that answers, or why the last one does not."""
    obstacle = Obstacle("no answer in time")
    for broker in clients.brokers:
        try:
            await ask(broker, clients)
        except (KafkaError, OSError, TimeoutError) as error:
            obstacle = obstacle_of(error, broker)
        else:
            return broker
    return obstacle


async def _stop(client: Startable) -> None:
    """Stop a client in bounded time, whatever that raises, even if it ignores its cancellation.

    Without a broker aiokafka cancels a fetch of its own and lets that cancellation through; in a
    task of its own it cannot pass for ours.
    """
    stopping = asyncio.create_task(client.stop())
    stopping.add_done_callback(_ignore_outcome)
    await asyncio.wait([stopping], timeout=_STOP_SECONDS)
    stopping.cancel()


def _ignore_outcome(stopped: asyncio.Task[None]) -> None:
    """Read an exception, else asyncio reports one that was never retrieved."""
    if not stopped.cancelled():
        stopped.exception()
