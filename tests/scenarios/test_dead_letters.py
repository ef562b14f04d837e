"""Letters on their topic: one for each poison record and each round, whatever comes twice."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

from schemas.dead_letters import Header
from schemas.messages import GenerationRequested
from schemas.states import Priority
from shared.errors import ErrorCode
from shared.kafka.topics import WORK_MESSAGE_BYTES
from shared.postgres.database import Database
from tests.services import StartWorker, workers_on
from tests.stack import PARTITIONS, Stack
from tests.support.client import settled, submit
from tests.support.maintenance import HAS_WATCHED
from tests.support.offsets import all_committed
from tests.support.poison import send_undecodable_header, send_without_content
from tests.support.providers import Scripted
from tests.support.records import read_topics
from tests.support.requests import a_request
from tests.support.waiting import eventually
from worker_service.providers import Call, PermanentError

pytestmark = pytest.mark.usefixtures("balanced_services")

Headers = Sequence[tuple[str, bytes | None]]
SOME_HEADERS: Headers = [("h", b"1"), ("h", b"2"), ("empty", b""), ("null", None), ("é", b"\xff")]
STALE: Headers = [("dlq.reason", b"stale"), ("h", b""), ("__dlq.errors.offset", b"stale")]
NOTHING = object()
"""A record of headers alone; the client refuses to send one by its usual way."""

POISONS: list[tuple[bytes | None, Any, Headers, str]] = [
    (b"k", b"", [], "unreadable"),
    (b"", b"\x00\xff\xfe", SOME_HEADERS, "unreadable"),
    (None, b"not json", STALE, "unreadable"),
    (b"k", None, SOME_HEADERS, "unreadable"),
    (None, NOTHING, SOME_HEADERS, "unreadable"),
    (b"k", b'{"schema_version": 1}', [], "unreadable"),
    (b"k", b'{"schema_version": 2}', [], "unsupported_version"),
    (b"k", b'{"schema_version": 1, "generation_request_id": "%s"}', [], "unknown_request"),
    (b"k", b"x" * (WORK_MESSAGE_BYTES - 200), [], "unreadable"),
]


def _topic(stack: Stack) -> str:
    return stack.topics.requests[Priority.NORMAL]


async def _send(stack: Stack, producer: AIOKafkaProducer) -> list[tuple[Any, ...]]:
    """Send all the poison to one partition, and return what is expected of its letters."""
    expected = []
    for key, value, headers, reason in POISONS:
        if value is NOTHING:
            offset = await send_without_content(producer, _topic(stack), headers=headers)
            expected.append((offset, reason, key, None, headers))
            continue
        sent = value.replace(b"%s", str(uuid4()).encode()) if value else value
        found = await producer.send_and_wait(
            _topic(stack), sent, key=key, headers=headers, partition=0
        )
        expected.append((found.offset, reason, key, sent, headers))
    return expected


async def _send_good(stack: Stack, producer: AIOKafkaProducer, request_id: UUID) -> None:
    message = GenerationRequested(schema_version=1, generation_request_id=request_id)
    await producer.send_and_wait(_topic(stack), message.model_dump_json().encode(), partition=0)


@asynccontextmanager
async def _a_worker(stack: Stack, **settings: Any) -> AsyncIterator[None]:
    async with workers_on(stack) as start:
        await start(**settings)
        yield


def _split(record: ConsumerRecord) -> tuple[Headers, dict[str, str]]:
    """Tell a letter's own headers, which must come once and last, from those of its record."""
    names = {*Header}
    theirs = [(name, value) for name, value in record.headers if name not in names]
    ours = record.headers[len(theirs) :]
    assert len({name for name, _ in ours} & names) == len(ours)
    return theirs, {name: value.decode() for name, value in ours}


async def test_poison_of_every_kind_delivered_again_and_again_is_one_letter_each(
    stack: Stack, api: httpx.AsyncClient, producer: AIOKafkaProducer, database: Database
):
    """The second group reads all from offset 0; the third time the first group is rewound."""
    good = [await a_request(database) for _ in range(2)]
    await _send_good(stack, producer, good[0])
    expected = await _send(stack, producer)
    await send_undecodable_header(producer, _topic(stack), partition=0)
    await producer.send_and_wait(_topic(stack), b"nul", headers=[("a\x00b", b"")], partition=0)
    await _send_good(stack, producer, good[1])
    unkept = [(expected[-1][0] + 1, "undecodable"), (expected[-1][0] + 2, "unreadable")]

    for group in (stack.group, f"{stack.group}2"):
        async with _a_worker(stack, kafka_group_id=group):
            await eventually(partial(all_committed, stack, group=group), within=40)
    await _rewind(stack)
    async with _a_worker(stack):
        await eventually(lambda: all_committed(stack), within=40)
        for request_id in good:
            record = await settled(api, f"/generation-requests/{request_id}")
            assert record["status"] == "completed"

    count = len(expected) + len(unkept)
    rows = await database.fetch("SELECT * FROM dead_letters ORDER BY kafka_offset")
    assert [(row["kafka_offset"], row["reason"]) for row in rows] == [
        *((offset, reason) for offset, reason, *_ in expected),
        *unkept,
    ]
    published: dict[int, Any] = {}
    for record in await read_topics(stack.kafka, stack.topics.dead_letters, count=count):
        theirs, ours = _split(record)
        assert published.setdefault(int(ours["__dlq.errors.offset"]), (record, theirs, ours)) == (
            record,
            theirs,
            ours,
        ), "published twice"
    assert len(published) == count

    for row in rows:
        record, theirs, ours = published[row["kafka_offset"]]
        assert ours["dlq.id"] == str(row["id"])
        assert ours["dlq.reason"] == row["reason"]
        assert (ours["__dlq.errors.topic"], ours["__dlq.errors.partition"]) == (_topic(stack), "0")
        assert ours["__dlq.errors.group"] == stack.group
        assert ours["__dlq.errors.message"] == row["error_message"]
        assert ours["__dlq.errors.delivery.count"] == "1"
    for offset, _, key, value, headers in expected:
        record, theirs, _ = published[offset]
        assert (record.key, record.value) == (key, value)
        assert theirs == [(name, data) for name, data in headers if name not in {*Header}]
    for offset, _ in unkept:
        record, theirs, _ = published[offset]
        assert (record.key, record.value, theirs) == (None, None, [])


async def _rewind(stack: Stack) -> None:
    """Commit offset 0 for every partition, as an operator would."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=stack.kafka, group_id=stack.group, enable_auto_commit=False
    )
    await consumer.start()
    try:
        partitions = [TopicPartition(_topic(stack), n) for n in range(PARTITIONS)]
        consumer.assign(partitions)
        await consumer.commit(dict.fromkeys(partitions, 0))
    finally:
        await consumer.stop()


def _failing(call: Call) -> Exception | None:
    """Refuse the second item; with a verb that does not exist, meet a bug."""
    if json.loads(call.constraints.model_dump_json()).get("verb_infinitives") == ["bug"]:
        return RuntimeError("a bug")
    return PermanentError(ErrorCode.REFUSED, "not that") if call.ordinal == 1 else None


async def test_each_way_to_settle_without_all_entities_is_one_letter_on_the_topic(
    stack: Stack, api: httpx.AsyncClient, start_worker: StartWorker, database: Database
):
    looping = await a_request(database)
    await database.execute(
        """UPDATE generation_requests
              SET status = 'processing', lease_owner = gen_random_uuid(), epoch = 3, crashes = 2,
                  lease_until = clock_timestamp() - interval '1 second',
                  started_at = clock_timestamp()"""
    )
    put_off = await a_request(database)
    await database.execute(
        """UPDATE generation_requests
              SET started_at = requested_at, releases = 20,
                  not_before = clock_timestamp() + interval '1 minute'
            WHERE id = $1""",
        put_off,
    )
    expected = {
        str(looping): "crash_loop",
        str(put_off): "provider_unavailable",
        str(await a_request(database, count=2, deadline_in=-1)): "deadline_exceeded",
        str(await a_request(database, entity_type="poem", age=601)): "unknown_entity_type",
    }
    await start_worker(Scripted(behave=_failing))
    await eventually(lambda: database.fetch("SELECT FROM workers"))
    await database.execute(HAS_WATCHED)
    for constraints, reason in (
        ({}, "items_failed"),
        ({"verb_infinitives": ["bug"]}, "unexpected"),
    ):
        path = await submit(api, count=2, constraints=constraints)
        expected[path.rpartition("/")[2]] = reason

    letters = {}
    for record in await read_topics(stack.kafka, stack.topics.dead_letters, count=len(expected)):
        _, ours = _split(record)
        message = GenerationRequested.model_validate_json(record.value)
        assert record.key.decode() == str(message.generation_request_id)
        assert record.key.decode() not in letters, "published twice"
        letters[record.key.decode()] = ours

    assert {name: ours["dlq.reason"] for name, ours in letters.items()} == expected
    for name, ours in letters.items():
        shown = await settled(api, f"/generation-requests/{name}")
        assert shown["dead_letter"] == {"id": ours["dlq.id"], "reason": expected[name]}
        assert ours["__dlq.errors.topic"] == _topic(stack)
        assert not {Header.PARTITION, Header.OFFSET} & {*ours}
    assert letters[str(looping)]["__dlq.errors.delivery.count"] == "3"
