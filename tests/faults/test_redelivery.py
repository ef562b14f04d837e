"""Messages come again, out of order, or to somebody else: duplicates cost a statement each."""

import asyncio
import random
from collections.abc import Sequence

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.structs import OffsetAndMetadata

from shared.database import Database
from tests.services import workers_on
from tests.stack import PARTITIONS, Stack
from tests.support import books
from tests.support.books.watch import Watch
from tests.support.offsets import all_committed
from tests.support.providers import Scripted
from tests.support.records import read_to_the_end
from tests.support.road import settled, submit
from tests.support.waiting import eventually

VERSIONS = "SELECT id, version, epoch FROM generation_requests ORDER BY id"


async def test_a_topic_that_is_rewound_doubled_and_shuffled_changes_nothing(
    api: httpx.AsyncClient, stack: Stack, database: Database
):
    provider = Scripted()
    async with workers_on(stack) as start:
        await start(provider)
        paths = [await submit(api, count=2) for _ in range(20)]
        before = [await settled(api, path) for path in paths]
        versions = await database.fetch(VERSIONS)
    await _deliver_doubled_and_shuffled(stack)
    await _rewind(stack)

    async with workers_on(stack) as start:
        await start(provider)
        await eventually(lambda: all_committed(stack), what="everything is read again")

    assert len(provider.calls) == 40
    assert [await settled(api, path) for path in paths] == before
    assert await database.fetch(VERSIONS) == versions
    assert not await database.fetch("SELECT FROM dead_letters")
    await books.check_relayed(database)


async def test_a_group_that_is_rebalanced_all_the_time_makes_nothing_twice(
    api: httpx.AsyncClient, stack: Stack, database: Database
):
    provider = Scripted()
    watch = Watch(database, bootstrap_servers=stack.kafka, group=stack.group)
    watching = asyncio.create_task(watch.offsets())
    async with workers_on(stack) as start:
        for _ in range(2):
            await start(provider)
        paths: list[str] = []
        for _ in range(5):
            guest = await _guest(stack)
            paths += [await submit(api, count=2) for _ in range(10)]
            await guest.stop()
            paths += [await submit(api, count=2) for _ in range(10)]
        records = [await settled(api, path, within=60) for path in paths]
        await eventually(lambda: all_committed(stack), within=60)
    watching.cancel()

    assert {record["status"] for record in records} == {"completed"}
    assert len(provider.calls) == 200
    assert not watch.violations
    await books.check_relayed(database)


async def _guest(stack: Stack) -> AIOKafkaConsumer:
    """Join the group, and take partitions from its members."""
    guest = AIOKafkaConsumer(
        *stack.topics.requests.values(),
        bootstrap_servers=stack.kafka,
        group_id=stack.group,
        enable_auto_commit=False,
        partition_assignment_strategy=(RoundRobinPartitionAssignor,),
    )
    await guest.start()
    await eventually(guest.assignment, within=30)
    return guest


async def _deliver_doubled_and_shuffled(stack: Stack) -> None:
    records = await read_to_the_end(stack.kafka, *stack.topics.requests.values())
    await _send_shuffled(stack, records * 2)


async def _send_shuffled(stack: Stack, records: Sequence[ConsumerRecord]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=stack.kafka) as producer:
        for record in random.sample(records, len(records)):
            await producer.send_and_wait(
                record.topic, record.value, key=record.key, headers=[*record.headers]
            )


def _places(stack: Stack) -> list[TopicPartition]:
    return [
        TopicPartition(topic, number)
        for topic in stack.topics.requests.values()
        for number in range(PARTITIONS)
    ]


async def _rewind(stack: Stack) -> None:
    async with AIOKafkaConsumer(bootstrap_servers=stack.kafka, group_id=stack.group) as consumer:
        consumer.assign(_places(stack))
        await consumer.commit({place: OffsetAndMetadata(0, "") for place in _places(stack)})
