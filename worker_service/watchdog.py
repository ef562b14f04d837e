"""Stop a worker whose poll loop is stuck: leases make a restart cheap."""

import asyncio

from shared.kafka.publisher import Publisher
from shared.runtime.logging import get_log
from worker_service.intake.consume import Consumption
from worker_service.intake.liveness import Liveness

log = get_log()

STALLED_SECONDS = 60.0
EXIT_STALLED = 70


class Watchdog:
    """Watches the poll loop's ticks and its rejoins; sets `stopping` when either takes too long.

    It pauses while Kafka is unreachable: a blocked poll is then normal.
    """

    def __init__(
        self,
        consumption: Consumption,
        liveness: Liveness,
        *,
        publisher: Publisher,
        stopping: asyncio.Event,
    ) -> None:
        self._consumption = consumption
        self._liveness = liveness
        self._publisher = publisher
        self._stopping = stopping
        self.exit_status = 0

    async def check(self) -> None:
        """Judge the poll loop once."""
        if not self._publisher.reachable:
            self._liveness.restart()
        silent = self._liveness.silent_seconds()
        rejoining = self._consumption.rejoining_seconds()
        if max(silent, rejoining) > STALLED_SECONDS and not self._stopping.is_set():
            log.error("worker_stalled", silent_seconds=silent, rejoining_seconds=rejoining)
            self.exit_status = EXIT_STALLED
            self._stopping.set()
