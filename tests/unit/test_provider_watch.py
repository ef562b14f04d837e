"""One clock checks the timers of everything that is watched."""

import asyncio

from worker_service.providers.watch import Watch


class Checked:
    """Notes when its timers are checked."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.twice = asyncio.Event()

    def check_timers(self, now: float) -> None:
        self.times.append(now)
        if len(self.times) == 2:
            self.twice.set()


async def test_the_timers_of_what_is_watched_are_checked_until_it_ends():
    watch, first, second = Watch(), Checked(), Checked()

    with watch.watching(first):
        await first.twice.wait()
    with watch.watching(second):
        await second.twice.wait()

    assert len(first.times) == len(second.times) == 2
    assert first.times[1] <= second.times[0]


async def test_the_timers_of_several_are_checked_together():
    watch, first, second = Watch(), Checked(), Checked()

    with watch.watching(first), watch.watching(second):
        await first.twice.wait()
        await second.twice.wait()

    assert first.times == second.times
