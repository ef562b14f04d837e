"""Hand records to a producer, and wait for the answer to each."""

import asyncio
import random
from collections.abc import Iterable
from contextlib import suppress
from typing import TypeAlias

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    ProducerClosed,
    TopicAuthorizationFailedError,
)
from aiokafka.structs import RecordMetadata

from shared.kafka.records import (
    Acknowledged,
    DeliveryResult,
    Denied,
    NotDelivered,
    Record,
    Refused,
    TopicMissing,
)

REQUEST_SECONDS = 5.0
_IN_TURN_SECONDS = 0.1
"""Within this all records are handed over in turn, unless one waits for room in its partition."""

_FAILURES = (OSError, KafkaError, ValueError)

_Delivery: TypeAlias = asyncio.Future[RecordMetadata]
_Handed: TypeAlias = dict[int, _Delivery | DeliveryResult]


async def deliver(producer: AIOKafkaProducer, records: list[Record]) -> list[DeliveryResult]:
    """Hand all records over before any delivery is awaited; the rest are `NotDelivered`."""
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
    return [_result_of(handed.get(place), record.topic) for place, record in enumerate(records)]


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
        return _failure(error, topic)
    if topic in client.cluster.unauthorized_topics:
        return Denied(topic)
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
        return _failure(error, record.topic)
    return delivery


def _result_of(delivery: _Delivery | DeliveryResult | None, topic: str) -> DeliveryResult:
    if not isinstance(delivery, asyncio.Future):
        return delivery or NotDelivered()
    if delivery.cancelled():
        return NotDelivered()
    error = delivery.exception()
    return Acknowledged() if error is None else _failure(error, topic)


def _failure(error: BaseException, topic: str) -> DeliveryResult:
    match error:
        case TopicAuthorizationFailedError():
            return Denied(topic)
        case OSError() | KafkaTimeoutError() | ProducerClosed():
            return NotDelivered()
        case KafkaError() | ValueError():
            passes = getattr(error, "retriable", False)
            return NotDelivered() if passes else Refused(f"{type(error).__name__}: {error}")
        case _:
            raise error
