"""Notice that the machine itself stands still: then leases run out, and no fault is to blame."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn

from shared.database import Database
from shared.errors import DatabaseUnavailable

_EVERY_SECONDS = 0.2
_STALL_SECONDS = 0.75


@dataclass
class Stalls:
    """Ask PostgreSQL for next to nothing, again and again; tell `noted` since when it took long.

    Where a fault makes PostgreSQL slow on purpose, the meter is excused.
    """

    database: Database
    noted: Callable[[float], None]
    seconds: float = 0.0
    _excuses: int = 0

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
            took = time.time() - begun
            if took > _STALL_SECONDS and not was_excused and not self._excuses:
                self.seconds += took
                self.noted(begun)
            await asyncio.sleep(_EVERY_SECONDS)
