"""What a figure is given: servers, the number of its rounds, and its size."""

from dataclasses import dataclass

from benchmarks import seeds
from benchmarks.servers import Servers, Stack

FINISHED = 10_000
"""Finished requests of a stack, so that PostgreSQL's statistics are those of a used service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """One measurement; `scale` is 1 for figures that are kept, less to try them out."""

    servers: Servers
    rounds: int
    scale: float

    async def stack(self, *, finished: int = FINISHED) -> Stack:
        """Make a stack with so many finished requests."""
        made = await self.servers.stack()
        await seeds.finish(made, finished)
        return made

    def seconds(self, full: float) -> float:
        return max(1.0, full * self.scale)

    def count(self, full: int) -> int:
        return max(100, int(full * self.scale))
