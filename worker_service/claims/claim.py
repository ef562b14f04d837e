"""Claim requests in PostgreSQL: the lease and the fencing token that every later write carries."""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from schemas.states import Priority
from shared.postgres.database import Database
from shared.runtime.logging import get_log
from shared.runtime.metrics import REQUESTS_CLAIMED
from worker_service.claims.circuit import Breakers, Circuit
from worker_service.claims.scheduler import WEIGHTS, PriorityScheduler

log = get_log()

CRASH_LIMIT = 3
"""Leases lost in a row, without an item recorded, after which a request is given up."""

SUSPECT_CRASHES = 2
"""Crashes from which on a request is a suspect; a worker holds one suspect at a time."""

PENDING_SECONDS = 30.0
"""Age from which `claim_any` takes a request that Kafka should have brought."""

PENDING_SECONDS_WITHOUT_MESSAGE = 1.0
"""The same where no message may be expected: Kafka cannot be reached, or the message may have come
while a circuit was open."""

NOTHING_RECORDED: frozenset[int] = frozenset()
"""One for all: every empty set is an object of its own, and thousands of claims begin with one."""

_TAKE = """
    UPDATE generation_requests AS request
       SET status = 'processing',
           epoch = request.epoch + 1,
           crashes = request.crashes + target.is_takeover::int,
           lease_owner = $1,
           lease_until = clock_timestamp() + make_interval(secs => $2),
           started_at = coalesce(request.started_at, clock_timestamp()),
           provider = coalesce(request.provider, $3),
           version = request.version + 1
      FROM target
     WHERE request.id = target.id
    RETURNING request.id, request.epoch, request.round, request.entity_type, request.priority,
              request.constraints, request.requested_count, request.provider, request.model,
              request.traceparent, request.crashes, target.is_takeover,
              ARRAY (SELECT ordinal FROM generation_items
                      WHERE generation_request_id = request.id) AS recorded"""

_BLOCKED = """
    EXISTS (SELECT FROM unnest({providers}::text[], {models}::text[]) AS blocked (provider, model)
             WHERE blocked.provider = coalesce(request.provider, $3)
               AND blocked.model IS NOT DISTINCT FROM request.model)"""

CLAIM = f"""
WITH target AS MATERIALIZED (
    SELECT id, false AS is_takeover FROM generation_requests AS request
     WHERE id = ANY ($4::uuid[]) AND entity_type = ANY ($5::text[])
       AND NOT {_BLOCKED.format(providers="$7", models="$8")}
       AND CASE status  -- not OR, for which PostgreSQL would look through all that waits
           WHEN 'pending' THEN not_before <= clock_timestamp() AND crashes < $6
           WHEN 'processing' THEN lease_owner = $1
           ELSE false END
     ORDER BY id
       FOR NO KEY UPDATE SKIP LOCKED
), taken AS ({_TAKE}
)
SELECT asked.id AS asked_id, taken.*,
       EXISTS (SELECT FROM generation_requests WHERE id = asked.id) AS is_known
  FROM unnest($4::uuid[]) AS asked (id) LEFT JOIN taken USING (id)"""

_IS_WANTED = f"""
       entity_type = ANY ($5::text[]) AND priority = ANY ($10::text[])
       AND $16::boolean = {_BLOCKED.format(providers="$14", models="$15")}"""

CLAIM_ANY = f"""
WITH leased AS MATERIALIZED (
    SELECT id, lease_owner <> $1 AS is_takeover FROM generation_requests AS request
     WHERE status = 'processing' AND {_IS_WANTED}
       AND (lease_owner = $1 AND id NOT IN (SELECT unnest($6::uuid[]))
            OR lease_until < clock_timestamp() AND lease_owner <> $1 AND crashes + 1 < $7
               AND clock_timestamp() < $8::timestamptz
               AND pg_postmaster_start_time() < clock_timestamp() - make_interval(secs => $2))
     ORDER BY lease_until LIMIT $4
       FOR NO KEY UPDATE SKIP LOCKED
), released AS MATERIALIZED (
    SELECT id FROM generation_requests AS request
     WHERE status = 'pending' AND started_at IS NOT NULL AND {_IS_WANTED}
       AND not_before <= (SELECT clock_timestamp()) AND crashes < $7
     ORDER BY not_before LIMIT $4
       FOR NO KEY UPDATE SKIP LOCKED
), suspect AS MATERIALIZED (
    SELECT id, status = 'processing' AS is_takeover FROM generation_requests AS request
     WHERE {_IS_WANTED}
       AND (status = 'processing' AND lease_until < clock_timestamp() AND lease_owner <> $1
            AND crashes + 1 >= $7 AND crashes + 1 < $12 AND clock_timestamp() < $8::timestamptz
            AND pg_postmaster_start_time() < clock_timestamp() - make_interval(secs => $2)
            OR status = 'pending' AND started_at IS NOT NULL AND crashes >= $7
               AND not_before <= clock_timestamp())
     ORDER BY not_before LIMIT $13
       FOR NO KEY UPDATE SKIP LOCKED
), waiting AS MATERIALIZED (
    SELECT oldest.id, lane.weight,
           lane.clock + (row_number() OVER (PARTITION BY lane.priority ORDER BY oldest.not_before)
                         - 1) / lane.weight AS turn
      FROM unnest($10::text[], $11::float8[], $17::float8[]) AS lane (priority, weight, clock)
     CROSS JOIN LATERAL (
        SELECT id, not_before FROM generation_requests AS request
         WHERE status = 'pending' AND started_at IS NULL AND priority = lane.priority
           AND {_IS_WANTED}
           AND not_before <= (SELECT clock_timestamp()) - make_interval(secs => $9)
         ORDER BY not_before LIMIT $4
           FOR NO KEY UPDATE SKIP LOCKED) AS oldest
), target AS MATERIALIZED (
    SELECT id, is_takeover FROM (
        SELECT id, is_takeover, 0 AS rank, 0.0 AS turn, 0.0 AS weight FROM leased
        UNION ALL SELECT id, is_takeover, 0, 0.0, 0.0 FROM suspect
        UNION ALL SELECT id, false, 1, 0.0, 0.0 FROM released
        UNION ALL SELECT id, false, 2, turn, weight FROM waiting) AS candidate
     ORDER BY rank, turn, weight DESC LIMIT $4
), taken AS ({_TAKE}
)
SELECT taken.*, EXISTS (SELECT FROM waiting WHERE waiting.id = taken.id) AS took_turn
  FROM taken"""

RELEASE = """
UPDATE generation_requests
   SET status = 'pending', lease_owner = NULL, lease_until = NULL,
       not_before = clock_timestamp() + make_interval(secs => $3),
       releases = releases + $4,
       version = version + 1
 WHERE id = $1 AND epoch = $2 AND status = 'processing'
RETURNING id"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A request that this process owns until its lease ends; `epoch` is the fencing token.

    `constraints` are JSON, read when they are needed: thousands of claims may wait for that.
    `leased_until` is the end of its first lease by this process's monotonic clock, or earlier.
    """

    request_id: UUID
    epoch: int
    round: int
    entity_type: str
    constraints: str
    requested_count: int
    recorded: frozenset[int]
    provider: str
    model: str | None
    traceparent: str
    priority: Priority
    crashes: int
    leased_until: float

    @property
    def is_suspect(self) -> bool:
        """Tell whether the request may have killed the workers that it was lost with."""
        return self.crashes >= SUSPECT_CRASHES

    @classmethod
    def from_row(cls, row: asyncpg.Record, *, leased_until: float) -> "Claim":
        """Read what the claiming statements return."""
        return cls(
            request_id=row["id"],
            epoch=row["epoch"],
            round=row["round"],
            entity_type=sys.intern(row["entity_type"]),
            constraints=row["constraints"],
            requested_count=row["requested_count"],
            recorded=frozenset(row["recorded"]) or NOTHING_RECORDED,
            provider=sys.intern(row["provider"]),
            model=row["model"],
            traceparent=row["traceparent"],
            priority=Priority(row["priority"]),
            crashes=row["crashes"],
            leased_until=leased_until,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What `CLAIM_ANY` may take: all but what is blocked, or only the circuit that is `probed`."""

    priorities: Sequence[Priority]
    take_over_until: datetime | None
    suspects: int
    pending_seconds: float
    probed: Circuit | None


class Claims:
    """The claims of one process, made one statement at a time.

    One at a time, because the process may re-take what it owns and does not work on: a claim
    whose reply was lost. While another claim is under way nobody knows what that is.

    `start` is called for each claim before the next statement runs; `running` tells the ids of
    the requests that are being worked on.
    """

    def __init__(
        self,
        database: Database,
        *,
        owner: UUID,
        lease_seconds: float,
        entity_types: Sequence[str],
        provider: str,
        running: Callable[[], Collection[UUID]],
        start: Callable[[Claim], None],
        breakers: Breakers,
    ) -> None:
        self._database = database
        self._owner = owner
        self._lease_seconds = lease_seconds
        self._entity_types = entity_types
        self._provider = provider
        self._running = running
        self._start = start
        self._breakers = breakers
        self._scheduler = PriorityScheduler()
        self._one_at_a_time = asyncio.Lock()

    async def claim(self, request_ids: Iterable[UUID]) -> set[UUID]:
        """Claim those of the requests that wait for a worker; return the ids that are unknown.

        The rest is a duplicate, belongs to another worker, is not due yet or is final: nothing
        is to be done about it here.

        Raises:
            DatabaseUnavailable: some may be claimed; the same call again finds out.
        """
        async with self._one_at_a_time:
            running = self._running()
            asked = [i for i in dict.fromkeys(request_ids) if i not in running]
            if not asked:
                return set()
            leased_until = time.monotonic() + self._lease_seconds
            rows = await self._database.fetch(
                CLAIM,
                self._owner,
                self._lease_seconds,
                self._provider,
                asked,
                self._entity_types,
                SUSPECT_CRASHES,
                *_columns(self._breakers.blocked(time.monotonic())),
            )
            self._start_all((row for row in rows if row["id"] is not None), leased_until)
            return {row["asked_id"] for row in rows if not row["is_known"]}

    async def claim_any(
        self,
        limit: int,
        *,
        priorities: Sequence[Priority],
        take_over_until: datetime | None,
        may_take_suspect: bool,
        pending_seconds: float,
    ) -> int:
        """Claim up to `limit` requests of `priorities` that no message brings, and return how many.

        First what this process owns without working on it, expired leases until
        `take_over_until` (the database's clock; None: not at all)
        and due releases, one suspect among them at the most; then requests pending for over
        `pending_seconds`, by the weights of the priorities and by age. Requests of a provider whose
        circuit is open are left alone.
        """
        wanted = Wanted(
            priorities=priorities,
            take_over_until=take_over_until,
            suspects=int(may_take_suspect),
            pending_seconds=pending_seconds,
            probed=None,
        )
        return await self._claim_any(limit, wanted)

    async def claim_probe(
        self, circuit: Circuit, *, take_over_until: datetime | None, may_take_suspect: bool
    ) -> None:
        """Claim one request to try the provider of a circuit with, if there is any."""
        wanted = Wanted(
            priorities=[*Priority],
            take_over_until=take_over_until,
            suspects=int(may_take_suspect),
            pending_seconds=0,
            probed=circuit,
        )
        if await self._claim_any(1, wanted):
            circuit.probe_claimed(time.monotonic())

    async def _claim_any(self, limit: int, wanted: "Wanted") -> int:
        async with self._one_at_a_time:
            now = time.monotonic()  # a circuit may have opened while this call waited
            rows = await self._database.fetch(
                CLAIM_ANY,
                self._owner,
                self._lease_seconds,
                self._provider,
                limit,
                self._entity_types,
                list(self._running()),
                SUSPECT_CRASHES,
                wanted.take_over_until,
                wanted.pending_seconds,
                wanted.priorities,
                [WEIGHTS[priority] for priority in wanted.priorities],
                CRASH_LIMIT,
                wanted.suspects,
                *_columns([wanted.probed] if wanted.probed else self._breakers.blocked(now)),
                wanted.probed is not None,
                self._scheduler.clocks(wanted.priorities),
            )
            self._start_all(rows, now + self._lease_seconds)
            self._note_turns(Priority(row["priority"]) for row in rows if row["took_turn"])
            return len(rows)

    def _note_turns(self, served: Iterable[Priority]) -> None:
        taken = Counter(served)
        for priority in self._scheduler.in_turn(taken):
            self._scheduler.served(priority, taken=taken[priority])

    async def close(self) -> None:
        """Wait for the claim that is under way and let none follow it."""
        await self._one_at_a_time.acquire()

    def _start_all(self, rows: Iterable[asyncpg.Record], leased_until: float) -> None:
        for row in rows:
            claim = Claim.from_row(row, leased_until=leased_until)
            REQUESTS_CLAIMED.labels("takeover" if row["is_takeover"] else "ordinary").inc()
            log.info(
                "request_claimed",
                request_id=str(claim.request_id),
                epoch=claim.epoch,
                missing=claim.requested_count - len(claim.recorded),
                crashes=claim.crashes,
            )
            self._start(claim)


def _columns(circuits: Sequence[Circuit]) -> tuple[list[str], list[str | None]]:
    providers = [circuit.provider for circuit in circuits]
    return providers, [circuit.model for circuit in circuits]


async def release(database: Database, claim: Claim, *, after_seconds: float, counted: int) -> None:
    """Give the request back, to be claimed again by anybody after `after_seconds`.

    Changes nothing when the claim is not the newest any more. `counted` is 1 when the release
    counts towards the limit of releases without progress, else 0.
    """
    released = await database.fetchrow(
        RELEASE, claim.request_id, claim.epoch, after_seconds, counted
    )
    if released is not None:
        log.info(
            "request_released",
            request_id=str(claim.request_id),
            epoch=claim.epoch,
            after_seconds=after_seconds,
        )
