"""The start of a Kafka client: waited for in slices, never cancelled, never without an owner."""

import asyncio

import pytest
from aiokafka.errors import KafkaConnectionError

from shared.kafka.starting import ClientStart
from tests.support.waiting import eventually


class Client:
    """Stands for a producer: it starts when it is told to, or fails."""

    def __init__(self) -> None:
        self.may_start = asyncio.Event()
        self.error: Exception | None = None
        self.is_left = False

    async def start(self) -> None:
        await self.may_start.wait()
        if self.error is not None:
            raise self.error


class Starts:
    def __init__(self) -> None:
        self.made: list[Client] = []
        self.start = ClientStart(self._new, leave=self._leave)

    def _new(self) -> Client:
        self.made.append(Client())
        return self.made[-1]

    async def _leave(self, client: Client) -> None:
        client.is_left = True


@pytest.fixture
async def starts() -> Starts:
    return Starts()


async def test_a_wait_that_is_over_leaves_the_start_alone(starts: Starts):
    assert await starts.start.started(within=0) is None
    (client,) = starts.made

    client.may_start.set()

    assert await starts.start.started(within=5) is client
    assert not client.is_left


async def test_a_failed_start_is_closed_and_begun_again(starts: Starts):
    assert await starts.start.started(within=0) is None
    starts.made[0].error = KafkaConnectionError("no broker")
    starts.made[0].may_start.set()

    assert await starts.start.started(within=5) is None
    assert await starts.start.started(within=0) is None

    first, second = starts.made
    assert (first.is_left, second.is_left) == (True, False)


async def test_a_start_that_ends_after_it_was_abandoned_closes_its_client(starts: Starts):
    assert await starts.start.started(within=0) is None
    await starts.start.abandon()

    starts.made[0].may_start.set()

    await eventually(lambda: starts.made[0].is_left)


async def test_a_client_that_none_has_taken_is_closed(starts: Starts):
    assert await starts.start.started(within=0) is None
    starts.made[0].may_start.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    await starts.start.abandon()

    assert starts.made[0].is_left
