"""The outbox and its relay: what was accepted is published, once Kafka takes it."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast
from uuid import UUID

import pytest
from aiokafka import TopicPartition
from structlog.testing import capture_logs

from api_service.relay import relaying
from schemas.states import Priority
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
from shared.kafka.topics import DEAD_LETTER_MESSAGE_BYTES, WORK_MESSAGE_BYTES
from shared.outbox import BATCH_ROWS, CLAIM_LEFTOVERS, OutboxRow, Relay, insert
from shared.postgres.database import Database
from shared.requests.dispatch import dispatch_record
from tests.services import api_settings
from tests.stack import PARTITIONS, Stack
from tests.support.api import api_told
from tests.support.client import submit
from tests.support.records import read_topics
from tests.support.requests import a_request
from tests.support.waiting import eventually

REFUSALS_BEFORE_PARKING = 20
MAKE_ALL_DUE = "UPDATE outbox SET claimed_until = clock_timestamp() - interval '1 second'"
LEAVE_OVER = """
UPDATE outbox SET dispatch_request_id = $2, claimed_until = clock_timestamp() - interval '1 second'
 WHERE id = $1"""
CANCEL = """
UPDATE generation_requests SET status = 'cancelled', completed_at = clock_timestamp()
 WHERE id = $1"""


@dataclass
class Broker:
    """Stands where the publisher meets Kafka, to answer what a real broker rarely does."""

    answer: Callable[[Record], DeliveryResult] = lambda _: Acknowledged()
    published: list[Record] = field(default_factory=list)
    reachable: bool = True

    async def publish(self, records: Sequence[Record]) -> list[DeliveryResult]:
        self.published += records
        return [self.answer(record) for record in records]


def relay_to(broker: Broker, database: Database) -> Relay:
    return Relay(database, cast("Publisher", broker))


async def a_left_over(
    database: Database, *, topic: str = "events", value: bytes = b"{}", request: UUID | None = None
) -> int:
    """Insert a row that any relay may take at once."""
    async with database.transaction() as connection:
        (row,) = await insert(
            connection, [Record(topic=topic, key=b"key", value=value, headers=[("name", None)])]
        )
        await connection.execute(LEAVE_OVER, row.id, request)
    return row.id


async def rows_of(database: Database) -> list[Any]:
    return await database.fetch(
        """SELECT *, claimed_until > clock_timestamp() AS waits, parked_at IS NOT NULL AS parked
             FROM outbox ORDER BY id"""
    )


async def outbox_empties(database: Database, *, within: float = 20.0) -> None:
    async def is_empty() -> bool:
        return not await rows_of(database)

    await eventually(is_empty, within=within, what="the outbox empties")


@asynccontextmanager
async def a_real_relay(stack: Stack, database: Database) -> AsyncIterator[Relay]:
    publisher = Publisher(KafkaClients(stack.kafka, "relay"))
    async with relaying(database, publisher) as relay:
        await eventually(lambda: publisher.reachable)
        yield relay


# With a broker that answers as told


async def test_a_row_is_deleted_only_after_the_broker_has_acknowledged_it(database: Database):
    kept: list[int] = []

    class Asking(Broker):
        async def publish(self, records: Sequence[Record]) -> list[DeliveryResult]:
            kept.append(len(await rows_of(database)))
            return await super().publish(records)

    await a_left_over(database)

    await relay_to(Asking(), database).sweep()

    assert kept == [1]
    assert await rows_of(database) == []


async def test_a_row_is_kept_when_kafka_does_not_answer_and_no_refusal_is_counted(
    database: Database,
):
    await a_left_over(database)

    await relay_to(Broker(lambda _: NotDelivered()), database).sweep()

    (row,) = await rows_of(database)
    assert (row["refusals"], row["parked_at"]) == (0, None)


async def test_a_row_is_kept_when_the_relay_dies_while_it_publishes(database: Database):
    def die(_: Record) -> DeliveryResult:
        raise asyncio.CancelledError

    await a_left_over(database)

    with pytest.raises(asyncio.CancelledError):
        await relay_to(Broker(die), database).sweep()

    (row,) = await rows_of(database)
    assert row["waits"]


async def test_what_is_published_is_what_was_written(database: Database):
    request_id = UUID(int=7)
    written = dispatch_record(request_id, topic="t", traceparent="00-1-1-00")
    exotic = Record(
        topic="t", key=None, value=b"", headers=[("a", None), ("a", b"\x00"), ("", b"")]
    )
    async with database.transaction() as connection:
        for record in (written, exotic):
            await insert(connection, [record])
        await connection.execute(MAKE_ALL_DUE)
    broker = Broker()

    await relay_to(broker, database).sweep()

    assert broker.published == [written, exotic]


async def test_a_row_that_was_just_written_is_left_to_the_process_that_wrote_it(
    database: Database,
):
    async with database.transaction() as connection:
        await insert(connection, [Record(topic="t", key=None, value=None, headers=[])])
    broker = Broker()

    assert await relay_to(broker, database).sweep() == 0

    assert broker.published == []
    assert len(await rows_of(database)) == 1


async def test_a_row_that_another_relay_takes_is_passed_over_without_waiting(database: Database):
    await a_left_over(database, value=b"taken")
    await a_left_over(database, value=b"free")
    broker = Broker()

    async with database.transaction() as other, asyncio.timeout(5):
        await CLAIM_LEFTOVERS.fetch(other, limit=1, seconds=15.0)
        await relay_to(broker, database).sweep()

    assert [record.value for record in broker.published] == [b"free"]


async def test_a_dispatch_whose_request_is_not_pending_is_deleted_unpublished(database: Database):
    cancelled, pending = await a_request(database), await a_request(database)
    await a_left_over(database, request=cancelled, value=b"cancelled")
    await a_left_over(database, request=pending, value=b"pending")
    await database.execute(CANCEL, cancelled)
    broker = Broker()

    await relay_to(broker, database).sweep()

    assert [record.value for record in broker.published] == [b"pending"]
    assert await rows_of(database) == []


async def test_stale_dispatches_go_even_while_kafka_is_away(database: Database):
    cancelled, pending = await a_request(database), await a_request(database)
    await a_left_over(database, request=cancelled)
    await a_left_over(database, request=pending)
    await a_left_over(database)
    await database.execute(CANCEL, cancelled)
    broker = Broker(reachable=False)

    await relay_to(broker, database).sweep()

    left = [row["dispatch_request_id"] for row in await rows_of(database)]
    assert (left, broker.published) == ([pending, None], [])


async def test_a_refused_row_backs_off_and_does_not_delay_the_others(database: Database):
    await a_left_over(database, value=b"too large")
    await a_left_over(database, value=b"good")
    broker = Broker(lambda record: Refused("no") if record.value != b"good" else Acknowledged())
    relay = relay_to(broker, database)

    await relay.sweep()
    await relay.sweep()

    (row,) = await rows_of(database)
    assert (row["record_value"], row["refusals"], row["waits"]) == (b"too large", 1, True)
    assert len(broker.published) == 2


async def test_a_refused_row_waits_longer_each_time(database: Database):
    await a_left_over(database)
    relay = relay_to(Broker(lambda _: Refused("no")), database)
    waits = []

    for _ in range(REFUSALS_BEFORE_PARKING):
        await database.execute(MAKE_ALL_DUE)
        await relay.sweep()
        waited = await database.fetchrow(
            "SELECT extract(epoch FROM claimed_until - clock_timestamp())::float8 AS s FROM outbox"
        )
        assert waited is not None
        waits.append(round(waited["s"]))

    assert waits[:4] == [2, 4, 8, 16]
    assert waits == sorted(waits)
    assert waits[-1] == 300


async def test_a_row_that_was_refused_twenty_times_is_parked(database: Database):
    await a_left_over(database)
    broker = Broker(lambda _: Refused("no"))
    relay = relay_to(broker, database)

    parked = []
    for _ in range(REFUSALS_BEFORE_PARKING + 1):
        await relay.sweep()
        await database.execute(MAKE_ALL_DUE)
        parked.append((await rows_of(database))[0]["parked"])

    assert len(broker.published) == REFUSALS_BEFORE_PARKING
    assert parked == [False] * (REFUSALS_BEFORE_PARKING - 1) + [True, True]


async def test_a_row_that_may_not_be_written_waits_in_silence_and_is_never_parked(
    database: Database,
):
    await a_left_over(database)
    relay = relay_to(Broker(lambda record: Denied(record.topic)), database)

    with capture_logs() as logs:
        for _ in range(REFUSALS_BEFORE_PARKING + 1):
            await relay.sweep()
            await database.execute(MAKE_ALL_DUE)

    (row,) = await rows_of(database)
    assert (row["refusals"], row["parked"]) == (REFUSALS_BEFORE_PARKING + 1, False)
    assert logs == []  # the publisher says it, once for all rows


async def test_a_row_whose_topic_is_missing_waits_for_it_and_is_never_parked(database: Database):
    await a_left_over(database)
    broker = Broker(lambda record: TopicMissing(record.topic))
    relay = relay_to(broker, database)
    for _ in range(REFUSALS_BEFORE_PARKING + 1):
        await relay.sweep()
        await database.execute(MAKE_ALL_DUE)
    (row,) = await rows_of(database)
    assert (row["refusals"], row["parked"]) == (REFUSALS_BEFORE_PARKING + 1, False)

    broker.answer = lambda _: Acknowledged()
    await relay.sweep()

    assert await rows_of(database) == []


async def test_more_offers_than_the_queue_holds_are_left_to_the_sweep(database: Database):
    relay = relay_to(Broker(), database)
    record = Record(topic="t", key=None, value=None, headers=[])

    for number in range(20_000):
        relay.offer(OutboxRow(number, record))


async def test_the_relay_goes_on_after_a_bug(database: Database):
    class Buggy(Broker):
        watched = 0

        async def watch(self) -> None:
            self.watched += 1
            if self.watched == 1:
                raise ValueError("a bug")
            await asyncio.Event().wait()

        async def stop(self) -> None: ...

    broker = Buggy()
    await a_left_over(database)

    async with relaying(database, cast("Publisher", broker)):
        await eventually(lambda: broker.watched > 1)
        await outbox_empties(database)


# With the real broker


async def test_a_request_accepted_without_kafka_is_dispatched_when_it_is_back(
    stack: Stack, database: Database
):
    without_kafka = replace(stack, kafka="127.0.0.1:1")
    async with api_told(api_settings(without_kafka), with_kafka=False) as api:
        path = await submit(api, priority="high")
        assert (await api.get("/readyz")).json()["status"] == "degraded"
    assert len(await rows_of(database)) == 1

    async with a_real_relay(stack, database):
        await outbox_empties(database)

    (record,) = await read_topics(stack.kafka, stack.topics.requests[Priority.HIGH], count=1)
    assert record.key.decode() == path.rpartition("/")[2]


@pytest.mark.parametrize(
    "size",
    [WORK_MESSAGE_BYTES + 1, DEAD_LETTER_MESSAGE_BYTES + 1],
    ids=["for the broker", "for the producer"],
)
async def test_a_record_that_is_too_large_is_refused_alone(
    stack: Stack, database: Database, size: int
):
    topic = stack.topics.events
    await a_left_over(database, topic=topic, value=b"before")
    await a_left_over(database, topic=topic, value=b"x" * size)
    await a_left_over(database, topic=topic, value=b"after")

    async with a_real_relay(stack, database):

        async def only_the_large_one_is_left() -> bool:
            rows = await rows_of(database)
            return len(rows) == 1 and rows[0]["refusals"] == 1

        await eventually(only_the_large_one_is_left, within=10)

    published = await read_topics(stack.kafka, topic, count=2)
    assert {record.value for record in published} == {b"before", b"after"}


async def test_a_topic_that_is_missing_does_not_delay_the_others(stack: Stack, database: Database):
    async with a_real_relay(stack, database) as relay:
        lost = await a_left_over(database, topic=f"{stack.prefix}missing")
        await eventually(lambda: is_taken(database, lost))
        good = await a_left_over(database, topic=stack.topics.events, value=b"good")
        relay.offer(
            OutboxRow(
                good, Record(topic=stack.topics.events, key=b"key", value=b"good", headers=[])
            )
        )

        async def good_is_gone() -> bool:
            return all(row["id"] != good for row in await rows_of(database))

        await eventually(good_is_gone, within=3, what="the good row is published")

        async def lost_is_refused() -> bool:
            return any(row["id"] == lost and row["refusals"] for row in await rows_of(database))

        await eventually(lost_is_refused, within=15, what="the lost row backs off")


async def test_rows_of_a_partition_that_takes_nothing_delay_no_other(
    stack: Stack, database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("shared.kafka.delivery.REQUEST_SECONDS", 1.0)
    topic = stack.topics.dead_letters
    stuck, free = (_key_of(partition) for partition in (0, 1))
    publisher = Publisher(KafkaClients(stack.kafka, "relay"))
    relay = Relay(database, publisher)
    watching = asyncio.create_task(publisher.watch())
    await eventually(lambda: publisher.reachable)
    with _muted(publisher, TopicPartition(topic, 0)):
        rows = [
            *[await _a_row(database, topic=topic, key=stuck, value=b"x" * 200_000)] * 4,
            *[await _a_row(database, topic=topic, key=free, value=b"free")] * 2,
        ]
        await relay.publish(rows)
    left = [row["id"] for row in await rows_of(database)]
    await relay.publish(rows[:1])
    watching.cancel()
    await publisher.stop()

    assert left == [rows[0].id]
    assert await rows_of(database) == []


def _key_of(partition: int) -> bytes:
    keys = (b"%d" % number for number in range(100))
    return next(key for key in keys if partition_of(key, [*range(PARTITIONS)], []) == partition)


@contextmanager
def _muted(publisher: Publisher, partition: TopicPartition) -> Iterator[None]:
    """Let aiokafka send nothing to a partition, as while its leader owes an answer."""
    sender = cast("Any", publisher)._producer._sender  # noqa: SLF001
    sender._muted_partitions.add(partition)  # noqa: SLF001
    yield
    sender._muted_partitions.discard(partition)  # noqa: SLF001


async def _a_row(database: Database, *, topic: str, key: bytes, value: bytes) -> OutboxRow:
    return OutboxRow(
        await a_left_over(database, topic=topic, value=value),
        Record(topic=topic, key=key, value=value, headers=[]),
    )


async def is_taken(database: Database, row_id: int) -> bool:
    return any(row["id"] == row_id and row["waits"] for row in await rows_of(database))


async def test_two_relays_at_once_publish_every_row_once(stack: Stack, database: Database):
    count = 2 * BATCH_ROWS + 100
    async with database.connection() as connection:
        await connection.executemany(
            "INSERT INTO outbox (topic, record_value, claimed_until) VALUES ($1, $2, '-infinity')",
            [(stack.topics.events, str(number).encode()) for number in range(count)],
        )

    async with a_real_relay(stack, database), a_real_relay(stack, database):
        await outbox_empties(database)

    published = await read_topics(stack.kafka, stack.topics.events, count=count)
    assert sorted(int(record.value) for record in published) == list(range(count))


@pytest.mark.parametrize("kafka", ["there", "away"])
async def test_the_relay_works_alone_and_leaves_when_told(
    stack: Stack, database: Database, kafka: str
):
    row_id = await a_left_over(database, topic=stack.topics.events)
    servers = stack.kafka if kafka == "there" else "127.0.0.1:1"
    alone = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "api_service.relay"),
        env={
            **os.environ,
            "DATABASE_URL": stack.database_url,
            "KAFKA_BOOTSTRAP_SERVERS": servers,
            "LOG_FORMAT": "json",
        },
        stderr=asyncio.subprocess.PIPE,
    )
    assert alone.stderr is not None
    try:
        async with asyncio.timeout(20):
            await alone.stderr.readuntil(b"service_started" if kafka == "there" else b"kafka_lost")
        if kafka == "there":
            await outbox_empties(database)
        alone.send_signal(signal.SIGTERM)
        async with asyncio.timeout(5):
            said, status = await alone.stderr.read(), await alone.wait()
    finally:
        if alone.returncode is None:
            alone.kill()

    assert (status, b"Traceback" in said) == (0, False)
    assert [row["id"] for row in await rows_of(database)] == ([] if kafka == "there" else [row_id])
