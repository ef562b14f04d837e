"""How many provider calls a worker admits: fewer while its event loop falls behind.

A worker that cannot keep up with its streams gains nothing by starting more: its heartbeats and
cancels come late. Some lag does no harm: tokens wait in the kernel and are then read together,
so that each costs less. So the number of permits falls only when the loop is far behind.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from shared.runtime.lag import measured_lag
from shared.runtime.logging import get_log
from shared.runtime.metrics import PROVIDER_CALL_LIMIT
from worker_service.generation.permits import PrioritySemaphore

log = get_log()

Seconds = float

BEHIND_SECONDS: Final[Seconds] = 0.5
CAUGHT_UP_SECONDS: Final[Seconds] = 0.25
_FEWER, _MORE = 0.9, 1.05
_LEAST = 0.25
"""The share of the calls that is always admitted: the lag may be another process's doing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The number of provider calls that are admitted, of at most so many."""

    most: int
    now: int

    @property
    def is_lowered(self) -> bool:
        return self.now < self.most

    def after(self, lag: Seconds, *, in_flight: int) -> "Limit":
        """Return the limit after so much lag.

        It is lowered step by step: a step has no effect before the calls above it have ended.
        """
        if lag > BEHIND_SECONDS and in_flight <= self.now:
            return self._changed_to(min(in_flight, self.now) * _FEWER)
        if lag < CAUGHT_UP_SECONDS:
            return self._changed_to(max(self.now * _MORE, self.now + 1))
        return self

    def _changed_to(self, calls: float) -> "Limit":
        least = max(1, int(self.most * _LEAST))
        return Limit(most=self.most, now=min(max(int(calls), least), self.most))


class Admission:
    """Sets the limit of the permits by the lag of the event loop."""

    def __init__(
        self,
        permits: PrioritySemaphore,
        *,
        measure: Callable[[], Awaitable[Seconds]] = measured_lag,
    ) -> None:
        self._permits = permits
        self._measure = measure
        self._limit = Limit(most=permits.limit, now=permits.limit)

    async def adjust(self) -> None:
        """Measure once, and admit more or fewer calls from now on."""
        lag = await self._measure()
        before, in_flight = self._limit, self._permits.in_use
        self._limit = before.after(lag, in_flight=in_flight)
        self._permits.resize(self._limit.now)
        PROVIDER_CALL_LIMIT.set(self._limit.now)
        if self._limit.is_lowered and not before.is_lowered:
            log.warning("admission_lowered", lag_seconds=round(lag, 3), in_flight=in_flight)
        if before.is_lowered and not self._limit.is_lowered:
            log.info("admission_restored", limit=self._limit.now)
