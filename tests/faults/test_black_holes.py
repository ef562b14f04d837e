"""A client of Kafka that is told to leave while the brokers swallow whatever they are sent."""

import asyncio
import gc
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import pytest

from shared.kafka import starting
from shared.kafka.clients import KafkaClients
from shared.kafka.publisher import Publisher
from shared.kafka.topics import Topics
from tests.stack import Stack
from tests.support.waiting import eventually
from worker_service.intake import consume
from worker_service.intake.liveness import Liveness
from worker_service.kafka_names import KafkaNames


@dataclass
class Hole:
    """A broker that falls silent after so many answers."""

    answers: int
    broker_port: int
    port: int = 0
    open: set[asyncio.StreamWriter] = field(default_factory=set)
    swallowed: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open.add(writer)
        far, far_end = await asyncio.open_connection("127.0.0.1", self.broker_port)
        with suppress(OSError, asyncio.IncompleteReadError):
            for _ in range(self.answers):
                far_end.write(await _frame(reader))
                writer.write(await _frame(far))
            await _frame(reader)
            self.swallowed += 1
            await reader.read()
        far_end.close()
        writer.close()
        self.open.discard(writer)


async def _frame(reader: asyncio.StreamReader) -> bytes:
    size = await reader.readexactly(4)
    return size + await reader.readexactly(*struct.unpack(">i", size))


@asynccontextmanager
async def _hole(stack: Stack, *, answers: int) -> AsyncIterator[Hole]:
    hole = Hole(answers, urlsplit(f"//{stack.kafka}").port or 9092)
    server = await asyncio.start_server(hole.serve, "127.0.0.1", 0)
    hole.port = server.sockets[0].getsockname()[1]
    try:
        yield hole
    finally:
        server.close()
        for writer in hole.open:
            writer.transport.abort()


@pytest.fixture
async def complaints() -> list[dict[str, Any]]:
    """What no client is left to be told, of connections that were left open as well."""
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    return told


async def _ends_at_once(publisher: Publisher, watching: asyncio.Task[None]) -> None:
    """Cancel a watch and see that nothing is left of it, long before any request times out."""
    watching.cancel()
    async with asyncio.timeout(1):
        await asyncio.gather(watching, return_exceptions=True)
        await publisher.stop()
    gc.collect()
    assert watching.cancelled()


@pytest.mark.parametrize("answers", [0, 1], ids=["mute", "mute-after-its-versions"])
async def test_a_watch_ends_at_once_however_silent_the_brokers_are(
    answers: int, stack: Stack, complaints: list[dict[str, Any]]
):
    before = asyncio.all_tasks()
    async with _hole(stack, answers=answers) as first, _hole(stack, answers=answers) as second:
        brokers = f"127.0.0.1:{first.port},127.0.0.1:{second.port}"
        publisher = Publisher(KafkaClients(brokers, "test"))
        watching = asyncio.create_task(publisher.watch())
        await eventually(lambda: first.swallowed + second.swallowed)

        await _ends_at_once(publisher, watching)

        await eventually(lambda: not first.open | second.open, within=1)
        await eventually(lambda: asyncio.all_tasks() == before, within=1)
    assert complaints == []


async def test_a_watch_that_is_cancelled_once_more_closes_its_client_all_the_same(
    stack: Stack, complaints: list[dict[str, Any]]
):
    async with _hole(stack, answers=1) as hole:
        publisher = Publisher(KafkaClients(f"127.0.0.1:{hole.port}", "test"))
        watching = asyncio.create_task(publisher.watch())
        await eventually(lambda: hole.swallowed)

        for _ in range(3):
            watching.cancel()
            await asyncio.sleep(0)

        await _ends_at_once(publisher, watching)
        await eventually(lambda: not hole.open, within=1)
    del publisher, watching
    gc.collect()
    assert complaints == []


async def test_a_consumer_that_is_stopped_while_it_starts_leaves_nothing_open(
    stack: Stack, complaints: list[dict[str, Any]]
):
    before = asyncio.all_tasks()
    async with _hole(stack, answers=1) as hole:
        consumption = _consumption(f"127.0.0.1:{hole.port}")
        consuming = asyncio.create_task(consumption.run())
        await eventually(lambda: hole.swallowed)

        consuming.cancel()
        async with asyncio.timeout(1):
            await asyncio.gather(consuming, return_exceptions=True)
            await consumption.stop()

        assert consuming.cancelled()
        await eventually(lambda: not hole.open, within=1)
        await eventually(lambda: asyncio.all_tasks() == before, within=1)
    del consuming
    gc.collect()
    assert complaints == []


async def test_a_broker_that_falls_silent_is_asked_again_over_one_connection_at_a_time(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(starting, "ANSWER_SECONDS", 0.2)
    async with _hole(stack, answers=1) as hole:
        consumption = _consumption(f"127.0.0.1:{hole.port}")
        consuming = asyncio.create_task(consumption.run())

        await eventually(lambda: hole.swallowed == 3)
        await eventually(lambda: len(hole.open) <= 1)

        consuming.cancel()
        await asyncio.gather(consuming, return_exceptions=True)
        await consumption.stop()


async def test_the_next_broker_is_asked_where_the_first_is_silent(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(starting, "ANSWER_SECONDS", 0.2)
    async with _hole(stack, answers=0) as hole:
        publisher = Publisher(KafkaClients(f"127.0.0.1:{hole.port}, {stack.kafka}", "test"))
        watching = asyncio.create_task(publisher.watch())

        await eventually(lambda: publisher.reachable)

        assert hole.swallowed == 1
        await _ends_at_once(publisher, watching)


async def test_a_client_that_has_started_unseen_is_stopped_too(
    stack: Stack, complaints: list[dict[str, Any]]
):
    """The watch ends while the start goes on: as when a worker drains."""
    before = asyncio.all_tasks()
    publisher = Publisher(KafkaClients(stack.kafka, "test"))
    watching = asyncio.create_task(publisher.watch())
    await asyncio.sleep(0)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    (start,) = asyncio.all_tasks() - before
    await asyncio.wait([start])

    await publisher.stop()

    await eventually(lambda: asyncio.all_tasks() == before, within=1)
    del publisher, start
    gc.collect()
    assert complaints == []


def _consumption(bootstrap_servers: str) -> consume.Consumption:
    unused = cast("Any", None)
    return consume.Consumption(
        clients=KafkaClients(bootstrap_servers, "test"),
        kafka_names=KafkaNames(topics=Topics.with_prefix("test."), group_id="test"),
        dispatches=unused,
        slots=unused,
        liveness=Liveness(),
    )


async def test_a_watch_ends_at_once_where_no_connection_comes_about(
    complaints: list[dict[str, Any]],
):
    """As many connections wait to be accepted as may: what comes then is dropped."""
    before = asyncio.all_tasks()
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            publisher = Publisher(KafkaClients(f"127.0.0.1:{port}", "test"))
            watching = asyncio.create_task(publisher.watch())
            await eventually(lambda: _connecting(port))

            await _ends_at_once(publisher, watching)

            assert not _connecting(port)
    assert asyncio.all_tasks() == before
    assert complaints == []


def _connecting(port: int) -> bool:
    """Tell whether a connection to the port waits for the first answer (SYN_SENT)."""
    table = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()
    return any(line.split()[2:4] == [f"0100007F:{port:04X}", "02"] for line in table)
