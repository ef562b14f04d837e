"""What a periodic duty is, and what all of them work with."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from shared.kafka.publisher import Publisher
from shared.runtime.loops import repeat
from worker_service.claims.circuit import Breakers
from worker_service.claims.claims import Claimant
from worker_service.claims.lease import Leases
from worker_service.claims.rescue import Rescue
from worker_service.claims.slots import Slots
from worker_service.context import WorkerContext
from worker_service.generation.runner import Runner


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """A step that is repeated about every `every` seconds, or as soon as `sooner` is set."""

    name: str
    every: float
    step: Callable[[], Awaitable[object]]
    sooner: asyncio.Event | None = None

    def loop(self) -> Coroutine[Any, Any, None]:
        """Repeat the step until cancelled, whatever it raises."""
        return repeat(self.step, name=self.name, every=self.every, sooner=self.sooner)


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    """What the duties of one worker process work with."""

    context: WorkerContext
    claimant: Claimant
    slots: Slots
    leases: Leases
    rescue: Rescue
    runner: Runner
    breakers: Breakers
    publisher: Publisher
