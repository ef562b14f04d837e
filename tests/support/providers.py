"""A provider that does what a test tells it; it stands for an outside model."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from worker_service import generators
from worker_service.claims.circuit import Breakers
from worker_service.generation.permits import PrioritySemaphore
from worker_service.generation.retry_policy import RetryPolicy
from worker_service.generation.tools import GenerationTools
from worker_service.generators.contract import Generator
from worker_service.providers import Call, Completion, Spent
from worker_service.providers.demo import Demo

Behaviour = Callable[[Call], Completion | Exception | None]


@dataclass
class Scripted:
    """Answer as `behave` says: a completion, an error to raise, or None for a good entity.

    `spend` notes what a call costs, before the call waits. While `gate` is clear, calls wait;
    `waiting` counts them, `most` is their largest number so far.
    """

    behave: Behaviour = lambda _: None
    spend: Callable[[Spent], None] = lambda _: None
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    calls: list[Call] = field(default_factory=list)
    waiting: int = 0
    most: int = 0
    aborted: int = 0
    name: str = "demo"
    credential: str = ""

    def __post_init__(self) -> None:
        self.gate.set()
        self._demo = Demo(latency_seconds=0)

    async def complete(self, call: Call, spent: Spent) -> Completion:
        self.calls.append(call)
        self.spend(spent)
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.aborted += 1
            raise
        finally:
            self.waiting -= 1
        answer = self.behave(call)
        if isinstance(answer, Exception):
            raise answer
        return answer or await self._demo.complete(call, spent)

    async def close(self) -> None:
        pass

    def calls_for(self, ordinal: int) -> int:
        return sum(call.ordinal == ordinal for call in self.calls)


def tools_of(
    provider: Scripted,
    policy: RetryPolicy,
    breakers: Breakers,
    *,
    calls: int,
    more: Mapping[str, Generator] = MappingProxyType({}),
) -> GenerationTools:
    return GenerationTools(
        generators={**generators.load(), **more},
        providers={"demo": provider},
        policy=policy,
        breakers=breakers,
        permits=PrioritySemaphore(calls),
    )
