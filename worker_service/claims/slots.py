"""What this process works on, and the slots that bound it."""

import asyncio
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from uuid import UUID

from schemas.states import Priority
from worker_service.claims.claim import Claim
from worker_service.claims.scheduler import HIGH_SHARE

RESCUE_SHARE = 4
"""One freed slot in so many is kept for `claim_any` while it waits for one."""


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
        """Tell whether the lease lasts for certain: nobody can have taken the request over."""
        return time.monotonic() < self.leased_until

    @property
    def missing(self) -> list[int]:
        """The ordinals that nobody has recorded yet."""
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


class InFlight:
    """The runs of this process, keyed by (id, epoch), and its free slots."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._runs: dict[tuple[UUID, int], Run] = {}
        self._ids: Counter[UUID] = Counter()
        self._held = 0
        self._ordinary = 0
        self._suspects = 0
        self._rescue_waits = False
        self._messages_wait = False
        self._freed_since_rescue = 0
        self._changed = asyncio.Event()
        self.suspect_ended = asyncio.Event()
        """Set whenever a suspect ends; whoever waits for it clears it."""

    def __len__(self) -> int:
        return len(self._runs)

    def __iter__(self) -> Iterator[Run]:
        return iter(list(self._runs.values()))

    def ids(self) -> Collection[UUID]:
        """Return the requests that are being worked on, as they change."""
        return self._ids.keys()

    def find(self, request_id: UUID, epoch: int) -> Run | None:
        """Return the run of a claim, if it is still being worked on."""
        return self._runs.get((request_id, epoch))

    def add(self, run: Run) -> None:
        """Occupy a slot."""
        self._runs[run.claim.request_id, run.claim.epoch] = run
        self._ids[run.claim.request_id] += 1
        self._ordinary += run.claim.priority is not Priority.HIGH
        self._suspects += run.claim.is_suspect

    def remove(self, run: Run) -> None:
        """Free the run's slot."""
        del self._runs[run.claim.request_id, run.claim.epoch]
        self._ids[run.claim.request_id] -= 1
        if not self._ids[run.claim.request_id]:
            del self._ids[run.claim.request_id]
        self._ordinary -= run.claim.priority is not Priority.HIGH
        self._suspects -= run.claim.is_suspect
        self._freed_since_rescue += 1
        self._changed.set()
        if run.claim.is_suspect:
            self.suspect_ended.set()

    @property
    def has_suspect(self) -> bool:
        """Tell whether a request that may have killed workers is being worked on."""
        return self._suspects > 0

    def free(self, priority: Priority) -> int:
        """Return how many slots requests of a priority may fill; one in ten is for `high` alone."""
        free = self._limit - len(self._runs) - self._held
        if priority is Priority.HIGH:
            return free
        reserved = self._limit // HIGH_SHARE
        return min(free, self._limit - reserved - self._ordinary - self._held)

    def free_for_messages(self, priority: Priority) -> int:
        """Return the slots for messages of a priority, less the one kept for `claim_any`."""
        is_kept = self._rescue_waits and self._is_rescue_due and self.free(Priority.NORMAL) > 0
        return self.free(priority) - int(is_kept)

    @property
    def _is_rescue_due(self) -> bool:
        return self._freed_since_rescue >= RESCUE_SHARE - 1

    async def message_slots(self, within: float, *, priority: Priority) -> int:
        """Wait for slots that messages of a priority may fill, at most `within` seconds."""
        try:
            async with asyncio.timeout(within):
                while self.free_for_messages(priority) <= 0:
                    self._messages_wait = True
                    await self._wait_for_change()
        except TimeoutError:
            return 0
        finally:
            self._messages_wait = False
            self._changed.set()
        return self.free_for_messages(priority)

    async def changed(self, within: float) -> None:
        """Wait until a slot was freed or taken, at most `within` seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._wait_for_change()

    async def rescue_slots(self, within: float) -> int:
        """Wait for the turn of `claim_any`, at most `within` seconds, and return its slots.

        While messages wait for a slot too, that is one freed slot in four.
        """
        self._rescue_waits = True
        try:
            async with asyncio.timeout(within):
                while not self._is_rescue_turn():
                    await self._wait_for_change()
        except TimeoutError:
            return 0
        finally:
            self._rescue_waits = False
        self._freed_since_rescue = 0
        return self.free(Priority.NORMAL)

    def _is_rescue_turn(self) -> bool:
        may_go_first = self._is_rescue_due or not self._messages_wait
        return self.free(Priority.NORMAL) > 0 and may_go_first

    @contextmanager
    def held(self, slots: int) -> Iterator[None]:
        """Keep slots for claims that are under way."""
        self._held += slots
        try:
            yield
        finally:
            self._held -= slots
            self._changed.set()

    async def _wait_for_change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def note_renewed(
        self, renewed: Iterable[tuple[UUID, int, Iterable[int]]], *, leased_until: float
    ) -> None:
        """Learn whose leases were renewed, and which ordinals are not to be started."""
        for request_id, epoch, ordinals in renewed:
            run = self.find(request_id, epoch)
            if run is not None:
                run.leased_until = leased_until
                run.note_recorded(ordinals)

    async def emptied(self) -> None:
        """Wait until nothing is being worked on."""
        while self._runs:
            await self._wait_for_change()
