"""What happens to the broker, and to the group that reads from it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random

from tests.chaos.environment import Environment
from tests.chaos.faults.servers import Down, End, Frozen, Part
from tests.support.redelivery import a_guest

WHOLE_RUN_SECONDS = 25.0
_GUEST_STAYS_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebalances:
    """A guest joins the group and leaves it again, every few seconds."""

    times: int
    every_seconds: float
    name: str = "group rebalanced"

    async def inject(self, environment: Environment) -> bool:
        for _ in range(self.times):
            async with a_guest(environment.stack):
                await asyncio.sleep(_GUEST_STAYS_SECONDS)
            await asyncio.sleep(self.every_seconds)
        return True


def _down(draw: Random, *, end: End) -> Down:
    return Down(part=Part.KAFKA, end=end, seconds=draw.uniform(0, 8))


def _gone(_: Random) -> Down:
    """Stay away for as long as there is any work."""
    return Down(part=Part.KAFKA, end=End.GONE, seconds=WHOLE_RUN_SECONDS)


def _frozen(draw: Random) -> Frozen:
    return Frozen(part=Part.KAFKA, seconds=draw.uniform(3, 12))


def _rebalanced(draw: Random) -> Rebalances:
    return Rebalances(times=draw.randint(3, 5), every_seconds=draw.uniform(0.5, 2.0))


FAULTS: Sequence[Callable[[Random], Down | Frozen | Rebalances]] = (
    partial(_down, end=End.STOPPED),
    partial(_down, end=End.KILLED),
    _gone,
    _frozen,
    _rebalanced,
)
