"""The producer that both services publish with; it starts, stops and fails without hanging."""

import asyncio
import random
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias
from zlib import crc32

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError, ProducerClosed
from aiokafka.structs import RecordMetadata

from schemas.messages import Headers
from shared.kafka.starting import started
from shared.kafka.topics import LETTER_MESSAGE_BYTES
from shared.runtime.logging import get_log

log = get_log()

REQUEST_SECONDS = 5.0
_PING_SECONDS = 2.0
_PING_EVERY_SECONDS = 1.0
_IN_TURN_SECONDS = 0.1
"""Within this all records are handed over in turn, unless one waits for room in its partition."""
_PARTITION_BYTES = 262_144
"""What waits for one partition: all the dispatches of a relay's batch, so that none waits here."""

_FAILURES = (OSError, KafkaError, ValueError)


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
class NotDelivered:
    """Nobody answered in time, or not for now: the record may be published or not."""


DeliveryResult: TypeAlias = Acknowledged | Refused | TopicMissing | NotDelivered
_Delivery: TypeAlias = asyncio.Future[RecordMetadata]
_Handed: TypeAlias = dict[int, _Delivery | DeliveryResult]


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
            max_batch_size=_PARTITION_BYTES,
            partitioner=partition_of,
            max_request_size=LETTER_MESSAGE_BYTES,
        )
        await started(producer.start, leave=partial(_leave, producer))
        self._producer = producer
        return True

    async def publish(self, records: list[Record]) -> list[DeliveryResult]:
        """Publish the records side by side and say what became of each, in their order."""
        producer = self._producer
        if producer is None or not self.reachable:
            return [NotDelivered() for _ in records]
        return await _publish(producer, records)

    async def stop(self) -> None:
        """Leave the broker; bounded, whatever state it is in."""
        if self._producer is None:
            return
        await _leave(self._producer)
        self._producer, self.reachable = None, False


async def _leave(producer: AIOKafkaProducer) -> None:
    with suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(REQUEST_SECONDS):
            await producer.stop()


def partition_of(key: bytes | None, partitions: list[int], available: list[int]) -> int:
    """Choose as librdkafka does: aiokafka's own choice takes as long as the rest of a send."""
    if key is None:
        return random.choice(available or partitions)
    return sorted(partitions)[crc32(key) % len(partitions)]


async def _publish(producer: AIOKafkaProducer, records: list[Record]) -> list[DeliveryResult]:
    """Hand the records over before any delivery is awaited; what is not delivered is unreached."""
    handed: _Handed = {}
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(2 * REQUEST_SECONDS):
                await _hand_over_all(producer, records, handed)
                for delivery in handed.values():
                    if isinstance(delivery, asyncio.Future) and not delivery.done():
                        await asyncio.wait([delivery])
    finally:
        for delivery in handed.values():
            if isinstance(delivery, asyncio.Future):
                delivery.cancel()  # if it is done, its error counts as retrieved
    return [_result_of(handed.get(place)) for place in range(len(records))]


async def _hand_over_all(
    producer: AIOKafkaProducer, records: list[Record], handed: _Handed
) -> None:
    """Hand over in turn, and as soon as one waits, what is left of each key beside the others."""
    topics = {record.topic for record in records}
    obstacles = {topic: await _obstacle(producer, topic) for topic in topics}

    async def in_turn(places: Iterable[int]) -> None:
        for place in places:
            record = records[place]
            handed[place] = obstacles[record.topic] or await _hand_over(producer, record)

    with suppress(TimeoutError):
        async with asyncio.timeout(_IN_TURN_SECONDS):
            await in_turn(range(len(records)))
    if len(handed) == len(records):
        return
    of_key: dict[object, list[int]] = {}
    for place in range(len(handed), len(records)):
        topic, key = records[place].topic, records[place].key
        of_key.setdefault(place if key is None else (topic, key), []).append(place)
    async with asyncio.TaskGroup() as side_by_side:
        for places in of_key.values():
            side_by_side.create_task(in_turn(places))


async def _obstacle(producer: AIOKafkaProducer, topic: str) -> DeliveryResult | None:
    """Ask once for a topic that is new to the client; `send` would wait for it for seconds."""
    client = producer.client
    if client.cluster.partitions_for_topic(topic) is not None:
        return None
    try:
        await client.add_topic(topic)
        if not await client.force_metadata_update():
            return NotDelivered()
    except _FAILURES as error:
        return _failure(error)
    return None if client.cluster.partitions_for_topic(topic) else TopicMissing(topic)


async def _hand_over(producer: AIOKafkaProducer, record: Record) -> _Delivery | DeliveryResult:
    """Send a record, even one of headers alone, which the producer's own `send` refuses."""
    delivery: _Delivery
    try:
        if record.key is not None or record.value is not None:
            delivery = await producer.send(
                record.topic, record.value, key=record.key, headers=record.headers
            )
        else:
            batch = producer.create_batch()
            batch.append(key=None, value=None, timestamp=None, headers=record.headers)
            partition = random.choice([*await producer.partitions_for(record.topic)])
            delivery = await producer.send_batch(batch, record.topic, partition=partition)
    except _FAILURES as error:
        return _failure(error)
    return delivery


def _result_of(delivery: _Delivery | DeliveryResult | None) -> DeliveryResult:
    if not isinstance(delivery, asyncio.Future):
        return delivery or NotDelivered()
    if delivery.cancelled():
        return NotDelivered()
    error = delivery.exception()
    return Acknowledged() if error is None else _failure(error)


def _failure(error: BaseException) -> DeliveryResult:
    match error:
        case OSError() | KafkaTimeoutError() | ProducerClosed():
            return NotDelivered()
        case KafkaError() | ValueError():
            passes = getattr(error, "retriable", False)
            return NotDelivered() if passes else Refused(f"{type(error).__name__}: {error}")
        case _:
            raise error
