"""What a worker does with the messages of the work topics."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from aiokafka import AIOKafkaProducer
from structlog.testing import capture_logs
from structlog.typing import EventDict
from uuid_utils.compat import uuid7

from schemas.states import Priority
from shared.postgres.database import Database
from tests.services import StartWorker
from tests.stack import Stack
from tests.support.client import read, settled, submit
from tests.support.offsets import all_committed, committed
from tests.support.poison import send_broken_gzip, send_undecodable_header
from tests.support.providers import Scripted
from tests.support.requests import a_request, a_run, row_of
from tests.support.waiting import eventually
from worker_service import duties
from worker_service.intake.fetch import Poll

pytestmark = pytest.mark.usefixtures("balanced_services")


def _topic(stack: Stack) -> str:
    return stack.topics.requests[Priority.NORMAL]


def a_message(request_id: object, **more: Any) -> bytes:
    return json.dumps(
        {"schema_version": 1, "generation_request_id": str(request_id), **more}
    ).encode()


UNREADABLE = [
    b"",
    b"\x00\xff\xfe",
    b"not json",
    b"[]",
    b"{}",
    b'{"schema_version": 1}',
    b'{"schema_version": 1, "generation_request_id": "nobody"}',
    b'{"generation_request_id": "01a1fbed-b99f-7403-b3a9-9b65f3dbec89"}',
]


async def test_a_message_that_cannot_be_read_is_dead_lettered_with_its_bytes_and_blocks_nothing(
    stack: Stack,
    api: httpx.AsyncClient,
    start_worker: StartWorker,
    producer: AIOKafkaProducer,
    database: Database,
):
    before = await submit(api)
    for value in UNREADABLE:
        await producer.send_and_wait(
            _topic(stack), value, key=b"k", headers=[("h", b"\x01")], partition=0
        )
    await start_worker()
    after = [await submit(api) for _ in range(6)]

    for path in (before, *after):
        assert (await settled(api, path))["status"] == "completed"

    async def letters() -> list[Any] | None:
        rows = await database.fetch("SELECT * FROM dead_letters ORDER BY kafka_offset")
        return rows if len(rows) == len(UNREADABLE) else None

    rows = await eventually(letters)
    assert [row["record_value"] for row in rows] == UNREADABLE
    assert {row["reason"] for row in rows} == {"unreadable"}
    assert {(row["record_key"], row["topic"], row["kafka_partition"]) for row in rows} == {
        (b"k", _topic(stack), 0)
    }
    assert [(row["header_names"], row["header_values"]) for row in rows] == [
        (["h"], [b"\x01"])
    ] * len(UNREADABLE)


async def test_a_message_that_names_nothing_or_comes_from_the_future_is_dead_lettered(
    stack: Stack, start_worker: StartWorker, producer: AIOKafkaProducer, database: Database
):
    await producer.send_and_wait(_topic(stack), a_message(uuid4()), partition=0)
    await producer.send_and_wait(
        _topic(stack), a_message(uuid4()).replace(b"1", b"2", 1), partition=1
    )
    await start_worker()

    async def reasons() -> bool:
        rows = await database.fetch("SELECT reason FROM dead_letters")
        return {row["reason"] for row in rows} == {"unknown_request", "unsupported_version"}

    await eventually(reasons)


def ignored(logs: list[EventDict]) -> list[EventDict]:
    return [line for line in logs if line["event"] == "messages_ignored"]


async def test_messages_older_than_the_database_are_one_line_and_no_dead_letters(
    stack: Stack,
    api: httpx.AsyncClient,
    start_worker: StartWorker,
    producer: AIOKafkaProducer,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(duties, "REPORT_SECONDS", 0.5)
    old = [UUID(int=(1_700_000_000_000 + n << 80) | 7 << 76 | 2 << 62) for n in range(5)]
    new = uuid7()
    for request_id in (*old, new):
        await producer.send_and_wait(_topic(stack), a_message(request_id), partition=0)
    with capture_logs() as logs:
        await start_worker()
        await settled(api, await submit(api))
        await eventually(lambda: sum(e["count"] for e in ignored(logs)) == len(old))

    lines = ignored(logs)
    assert (lines[0]["first_request_id"], lines[-1]["last_request_id"]) == (
        str(old[0]),
        str(old[-1]),
    )
    letters = await database.fetch("SELECT error_message FROM dead_letters")
    assert [str(new) in letter["error_message"] for letter in letters] == [True]


async def test_a_dead_letter_that_is_copied_to_its_topic_is_said_to_start_nothing(
    stack: Stack, api: httpx.AsyncClient, start_worker: StartWorker, producer: AIOKafkaProducer
):
    with capture_logs() as logs:
        await start_worker()
        path = await submit(api)
        await settled(api, path)
        request_id = path.rpartition("/")[2]
        await producer.send_and_wait(
            _topic(stack), a_message(request_id), headers=[("dlq.id", b"the-letter")]
        )
        await eventually(lambda: [e for e in logs if e["event"] == "message_ignored"])

    (line,) = [e for e in logs if e["event"] == "message_ignored"]
    assert (line["reason"], line["dead_letter_id"], line["request_id"], line["topic"]) == (
        "copy_of_dead_letter",
        "the-letter",
        request_id,
        _topic(stack),
    )


@pytest.mark.parametrize("send_poison", [send_undecodable_header, send_broken_gzip])
async def test_a_record_that_the_client_cannot_decode_costs_one_letter_and_nothing_else(
    send_poison: Callable[..., Awaitable[None]],
    stack: Stack,
    api: httpx.AsyncClient,
    start_worker: StartWorker,
    producer: AIOKafkaProducer,
    database: Database,
):
    good = [await a_request(database) for _ in range(4)]
    for request_id in good[:2]:
        await producer.send_and_wait(_topic(stack), a_message(request_id), partition=0)
    await send_poison(producer, _topic(stack), partition=0)
    for request_id in good[2:]:
        await producer.send_and_wait(_topic(stack), a_message(request_id), partition=0)
    await start_worker()

    for request_id in good:
        assert (await settled(api, f"/generation-requests/{request_id}"))["status"] == "completed"
    (letter,) = await database.fetch("SELECT * FROM dead_letters")
    assert (letter["reason"], letter["kafka_offset"], letter["record_value"]) == (
        "undecodable",
        2,
        None,
    )


async def test_every_message_delivered_twice_costs_no_second_call(
    stack: Stack,
    start_worker: StartWorker,
    producer: AIOKafkaProducer,
    database: Database,
    api: httpx.AsyncClient,
):
    provider = Scripted()
    requests = [await a_request(database, count=2) for _ in range(10)]
    for request_id in (*requests, *requests):
        await producer.send_and_wait(_topic(stack), a_message(request_id))
    await start_worker(provider)

    for request_id in requests:
        await settled(api, f"/generation-requests/{request_id}")
    await eventually(lambda: all_committed(stack))

    assert len(provider.calls) == 20
    for request_id in requests:
        assert (await row_of(database, request_id))["epoch"] == 1


async def test_the_offset_is_committed_while_the_entities_are_still_being_made(
    stack: Stack, api: httpx.AsyncClient, start_worker: StartWorker
):
    provider = Scripted()
    provider.gate.clear()
    await start_worker(provider)
    path = await submit(api)
    await eventually(lambda: provider.waiting == 1)

    await eventually(lambda: all_committed(stack))

    provider.gate.set()
    await settled(api, path)


async def test_no_offset_is_committed_before_the_claim(
    stack: Stack,
    api: httpx.AsyncClient,
    start_worker: StartWorker,
    database: Database,
    producer: AIOKafkaProducer,
):
    """PostgreSQL refuses every claim for a while: the message waits, and so does its offset."""
    request_id = await a_request(database)
    async with database.connection() as session, session.transaction():
        await session.execute("LOCK TABLE generation_requests IN ACCESS EXCLUSIVE MODE")
        worker = await start_worker()
        await producer.send_and_wait(_topic(stack), a_message(request_id))
        ticked = worker.liveness.ticked_at
        await eventually(lambda: worker.liveness.ticked_at > ticked + 3)
        assert sum((await committed(stack)).values()) == 0

    assert (await settled(api, f"/generation-requests/{request_id}"))["status"] == "completed"
    await eventually(lambda: all_committed(stack))


async def test_a_partition_full_of_messages_does_not_starve_the_others(
    stack: Stack,
    start_worker: StartWorker,
    producer: AIOKafkaProducer,
    database: Database,
    api: httpx.AsyncClient,
):
    """One slot; the lone message of partition 1 comes after two of partition 0's many at most."""
    crowd = [await a_request(database) for _ in range(30)]
    lone = await a_request(database)
    for request_id in crowd:
        await producer.send_and_wait(_topic(stack), a_message(request_id), partition=0)
    await producer.send_and_wait(_topic(stack), a_message(lone), partition=1)
    await start_worker(max_requests_in_flight=1)

    await settled(api, f"/generation-requests/{lone}")
    for request_id in crowd:
        await settled(api, f"/generation-requests/{request_id}")

    row = await database.fetchrow(
        """SELECT count(*) AS ahead FROM generation_requests
            WHERE started_at < (SELECT started_at FROM generation_requests WHERE id = $1)""",
        lone,
    )
    assert row is not None
    assert row["ahead"] <= 3


async def test_a_message_whose_slot_was_taken_meanwhile_does_not_hold_up_the_other_priorities(
    api: httpx.AsyncClient, start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
):
    """`claim_any` fills the last ordinary slot while a low message is fetched."""
    worker = await start_worker(max_requests_in_flight=10)
    fetch, others = Poll.next_batch, [a_run() for _ in range(9)]
    met = False

    async def fetch_slowly(poll: Poll, limits: Mapping[Priority, int]) -> Any:
        nonlocal met
        batch = await fetch(poll, limits)
        if batch and not met:
            met = True
            for run in others:
                worker.slots.add(run)
        return batch

    monkeypatch.setattr(Poll, "next_batch", fetch_slowly)
    low = await submit(api, priority="low")
    await eventually(lambda: met)

    await settled(api, await submit(api, priority="high"))

    assert (await read(api, low))["status"] == "pending"
    for run in others:
        worker.slots.remove(run)
    await settled(api, low)


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_a_compressed_message_is_read_like_any_other(
    codec: str,
    stack: Stack,
    start_worker: StartWorker,
    database: Database,
    api: httpx.AsyncClient,
):
    request_id = await a_request(database)
    compressing = AIOKafkaProducer(bootstrap_servers=stack.kafka, compression_type=codec)
    await compressing.start()
    await compressing.send_and_wait(_topic(stack), a_message(request_id) + b" " * 200)
    await compressing.stop()
    await start_worker()

    record = await settled(api, f"/generation-requests/{request_id}")
    assert record["status"] == "completed"


async def test_a_codec_that_the_client_lacks_blocks_nothing(
    stack: Stack,
    start_worker: StartWorker,
    database: Database,
    producer: AIOKafkaProducer,
    api: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
):
    compressing = AIOKafkaProducer(bootstrap_servers=stack.kafka, compression_type="snappy")
    await compressing.start()
    await compressing.send_and_wait(_topic(stack), b"x" * 500, partition=0)
    await compressing.stop()
    behind = await a_request(database)
    await producer.send_and_wait(_topic(stack), a_message(behind), partition=0)
    monkeypatch.setattr("aiokafka.codec.has_snappy", lambda: False)
    await start_worker()

    record = await settled(api, f"/generation-requests/{behind}")
    assert record["status"] == "completed"
    # The request may have been claimed without its message, before the broken record was read.
    letters = await eventually(lambda: database.fetch("SELECT reason FROM dead_letters"))
    assert [letter["reason"] for letter in letters] == ["undecodable"]
