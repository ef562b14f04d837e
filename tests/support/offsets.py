"""What a consumer group has committed, beside what its topics hold."""

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from schemas.states import Priority
from tests.stack import PARTITIONS, Stack


async def committed(stack: Stack, *, group: str = "") -> dict[TopicPartition, int]:
    """Return the committed offsets of a group, of the stack's own by default."""
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.kafka)
    await admin.start()
    try:
        offsets = await admin.list_consumer_group_offsets(group or stack.group)
        return {tp: meta.offset for tp, meta in offsets.items()}
    finally:
        await admin.close()


async def all_committed(
    stack: Stack, *, priority: Priority = Priority.NORMAL, group: str = ""
) -> bool:
    """Tell whether a group has committed all that the topic of a priority holds."""
    consumer = AIOKafkaConsumer(bootstrap_servers=stack.kafka)
    await consumer.start()
    try:
        topic = stack.topics.requests[priority]
        ends = await consumer.end_offsets([TopicPartition(topic, n) for n in range(PARTITIONS)])
    finally:
        await consumer.stop()
    reached = await committed(stack, group=group)
    return all(reached.get(tp, 0) == end for tp, end in ends.items())
