"""The slots of this process: what it works on, and how much more it may claim."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

from schemas.states import Priority
from worker_service.claims.run import Run
from worker_service.claims.scheduler import HIGH_SHARE

RESCUE_SHARE = 4
"""One freed slot in so many is kept for `claim_any` while it waits for one."""


class Slots:
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
        """Set whenever a suspect ends; the waiting duty clears it."""

    def __len__(self) -> int:
        return len(self._runs)

    def __iter__(self) -> Iterator[Run]:
        return iter(list(self._runs.values()))

    def ids(self) -> Collection[UUID]:
        """View the requests that are being worked on, as they change."""
        return self._ids.keys()

    def find(self, request_id: UUID, epoch: int) -> Run | None:
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
        # `claim_any` is owed one freed slot in RESCUE_SHARE, however many messages wait.
        self._freed_since_rescue += 1
        self._changed.set()
        if run.claim.is_suspect:
            self.suspect_ended.set()

    @property
    def has_suspect(self) -> bool:
        return self._suspects > 0

    def free(self, priority: Priority) -> int:
        """Count the slots that requests of a priority may fill; one in ten is for `high` alone."""
        free = self._limit - len(self._runs) - self._held
        if priority is not Priority.HIGH:
            reserved = self._limit // HIGH_SHARE
            free = min(free, self._limit - reserved - self._ordinary - self._held)
        return max(0, free)  # a held slot that was filled without a word counts twice

    def free_for_messages(self, priority: Priority) -> int:
        """Count the slots for messages of a priority, less the one kept for `claim_any`."""
        is_kept = self._rescue_waits and self._is_rescue_due and self.free(Priority.NORMAL) > 0
        return max(0, self.free(priority) - int(is_kept))

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
    def held(self, slots: int) -> Iterator[Callable[[int], None]]:
        """Keep slots for claims that are under way.

        What it yields is called with the number of runs that are about to fill some of them; slots
        that are filled without that count twice until the end.
        """
        left = slots

        def filled(runs: int) -> None:
            nonlocal left
            left -= runs
            self._held -= runs

        self._held += slots
        try:
            yield filled
        finally:
            self._held -= left
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
