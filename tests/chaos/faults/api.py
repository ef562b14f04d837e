"""What happens to API processes, each with a relay in the middle of its work."""

import asyncio
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random

from tests.chaos.environment import Environment


@dataclass(frozen=True, slots=True, kw_only=True)
class ApisSignalled:
    """So many API processes get a signal, again and again; others take their place."""

    number: signal.Signals
    count: int
    times: int
    every_seconds: float

    @property
    def name(self) -> str:
        return f"{self.number.name} {self.count} API"

    async def inject(self, environment: Environment) -> bool:
        for _ in range(self.times):
            for api in environment.apis[: self.count]:
                api.send(self.number)
            await asyncio.sleep(self.every_seconds)
        return True


def _signalled(draw: Random, *, number: signal.Signals, count: int) -> ApisSignalled:
    return ApisSignalled(
        number=number, count=count, times=draw.randint(1, 3), every_seconds=draw.uniform(2, 4)
    )


FAULTS: Sequence[Callable[[Random], ApisSignalled]] = (
    partial(_signalled, number=signal.SIGKILL, count=1),
    partial(_signalled, number=signal.SIGKILL, count=2),
    partial(_signalled, number=signal.SIGTERM, count=1),
)
