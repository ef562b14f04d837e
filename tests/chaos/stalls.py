"""Notice that the machine itself stands still: then leases run out, and no fault is to blame."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NoReturn

from shared.database import Database
from shared.errors import DatabaseUnavailable
from tests.support.books.calls import Exposure

_EVERY_SECONDS = 0.2
_STALL_SECONDS = 0.75


@dataclass
class Stalls:
    """Ask PostgreSQL for next to nothing, again and again, and note when that took long.

    Where a fault makes PostgreSQL slow on purpose, the meter is excused.
    """

    database: Database
    workers: frozenset[str]
    exposures: list[Exposure] = field(default_factory=list)
    _excuses: int = 0

    @property
    def seconds(self) -> float:
        """Return for how long the machine stood still, all in all."""
        return sum(exposure.until - exposure.since for exposure in self.exposures)

    @contextmanager
    def excused(self) -> Iterator[None]:
        """Note nothing while somebody stops the server on purpose."""
        self._excuses += 1
        try:
            yield
        finally:
            self._excuses -= 1

    async def watch(self) -> NoReturn:
        """Measure until cancelled."""
        while True:
            begun, was_excused = time.time(), self._excuses > 0
            try:
                await self.database.execute("SELECT 1")
            except DatabaseUnavailable:
                was_excused = True
            ended = time.time()
            if ended - begun > _STALL_SECONDS and not was_excused and not self._excuses:
                self.exposures.append(Exposure(workers=self.workers, since=begun, until=ended))
            await asyncio.sleep(_EVERY_SECONDS)
