"""What a generation request should be, without SQL: the moves of the table in architecture.md.

Times are kept as what they decide: whether a lease has expired, a request is due, and so on.
"""

from dataclasses import dataclass, field
from uuid import UUID

from schemas.states import FINAL, Status
from shared.errors import ErrorCode
from worker_service.claims.claim import CRASH_LIMIT, SUSPECT_CRASHES
from worker_service.maintenance.exhausted_releases import RELEASE_LIMIT

KNOWN, UNKNOWN = "sentence", "poem"
"""The entity type that every worker has, and one that none has."""


@dataclass
class Model:
    """A request and what was written about it.

    `items` holds the id of each entity by ordinal, None for a failed item. `events` are the
    (round, status) of its settlements, `letters` the rounds that have a letter.
    """

    count: int
    entity_type: str = KNOWN
    status: Status = Status.PENDING
    epoch: int = 0
    round: int = 1
    crashes: int = 0
    releases: int = 0
    items: dict[int, str | None] = field(default_factory=dict)
    owner: UUID | None = None
    is_started: bool = False
    is_expired: bool = False
    is_due: bool = True
    is_forgotten: bool = False
    is_overdue: bool = False
    dispatches: int = 1
    events: list[tuple[int, str]] = field(default_factory=list)
    letters: list[int] = field(default_factory=list)

    @property
    def is_final(self) -> bool:
        return self.status in FINAL

    @property
    def generated(self) -> int:
        return len(self.items) - self.failed

    @property
    def failed(self) -> int:
        return sum(entity is None for entity in self.items.values())

    # What a worker may take

    def is_for_message(self, owner: UUID, *, runs: bool) -> bool:
        """Tell whether a message lets a worker claim it; `runs`: that worker is working on it."""
        waits = self._waits and self.crashes < SUSPECT_CRASHES
        return self.entity_type == KNOWN and not runs and (waits or self.owner == owner)

    def is_for_claim_any(
        self, owner: UUID, *, runs: bool, may_take_over: bool, takes_young: bool
    ) -> bool:
        """Tell the same of a search without a message, suspects left out."""
        if self.entity_type != KNOWN:
            return False
        if self.owner == owner:
            return not runs
        is_lost = may_take_over and self.is_expired and self.crashes + 1 < SUSPECT_CRASHES
        is_left_over = self.is_started or self.is_forgotten or takes_young
        return is_lost or (self._waits and is_left_over and self.crashes < SUSPECT_CRASHES)

    def is_suspect_for(self, owner: UUID, *, may_take_over: bool) -> bool:
        """Tell whether it is one of those that a search takes one of."""
        crashes = self.crashes + 1
        is_lost = may_take_over and self.is_expired and SUSPECT_CRASHES <= crashes < CRASH_LIMIT
        is_released = self._waits and self.is_started and self.crashes >= SUSPECT_CRASHES
        return self.owner != owner and (is_lost or is_released)

    @property
    def _waits(self) -> bool:
        return self.status is Status.PENDING and self.is_due

    def is_held(self, epoch: int) -> bool:
        """Tell whether the claim of this epoch is the one that holds the lease."""
        return self.status is Status.PROCESSING and self.epoch == epoch

    # The moves

    def claim(self, owner: UUID) -> None:
        self.crashes += self.owner not in (None, owner)
        self.epoch += 1
        self.status, self.owner, self.is_expired = Status.PROCESSING, owner, False
        self.is_started = True

    def beat(self, epoch: int) -> None:
        if self.is_held(epoch):
            self.is_expired = False

    def wait(self) -> None:
        """Let ten minutes pass for what waits for a worker."""
        if self.status is Status.PENDING:
            self.is_due = self.is_forgotten = True

    def release(self, epoch: int, *, counted: int, is_due: bool) -> None:
        if self.is_held(epoch):
            self._put_down(Status.PENDING)
            self.releases += counted
            self.is_due, self.is_forgotten = is_due, False

    def record(self, epoch: int, ordinal: int, entity: str | None) -> str:
        """Return what the answer should be: recorded, final or stale."""
        if self.is_final:
            was_kept = ordinal in self.items and self.items[ordinal] == entity
            return "recorded" if was_kept else "final"
        if entity is None and not self.is_held(epoch):
            return "stale"
        if self.items.get(ordinal) is None and (entity or ordinal not in self.items):
            self.items[ordinal] = entity
        self._count()
        return "recorded"

    def verdict(self, *, may_take_over: bool) -> ErrorCode | None:
        """Return why a sweep gives it up, if it does."""
        if self.is_final:
            return None
        if self.is_overdue:
            return ErrorCode.DEADLINE_EXCEEDED
        if self.status is Status.PROCESSING:
            is_crash_loop = self.is_expired and self.crashes + 1 >= CRASH_LIMIT
            return ErrorCode.CRASH_LOOP if is_crash_loop and may_take_over else None
        if self.is_started and self.releases >= RELEASE_LIMIT:
            return ErrorCode.PROVIDER_UNAVAILABLE
        is_unknown = self.entity_type != KNOWN and self.is_forgotten
        return ErrorCode.UNKNOWN_ENTITY_TYPE if is_unknown else None

    def dead_letter_request(self) -> None:
        for ordinal in range(self.count):
            self.items.setdefault(ordinal, None)
        self._count()

    def cancel(self) -> None:
        if not self.is_final:
            self._put_down(Status.CANCELLED)
            self.epoch += 1

    def reopen(self) -> None:
        if self.is_final and self.generated < self.count:
            self.items = {n: entity for n, entity in self.items.items() if entity is not None}
            self.status = Status.PENDING
            self.epoch, self.round = self.epoch + 1, self.round + 1
            self.crashes = self.releases = 0
            self.is_due, self.is_started = True, False
            self.is_forgotten = self.is_overdue = False
            self.dispatches += 1

    def drop_stale_dispatches(self) -> None:
        if self.status is not Status.PENDING:
            self.dispatches = 0

    def _count(self) -> None:
        """Count what was just recorded; with the last item, settle."""
        self.crashes = self.releases = 0
        if len(self.items) < self.count:
            return
        some = Status.PARTIAL if self.generated else Status.FAILED
        self._put_down(some if self.failed else Status.COMPLETED)
        self.events.append((self.round, self.status))
        if self.failed:
            self.letters.append(self.round)

    def _put_down(self, status: Status) -> None:
        self.status, self.owner, self.is_expired = status, None, False
