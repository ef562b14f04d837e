"""Read topics without a consumer group, from their beginning."""

import asyncio

from aiokafka import AIOKafkaConsumer, ConsumerRecord

READ_SECONDS = 20.0


async def read_topics(servers: str, *topics: str, count: int) -> list[ConsumerRecord]:
    """Return what the topics hold as soon as that is at least `count` records.

    One more round is read after that, so that a duplicate that is there shows.
    """
    consumer = AIOKafkaConsumer(
        *topics, bootstrap_servers=servers, group_id=None, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        found: list[ConsumerRecord] = []
        async with asyncio.timeout(READ_SECONDS):
            while len(found) < count:
                found += await _next(consumer)
        return found + await _next(consumer)
    finally:
        await consumer.stop()


async def _next(consumer: AIOKafkaConsumer) -> list[ConsumerRecord]:
    batches = await consumer.getmany(timeout_ms=200)
    return [record for batch in batches.values() for record in batch]


async def read_to_the_end(servers: str, *topics: str) -> list[ConsumerRecord]:
    """Return all that the topics hold now."""
    consumer = AIOKafkaConsumer(
        *topics, bootstrap_servers=servers, group_id=None, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        found: list[ConsumerRecord] = []
        async with asyncio.timeout(READ_SECONDS):
            ends = await consumer.end_offsets([*consumer.assignment()])
            while any([await consumer.position(place) < end for place, end in ends.items()]):
                found += await _next(consumer)
        return found
    finally:
        await consumer.stop()
