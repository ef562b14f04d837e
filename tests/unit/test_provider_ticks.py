"""Pauses in reading end together, on ticks."""

import asyncio

from worker_service.providers.ticks import Ticks

TICK = 0.025


class Reading(asyncio.ReadTransport):
    """Notes when it is read again."""

    def __init__(self) -> None:
        super().__init__()
        self.is_paused = self.is_closed = False
        self.resumed = asyncio.Event()
        self.resumed_at = 0.0

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
        self.resumed_at = asyncio.get_running_loop().time()
        self.resumed.set()


async def test_pauses_that_end_about_the_same_time_end_together():
    ticks, first, second = Ticks(), Reading(), Reading()
    begun = asyncio.get_running_loop().time()

    ticks.pause(first, seconds=3 * TICK)
    ticks.pause(second, seconds=3 * TICK)
    assert first.is_paused
    assert second.is_paused
    await first.resumed.wait()

    assert second.is_read
    assert first.resumed_at - begun >= TICK


async def test_a_longer_pause_ends_later():
    ticks, short, long = Ticks(), Reading(), Reading()

    ticks.pause(long, seconds=8 * TICK)
    ticks.pause(short, seconds=2 * TICK)
    await short.resumed.wait()
    assert long.is_paused
    await long.resumed.wait()

    assert long.resumed_at - short.resumed_at >= TICK


async def test_a_pause_that_reaches_no_tick_is_none():
    reading = Reading()

    Ticks().pause(reading, seconds=0)

    assert not reading.is_paused


async def test_a_connection_that_was_closed_in_a_pause_is_not_read_again():
    ticks, closed, other = Ticks(), Reading(), Reading()

    ticks.pause(closed, seconds=2 * TICK)
    ticks.pause(other, seconds=2 * TICK)
    closed.is_closed = True
    await other.resumed.wait()

    assert closed.is_paused
