"""Drain a worker: claim nothing more, finish the calls in flight, release the rest, leave."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from shared.kafka.publisher import Publisher
from shared.runtime.logging import get_log
from worker_service.claims.claims import Claims
from worker_service.claims.slots import Slots
from worker_service.context import WorkerContext
from worker_service.intake.consume import Consumption

log = get_log()

SHORTEST_RECORD_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain:
    """The orderly end of a worker, within `seconds` for the calls in flight."""

    context: WorkerContext
    claims: Claims
    slots: Slots
    consumption: Consumption
    publisher: Publisher
    seconds: float

    async def run(self, claiming: Sequence[asyncio.Task[None]]) -> None:
        """End the tasks that claim, then every run; return when nothing is left to do."""
        log.info("drain_begun", in_flight=len(self.slots))
        await self._stop_claiming(claiming)
        # Beside the runs: leaving may take seconds, in which calls can finish.
        leaving = asyncio.create_task(self.consumption.stop())
        await self._emptied(within=self.seconds)
        self.context.is_over.set()
        for run in self.slots:
            run.abort()
        # A record under way when the drain is over may take as long as any statement.
        await self._emptied(within=max(self.context.database.patience, SHORTEST_RECORD_SECONDS))
        await leaving
        await self.publisher.stop()
        log.info("worker_drained", left=len(self.slots))

    async def _stop_claiming(self, claiming: Sequence[asyncio.Task[None]]) -> None:
        # First, so that no task is cancelled between a claim and the start of its runs.
        await self.claims.close()
        for task in claiming:
            task.cancel()
        for run in self.slots:
            run.stop()

    async def _emptied(self, *, within: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self.slots.emptied()
