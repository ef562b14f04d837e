"""Measure how many messages of its partitions a worker has not handled."""

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from shared.runtime.logging import get_log
from shared.runtime.metrics import KAFKA_LAG
from worker_service.intake.offsets import Offsets

log = get_log()

EVERY_SECONDS = 10.0
_WITHIN_SECONDS = 5.0


async def show_lag(consumer: AIOKafkaConsumer, offsets: Offsets) -> None:
    """Ask the brokers for the ends, and show the lag; nothing is shown where they do not answer.

    The end that a fetch reports would not do: a worker without a free slot fetches nothing.
    """
    lag: dict[TopicPartition, int] = {}
    try:
        async with asyncio.timeout(_WITHIN_SECONDS):
            if assigned := consumer.assignment():
                ends = await consumer.end_offsets([*assigned])
                lag = {p: end - await _next(p, consumer, offsets) for p, end in ends.items()}
    except (KafkaError, IllegalStateError, TimeoutError) as error:
        log.debug("loop_iteration_failed", loop="kafka_lag", reason=str(error))
    KAFKA_LAG.clear()
    for partition, messages in lag.items():
        KAFKA_LAG.labels(partition.topic, partition.partition).set(max(0, messages))


async def _next(partition: TopicPartition, consumer: AIOKafkaConsumer, offsets: Offsets) -> int:
    """Return the offset after the last handled one; the group's, where none is handled yet."""
    handled = offsets.next_of((partition.topic, partition.partition))
    return await consumer.position(partition) if handled is None else handled
