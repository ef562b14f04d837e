"""The producer that both services publish with; it starts, stops and fails without hanging."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from dataclasses import dataclass
from types import coroutine
from typing import Any, TypeAlias

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError, ProducerClosed
from aiokafka.structs import RecordMetadata

from schemas.messages import Headers
from shared.logging import get_log
from shared.topics import LETTER_MESSAGE_BYTES

log = get_log()

REQUEST_SECONDS = 5.0
_PING_SECONDS = 2.0
_PING_EVERY_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record to be published."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The broker has the record."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The broker does not take this record, and would not another time."""

    reason: str


@dataclass(frozen=True, slots=True)
class TopicMissing:
    """The broker has no such topic yet: no fault of the record."""

    topic: str


@dataclass(frozen=True, slots=True)
class Unreached:
    """Nobody answered in time, or not for now: the record may be published or not."""


Fate: TypeAlias = Acknowledged | Refused | TopicMissing | Unreached


class Publisher:
    """Publish records while a broker can be reached, and know whether one can.

    `watch` keeps the connection: it starts the client when a broker first answers and pings it
    every second, so that an outage costs one small request a second and two log lines.
    """

    def __init__(self, bootstrap_servers: str, *, client_id: str) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._client_id = client_id
        self._producer: AIOKafkaProducer | None = None
        self.reachable = False

    async def watch(self) -> None:
        """Keep `reachable` true to the facts until cancelled."""
        down_logged = False
        while True:
            reachable = await self._ping()
            if reachable and not self.reachable:
                log.info("kafka_reached")
            if not reachable and (self.reachable or not down_logged):
                log.warning("kafka_lost")
            down_logged, self.reachable = not reachable, reachable
            await asyncio.sleep(_PING_EVERY_SECONDS)

    async def _ping(self) -> bool:
        with suppress(KafkaError, OSError, TimeoutError):
            async with asyncio.timeout(_PING_SECONDS):
                if self._producer is None:
                    return await self._start()
                return bool(await self._producer.client.force_metadata_update())
        return False

    async def _start(self) -> bool:
        """Start the client.

        Not idempotent on purpose: an outage hangs an idempotent producer and its `stop`
        (aiokafka issues 1101 and 1017), and every consumer expects duplicates anyway.
        """
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap_servers,
            client_id=self._client_id,
            acks="all",
            enable_idempotence=False,
            request_timeout_ms=int(REQUEST_SECONDS * 1000),
            retry_backoff_ms=200,
            max_batch_size=65_536,
            max_request_size=LETTER_MESSAGE_BYTES,
        )
        start = _Start(producer.start)
        try:
            await asyncio.shield(start.task)
        except BaseException:
            await start.end()
            await _leave(producer)
            raise
        self._producer = producer
        return True

    async def publish(self, records: list[Record]) -> list[Fate]:
        """Publish the records side by side and say what became of each, in their order."""
        producer = self._producer
        if producer is None or not self.reachable:
            return [Unreached() for _ in records]
        return await asyncio.gather(*(_publish(producer, record) for record in records))

    async def stop(self) -> None:
        """Leave the broker; bounded, whatever state it is in."""
        if self._producer is None:
            return
        await _leave(self._producer)
        self._producer, self.reachable = None, False


class _Start:
    """The start of a client, which can be ended at any moment.

    Once ended it meets a timeout wherever it waits: aiokafka then closes what it has opened, where
    by a cancellation it would leave the connection that it asks for metadata open for good.
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


async def _leave(producer: AIOKafkaProducer) -> None:
    with suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(REQUEST_SECONDS):
            await producer.stop()


async def _publish(producer: AIOKafkaProducer, record: Record) -> Fate:
    try:
        async with asyncio.timeout(2 * REQUEST_SECONDS):
            if (obstacle := await _obstacle(producer, record.topic)) is not None:
                return obstacle
            await _send(producer, record)
    except (OSError, TimeoutError, KafkaTimeoutError, ProducerClosed):
        return Unreached()
    except (KafkaError, ValueError) as error:
        if getattr(error, "retriable", False):
            return Unreached()
        return Refused(f"{type(error).__name__}: {error}")
    return Acknowledged()


async def _send(producer: AIOKafkaProducer, record: Record) -> RecordMetadata:
    """Send a record, even one of headers alone, which the producer's own `send` refuses."""
    if record.key is not None or record.value is not None:
        return await producer.send_and_wait(
            record.topic, record.value, key=record.key, headers=record.headers
        )
    batch = producer.create_batch()
    batch.append(key=None, value=None, timestamp=None, headers=record.headers)
    partition = random.choice([*await producer.partitions_for(record.topic)])
    return await (await producer.send_batch(batch, record.topic, partition=partition))


async def _obstacle(producer: AIOKafkaProducer, topic: str) -> TopicMissing | Unreached | None:
    """Ask once for a topic that is new to the client; `send` would wait for it for seconds."""
    client = producer.client
    if client.cluster.partitions_for_topic(topic) is not None:
        return None
    await client.add_topic(topic)
    if not await client.force_metadata_update():
        return Unreached()
    return None if client.cluster.partitions_for_topic(topic) else TopicMissing(topic)
