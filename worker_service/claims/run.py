"""The work on one claim: what is recorded, and how it is ended early."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self

from shared.errors import ErrorCode
from worker_service.claims.claim import Claim


@dataclass(eq=False, slots=True)
class Run:
    """The work on one claim: what is recorded, and how it can be ended early."""

    claim: Claim
    recorded: frozenset[int]
    leased_until: float
    is_stopping: bool = False
    retry_after: float | None = None
    release_counts: bool = False
    release_code: ErrorCode | Literal["drain"] = "drain"
    _in_flight: list["Interruptible"] = field(default_factory=list)

    @classmethod
    def of(cls, claim: Claim) -> "Run":
        """Begin with what earlier claims have recorded."""
        return cls(claim, claim.recorded, claim.leased_until)

    def note_recorded(self, ordinals: Iterable[int]) -> None:
        """Learn of recorded ordinals, so that none of them is started."""
        self.recorded = self.recorded.union(ordinals)

    @property
    def is_leased(self) -> bool:
        """Whether the lease is still valid by the local monotonic clock."""
        return time.monotonic() < self.leased_until

    @property
    def missing(self) -> list[int]:
        """The ordinals that are not recorded yet."""
        return [n for n in range(self.claim.requested_count) if n not in self.recorded]

    def stop(self) -> None:
        """Start no further ordinal; what is in flight goes on."""
        self.is_stopping = True
        for block in [block for block in self._in_flight if not block.has_begun]:
            block.end()

    def defer(self, retry_after: float, *, code: ErrorCode, counted: bool) -> None:
        """Start no further ordinal, and come back after so many seconds, because of `code`."""
        self.stop()
        self.release_code = code
        self.retry_after = max(retry_after, self.retry_after or 0.0)
        self.release_counts = self.release_counts or counted

    def abort(self) -> None:
        """Stop, and cancel the calls in flight; a result in hand is still recorded."""
        self.is_stopping = True
        for block in [*self._in_flight]:
            block.end()

    def interruptible(self) -> "Interruptible":
        """Make a block that `stop` ends until it has begun, and `abort` ends at any time."""
        return Interruptible(self._in_flight)


class Interruptible:
    """A block that its run may end early: then it raises TimeoutError."""

    __slots__ = ("_in_flight", "_timeout", "has_begun")

    def __init__(self, in_flight: list["Interruptible"]) -> None:
        self.has_begun = False
        self._in_flight = in_flight
        self._timeout = asyncio.timeout(None)

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        self._in_flight.append(self)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._forget()
        await self._timeout.__aexit__(kind, error, traceback)

    def end(self) -> None:
        """Cancel what is awaited inside."""
        self._forget()  # once: `abort` may follow, and what expires cannot be rescheduled
        self._timeout.reschedule(0.0)

    def _forget(self) -> None:
        if self in self._in_flight:
            self._in_flight.remove(self)
