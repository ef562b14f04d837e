"""What the topics do with the records that they are sent."""

import time
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from shared.kafka.clients import KafkaClients
from shared.kafka.topics import create_topics
from tests.stack import PARTITIONS, Stack
from tests.support.waiting import eventually

_LOG_APPEND_TIME = 1


async def test_records_of_a_host_whose_clock_is_a_day_ahead_are_taken(stack: Stack):
    tomorrow = int((time.time() + 86_400) * 1000)
    async with AIOKafkaProducer(bootstrap_servers=stack.kafka) as producer:
        taken = await producer.send_and_wait(stack.topics.events, b"{}", timestamp_ms=tomorrow)

    assert taken.timestamp_type == _LOG_APPEND_TIME
    assert taken.timestamp < tomorrow


@pytest.fixture
async def admin(stack: Stack) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(bootstrap_servers=stack.kafka)
    await client.start()
    yield client
    await client.close()


async def settings_of(admin: AIOKafkaAdminClient, topic: str) -> dict[str, str]:
    (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    ((_, _, _, _, entries),) = answer.resources
    return {name: value for name, value, *_ in entries}


async def test_a_topic_that_took_the_time_of_the_sender_takes_that_of_the_broker(
    stack: Stack, admin: AIOKafkaAdminClient
):
    topic = stack.topics.events
    own = {"retention.ms": "86400000", "max.message.bytes": "2000000"}
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, own)])

    async def takes(kind: str) -> bool:
        return (await settings_of(admin, topic))["message.timestamp.type"] == kind

    await eventually(lambda: takes("CreateTime"))

    lines = await create_topics(
        KafkaClients(stack.kafka, "test"), stack.topics, partitions=PARTITIONS
    )

    await eventually(lambda: takes("LogAppendTime"))
    found = await settings_of(admin, topic)
    assert {name: found[name] for name in own} == own
    assert [line.partition(";")[0] for line in lines] == [
        f"topic {topic}: set message.timestamp.type to LogAppendTime"
    ]


async def test_topics_that_take_the_time_of_the_broker_are_left_alone(stack: Stack):
    assert (
        await create_topics(KafkaClients(stack.kafka, "test"), stack.topics, partitions=PARTITIONS)
        == []
    )
