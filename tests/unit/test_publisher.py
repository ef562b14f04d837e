"""What becomes of the records of a batch, each by itself."""

import asyncio
import gc
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    NotLeaderForPartitionError,
    TopicAuthorizationFailedError,
)
from structlog.testing import capture_logs

from shared.kafka import delivery
from shared.kafka.clients import KafkaClients
from shared.kafka.publisher import Publisher, partition_of
from shared.kafka.records import (
    Acknowledged,
    DeliveryResult,
    Denied,
    NotDelivered,
    Record,
    Refused,
    TopicMissing,
)
from tests.support.waiting import eventually


@dataclass
class Producer:
    """Stands where the publisher meets aiokafka; each value says what becomes of its record."""

    asked_for: list[str] = field(default_factory=list)
    late: list[asyncio.Future[Any]] = field(default_factory=list)

    @property
    def client(self) -> Any:
        cluster = SimpleNamespace(
            partitions_for_topic={"known": {0}}.get, unauthorized_topics={"denied"}
        )
        return SimpleNamespace(
            cluster=cluster, add_topic=self.add_topic, force_metadata_update=self.update
        )

    async def add_topic(self, topic: str) -> None:
        self.asked_for.append(topic)

    async def update(self) -> bool:
        return True

    async def send(self, _: str, value: Any, **__: Any) -> asyncio.Future[Any]:
        delivery = asyncio.get_running_loop().create_future()
        match value:
            case b"kept":
                delivery.set_result(None)
            case b"late":
                self.late.append(delivery)
            case b"no room":
                await asyncio.Event().wait()
            case b"refused":
                raise MessageSizeTooLargeError
            case b"denied":
                delivery.set_exception(TopicAuthorizationFailedError("known"))
            case b"timed out":
                raise KafkaTimeoutError
            case b"moved":
                delivery.set_exception(NotLeaderForPartitionError())
            case b"bug":
                delivery.set_exception(ZeroDivisionError())
            case _:
                raise AssertionError(value)
        return delivery


async def results_of(
    *values: bytes, producer: Producer, topic: str = "known", keys: Sequence[bytes | None] = ()
) -> list[DeliveryResult]:
    publisher = Publisher(KafkaClients("h:1", "test"))
    publisher._producer = cast("AIOKafkaProducer", producer)  # noqa: SLF001 - as if started
    publisher.reachable = True
    records = [
        Record(topic=topic, key=key, value=value, headers=[])
        for key, value in zip(keys or [b"k"] * len(values), values, strict=True)
    ]
    async with asyncio.timeout(3):
        return await publisher.publish(records)


async def test_each_record_of_a_batch_has_its_own_fate():
    results = await results_of(b"refused", b"kept", b"timed out", b"moved", producer=Producer())
    assert [type(result) for result in results] == [
        Refused,
        Acknowledged,
        NotDelivered,
        NotDelivered,
    ]


async def test_topics_that_may_not_be_written_to_are_one_line_each():
    with capture_logs() as logs:
        told = await results_of(b"denied", b"denied", b"kept", producer=Producer())
        hidden = await results_of(b"kept", b"kept", producer=Producer(), topic="denied")

    assert told == [Denied("known"), Denied("known"), Acknowledged()]
    assert hidden == [Denied("denied")] * 2
    assert [(e["event"], e["operation"], e["resource"], e["name"]) for e in logs] == [
        ("kafka_denied", "Write", "topic", "known"),
        ("kafka_denied", "Write", "topic", "denied"),
    ]


async def test_a_topic_that_is_missing_is_asked_for_once_in_a_batch():
    producer = Producer()
    results = await results_of(b"kept", b"kept", producer=producer, topic="new")
    assert results == [TopicMissing("new")] * 2
    assert producer.asked_for == ["new"]


async def test_what_is_not_delivered_in_time_is_unreached_and_its_neighbours_are_not(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(delivery, "REQUEST_SECONDS", 0.01)
    producer = Producer()
    results = await results_of(b"kept", b"late", b"kept", producer=producer)
    assert results == [Acknowledged(), NotDelivered(), Acknowledged()]
    assert [delivery.cancelled() for delivery in producer.late] == [True]


async def test_records_that_find_no_room_delay_none_behind_them(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(delivery, "REQUEST_SECONDS", 0.1)
    monkeypatch.setattr(delivery, "_IN_TURN_SECONDS", 0.01)
    producer = Producer()
    values = [b"no room", b"no room", b"kept", b"refused", b"kept"]
    results = await results_of(*values, producer=producer, keys=[b"a", None, None, b"b", b"c"])
    assert [type(result) for result in results] == [
        *[NotDelivered, NotDelivered],
        *[Acknowledged, Refused, Acknowledged],
    ]


async def test_records_of_one_key_keep_their_order_when_one_waits(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(delivery, "REQUEST_SECONDS", 0.1)
    monkeypatch.setattr(delivery, "_IN_TURN_SECONDS", 0.01)
    producer = Producer()
    results = await results_of(
        *[b"kept", b"no room", b"kept", b"kept"],
        producer=producer,
        keys=[b"a", b"a", b"b", b"a"],
    )
    assert results == [Acknowledged(), NotDelivered(), Acknowledged(), NotDelivered()]


async def test_no_task_is_made_where_no_record_waits(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(asyncio.TaskGroup, "create_task", None)
    results = await results_of(*[b"kept"] * 3, producer=Producer(), keys=[b"a", b"b", None])
    assert results == [Acknowledged()] * 3


async def test_a_bug_of_one_delivery_leaves_no_other_unattended():
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    publishing = asyncio.create_task(results_of(b"bug", b"moved", producer=Producer()))
    await asyncio.wait([publishing])
    assert isinstance(publishing.exception(), ZeroDivisionError)
    del publishing
    gc.collect()
    assert complaints == []


async def test_a_publication_that_is_cancelled_ends_so_whatever_became_of_its_records():
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    producer = Producer()
    publishing = asyncio.create_task(results_of(b"bug", b"moved", b"late", producer=producer))
    await eventually(lambda: producer.late)
    publishing.cancel()
    await asyncio.wait([publishing])
    assert publishing.cancelled()
    assert [delivery.cancelled() for delivery in producer.late] == [True]
    del publishing
    gc.collect()
    assert complaints == []


def test_a_key_has_one_partition_whatever_is_available_and_in_whatever_order():
    chosen = {
        partition_of(b"key", partitions, available)
        for partitions in ([0, 1, 2], [2, 0, 1])
        for available in ([0, 1, 2], [1], [])
    }
    assert len(chosen) == 1


def test_keys_are_spread_over_all_partitions():
    chosen = {partition_of(b"%d" % number, [0, 1, 2], []) for number in range(100)}
    assert chosen == {0, 1, 2}


def test_a_record_without_a_key_goes_where_a_leader_is():
    assert {partition_of(None, [0, 1, 2], [1]) for _ in range(20)} == {1}
    assert partition_of(None, [2], []) == 2
