"""What the topics do with the records that they are sent."""

import time

from aiokafka import AIOKafkaProducer

from tests.stack import Stack

_LOG_APPEND_TIME = 1


async def test_records_of_a_host_whose_clock_is_a_day_ahead_are_taken(stack: Stack):
    tomorrow = int((time.time() + 86_400) * 1000)
    async with AIOKafkaProducer(bootstrap_servers=stack.kafka) as producer:
        taken = await producer.send_and_wait(stack.topics.events, b"{}", timestamp_ms=tomorrow)

    assert taken.timestamp_type == _LOG_APPEND_TIME
    assert taken.timestamp < tomorrow
