"""What happens to worker processes."""

import asyncio
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from random import Random

from tests.chaos.environment import LEASE_SECONDS, LOSS_NOTICED_SECONDS, Environment, WorkerPlace
from tests.chaos.load import KILLER, PlannedRequest
from tests.support.crash_points import Point
from tests.support.waiting import eventually

_REACHED_WITHIN_SECONDS = 20.0
_LONGEST_DOWN_SECONDS = 6.0
_DRAINED_WITHIN_SECONDS = 30.0
_MOST_WORKERS = 1000
CRASH_LIMIT = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Signalled:
    """A worker gets a signal at a point, or right now, and is gone for `down_seconds`."""

    worker: int
    number: signal.Signals
    point: Point | None
    down_seconds: float

    @property
    def name(self) -> str:
        return f"{self.number.name} {self.point or 'at random'}"

    async def inject(self, environment: Environment) -> bool:
        place = environment.workers[self.worker % len(environment.workers)]
        with place.held_down():
            since = await _met(place, self.number, self.point)
            if since is None:
                return False
            await place.service.exit_status(within=_DRAINED_WITHIN_SECONDS)
            at = since if self.number is signal.SIGKILL else time.time()
            environment.note_end(place, at=at)
            environment.expose([place], since=since)
            await asyncio.sleep(self.down_seconds)
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Zombie:
    """A worker stands still for longer than its lease, and then goes on as if nothing had been."""

    worker: int
    point: Point | None
    still_seconds: float
    name: str = "zombie"

    async def inject(self, environment: Environment) -> bool:
        place = environment.workers[self.worker % len(environment.workers)]
        since = await _met(place, signal.SIGSTOP, self.point)
        if since is None:
            return False
        await asyncio.sleep(self.still_seconds)
        place.send(signal.SIGCONT)
        await asyncio.sleep(LOSS_NOTICED_SECONDS)
        environment.expose([place], since=since)
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class KillerRequest:
    """One request kills every worker that calls the model for it."""

    priority: str
    name: str = "killer request"

    async def inject(self, environment: Environment) -> bool:
        ask = PlannedRequest(tag=KILLER, count=1, priority=self.priority)
        await environment.load.submit_one(environment.door.url, ask)

        def has_killed() -> bool:
            return (
                sum(call.item.tag.startswith(KILLER) for call in environment.model.calls)
                >= CRASH_LIMIT
            )

        await eventually(has_killed, within=90, what="the killer kills three workers")
        return True


async def _met(place: WorkerPlace, number: signal.Signals, point: Point | None) -> float | None:
    """Signal a worker at a point and return when; None when it did not come by in time."""
    if point is None:
        now = time.time()
        place.send(number)
        return now
    place.orders.give(point, number)
    with suppress(AssertionError):
        await eventually(lambda: place.orders.is_taken, within=_REACHED_WITHIN_SECONDS)
    place.orders.withdraw()
    return place.orders.taken_at if place.orders.is_taken else None


def _signalled(draw: Random, *, number: signal.Signals, point: Point | None) -> Signalled:
    return Signalled(
        worker=draw.randrange(_MOST_WORKERS),
        number=number,
        point=point,
        down_seconds=draw.uniform(0, _LONGEST_DOWN_SECONDS),
    )


def _zombie(draw: Random, *, point: Point | None) -> Zombie:
    return Zombie(
        worker=draw.randrange(_MOST_WORKERS),
        point=point,
        still_seconds=draw.uniform(1.2, 2.0) * LEASE_SECONDS,
    )


def _killer(draw: Random) -> KillerRequest:
    return KillerRequest(priority=draw.choice(("high", "normal", "low")))


_POINTS = (None, *Point)

FAULTS: Sequence[Callable[[Random], Signalled | Zombie | KillerRequest]] = (
    *(partial(_signalled, number=signal.SIGKILL, point=point) for point in _POINTS),
    *(partial(_signalled, number=signal.SIGTERM, point=point) for point in _POINTS),
    partial(_zombie, point=None),
    partial(_zombie, point=Point.AFTER_CALL),
    _killer,
)
