"""Pauses in reading end together, on ticks."""

import asyncio

import pytest

from worker_service.providers.ticks import Ticks

TICK = 0.025


class Reading(asyncio.ReadTransport):
    """Notes when it is read again, and in which order."""

    def __init__(self, resumed: "list[Reading]") -> None:
        super().__init__()
        self.is_paused = self.is_closed = False
        self.resumed = asyncio.Event()
        self._order = resumed

    def is_closing(self) -> bool:
        return self.is_closed

    def pause_reading(self) -> None:
        self.is_paused = True

    @property
    def is_read(self) -> bool:
        return not self.is_paused

    def resume_reading(self) -> None:
        assert not self.is_closed, "it would raise"
        self.is_paused = False
        self._order.append(self)
        self.resumed.set()


@pytest.fixture
def resumed() -> list[Reading]:
    """Those that are read again, in their order."""
    return []


async def test_pauses_that_end_about_the_same_time_end_together(resumed: list[Reading]):
    ticks, first, second = Ticks(), Reading(resumed), Reading(resumed)
    loop = asyncio.get_running_loop()
    now = loop.time() // TICK * TICK + TICK / 4

    ticks.pause(first, now=now, seconds=3 * TICK)
    ticks.pause(second, now=now + TICK / 4, seconds=3 * TICK)
    assert first.is_paused
    assert second.is_paused
    await first.resumed.wait()

    assert second.is_read
    assert loop.time() >= now + 2 * TICK


async def test_a_longer_pause_ends_later(resumed: list[Reading]):
    ticks, short, long = Ticks(), Reading(resumed), Reading(resumed)
    now = asyncio.get_running_loop().time()

    ticks.pause(long, now=now, seconds=4 * TICK)
    ticks.pause(short, now=now, seconds=2 * TICK)
    await long.resumed.wait()

    assert resumed == [short, long]


async def test_a_pause_that_reaches_no_tick_is_none(resumed: list[Reading]):
    reading = Reading(resumed)

    Ticks().pause(reading, now=TICK * 40.5, seconds=TICK / 4)

    assert not reading.is_paused


async def test_a_connection_that_was_closed_in_a_pause_is_not_read_again(resumed: list[Reading]):
    ticks, closed, other = Ticks(), Reading(resumed), Reading(resumed)
    now = asyncio.get_running_loop().time()

    ticks.pause(closed, now=now, seconds=2 * TICK)
    ticks.pause(other, now=now, seconds=2 * TICK)
    closed.is_closed = True
    await other.resumed.wait()

    assert resumed == [other]
