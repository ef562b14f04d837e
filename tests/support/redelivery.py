"""What Kafka may do to the messages of a group at any time: give them again, or to others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from random import Random

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata

from tests.stack import PARTITIONS, Stack
from tests.support.records import read_to_the_end
from tests.support.waiting import eventually

_PATIENCE_SECONDS = 15.0


async def rewind(stack: Stack) -> bool:
    """Set the group back to offset 0 everywhere; False while it has a member."""
    places = [
        TopicPartition(topic, number)
        for topic in stack.topics.requests.values()
        for number in range(PARTITIONS)
    ]
    async with AIOKafkaConsumer(bootstrap_servers=stack.kafka, group_id=stack.group) as consumer:
        consumer.assign(places)
        try:
            await consumer.commit({place: OffsetAndMetadata(0, "") for place in places})
        except KafkaError:
            return False
    return True


async def deliver_twice_more(stack: Stack, draw: Random) -> int:
    """Send every message so far twice more, out of order, and return how many were sent."""
    records = await read_to_the_end(stack.kafka, *stack.topics.requests.values())
    copies = draw.sample(records * 2, 2 * len(records))
    async with AIOKafkaProducer(bootstrap_servers=stack.kafka, acks="all") as producer:
        for copy in copies:
            await producer.send_and_wait(
                copy.topic, copy.value, key=copy.key, headers=[*copy.headers]
            )
    return len(copies)


@asynccontextmanager
async def a_guest(stack: Stack) -> AsyncIterator[None]:
    """Be a member of the group that takes partitions from the others and commits nothing."""
    guest = AIOKafkaConsumer(
        *stack.topics.requests.values(),
        bootstrap_servers=stack.kafka,
        group_id=stack.group,
        enable_auto_commit=False,
        partition_assignment_strategy=(RoundRobinPartitionAssignor,),
    )
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await guest.start()
        await eventually(guest.assignment, within=_PATIENCE_SECONDS)
        yield
    finally:
        with suppress(KafkaError, OSError, TimeoutError):
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await guest.stop()
