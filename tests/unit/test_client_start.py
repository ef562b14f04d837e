"""The start of a Kafka client: waited for in slices, tried again, never without an owner."""

import asyncio
from contextlib import suppress

import pytest
from aiokafka.errors import KafkaConnectionError

from shared.kafka import starting
from shared.kafka.clients import KafkaClients
from shared.kafka.starting import ClientStart
from tests.support.waiting import eventually


class Client:
    """Stands for a producer: it starts when it is told to, or fails."""

    def __init__(self, broker: str) -> None:
        self.broker = broker
        self.is_begun, self.may_start = False, asyncio.Event()
        self.error: Exception | None = None
        self.stops = 0
        self.is_stubborn = False
        self.may_stop = asyncio.Event()
        self.may_stop.set()

    async def start(self) -> None:
        self.is_begun = True
        while not self.may_start.is_set():
            try:
                await self.may_start.wait()
            except asyncio.CancelledError:
                if not self.is_stubborn:
                    raise
        if self.error is not None:
            raise self.error

    async def stop(self) -> None:
        self.stops += 1
        while not self.may_stop.is_set():
            with suppress(asyncio.CancelledError):
                await self.may_stop.wait()


class Starts:
    def __init__(self) -> None:
        self.made: list[Client] = []
        self.silent: set[str] = set()
        self.start = ClientStart(self._new, clients=KafkaClients("a:1,b:2", "test"))

    async def ask(self, broker: str, _: KafkaClients) -> None:
        if broker in self.silent:
            raise TimeoutError

    def _new(self, broker: str) -> Client:
        self.made.append(Client(broker))
        return self.made[-1]

    async def begun(self, clients: int = 1) -> Client:
        assert await self.start.started(within=0) is None
        await eventually(lambda: len(self.made) == clients and self.made[-1].is_begun)
        return self.made[-1]


@pytest.fixture
async def starts(monkeypatch: pytest.MonkeyPatch) -> Starts:
    starts = Starts()
    monkeypatch.setattr(starting, "ask", starts.ask)
    return starts


async def test_a_wait_that_is_over_leaves_the_start_alone(starts: Starts):
    client = await starts.begun()

    client.may_start.set()

    assert await starts.start.started(within=5) is client
    assert (client.broker, client.stops) == ("a:1", 0)


async def test_a_client_starts_from_the_broker_that_answers(starts: Starts):
    starts.silent = {"a:1"}

    client = await starts.begun()

    assert client.broker == "b:2"
    await starts.start.stop()


async def test_a_failed_start_is_stopped_and_begun_again(starts: Starts):
    first = await starts.begun()
    first.error = KafkaConnectionError("no broker")
    first.may_start.set()

    second = await starts.begun(2)

    assert (first.stops, second.stops) == (1, 0)
    await starts.start.stop()


async def test_a_start_under_way_is_cancelled_by_the_stop_and_its_client_stopped(starts: Starts):
    client = await starts.begun()

    await starts.start.stop()

    assert client.stops == 1
    assert await starts.start.started(within=0) is None


async def test_a_client_that_has_started_unseen_is_stopped(starts: Starts):
    client = await starts.begun()
    client.may_start.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    await starts.start.stop()

    assert client.stops == 1


async def test_a_client_that_was_taken_is_stopped_and_not_given_again(starts: Starts):
    client = await starts.begun()
    client.may_start.set()
    await starts.start.started(within=5)

    await starts.start.stop()

    assert client.stops == 1
    assert await starts.start.started(within=0) is None


async def test_a_start_that_fails_for_no_broker_is_told_and_begun_anew(starts: Starts):
    first = await starts.begun()
    first.error = ValueError("no such setting")
    first.may_start.set()

    with pytest.raises(ValueError, match="no such setting"):
        await starts.start.started(within=5)

    second = await starts.begun(2)
    assert (first.stops, second.stops) == (1, 0)
    await starts.start.stop()


async def test_a_client_that_ignores_its_cancellation_holds_no_stop_up(
    starts: Starts, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(starting, "_STOP_SECONDS", 0.01)
    client = await starts.begun()
    client.is_stubborn = True

    async with asyncio.timeout(5):
        await starts.start.stop()

    client.may_start.set()


async def test_a_client_whose_stop_ignores_its_cancellation_is_not_waited_for(
    starts: Starts, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(starting, "_STOP_SECONDS", 0.01)
    client = await starts.begun()
    client.may_start.set()
    await starts.start.started(within=5)
    client.may_stop.clear()

    stopping = asyncio.create_task(starts.start.stop())
    is_stopped, _ = await asyncio.wait([stopping], timeout=5)

    client.may_stop.set()
    assert is_stopped
