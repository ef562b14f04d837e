"""The work on one claim: what is recorded, and how it is ended early."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

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
    _waits: list[asyncio.Timeout] = field(default_factory=list)
    _calls: list[asyncio.Timeout] = field(default_factory=list)

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
        _expire(self._waits)

    def defer(self, retry_after: float, *, counted: bool) -> None:
        """Start no further ordinal, and come back after so many seconds."""
        self.stop()
        self.retry_after = max(retry_after, self.retry_after or 0.0)
        self.release_counts = self.release_counts or counted

    def abort(self) -> None:
        """Stop, and cancel the calls in flight; a result in hand is still recorded."""
        self.stop()
        _expire(self._calls)

    def stoppable(self, wait: asyncio.Timeout) -> "Interruptible":
        """Let `stop` end a wait: the timeout expires at once instead of never."""
        return Interruptible(wait, self._waits)

    def abortable(self, call: asyncio.Timeout) -> "Interruptible":
        """Let `abort` cancel a call: the timeout expires at once instead of never."""
        return Interruptible(call, self._calls)


class Interruptible:
    """A block during which a timeout stands in a list of those that may expire at once."""

    __slots__ = ("_among", "_timeout")

    def __init__(self, timeout: asyncio.Timeout, among: list[asyncio.Timeout]) -> None:
        self._timeout = timeout
        self._among = among

    def __enter__(self) -> None:
        self._among.append(self._timeout)

    def __exit__(self, *_: object) -> None:
        if self._timeout in self._among:
            self._among.remove(self._timeout)


def _expire(timeouts: list[asyncio.Timeout]) -> None:
    for timeout in timeouts:
        timeout.reschedule(0.0)
    timeouts.clear()
