"""Claim what no message brings: expired leases, due releases, and requests that wait for too long.

Each kind has a statement of its own, which selects and takes in one step.
"""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from schemas.states import Priority
from shared.sql import sql
from worker_service.claims.circuit import Breakers, Circuit
from worker_service.claims.claim import CRASH_LIMIT, SUSPECT_CRASHES, Claim
from worker_service.claims.claims import IS_BLOCKED, IS_SERVED, TAKE, Claims, Turn, columns_of
from worker_service.claims.scheduler import PriorityScheduler

PENDING_SECONDS = 30.0
"""How old a pending request must be before it is claimed without its message."""

PENDING_SECONDS_WITHOUT_MESSAGE = 1.0
"""The same where no message is expected: Kafka is unreachable, or the message may have come while
a circuit was open."""

_IS_WANTED = f"""
       {IS_SERVED} AND :is_probe::boolean = {IS_BLOCKED}"""
"""A probe wants what its circuit blocks; any other claim wants what no circuit blocks."""

_IS_ABANDONED = """
       lease_until < clock_timestamp() AND lease_owner <> :owner
       AND clock_timestamp() < :take_over_until::timestamptz
       AND pg_postmaster_start_time() < clock_timestamp() - make_interval(secs => :lease_seconds)"""
"""An expired lease counts only if its owner had a server to renew it on for a whole lease."""

TAKE_OVER = sql(f"""
-- Expired leases of others, and leases of this process whose claim never got its reply: those have
-- not crashed.
WITH target AS MATERIALIZED (
    SELECT id, lease_owner <> :owner AS is_takeover FROM generation_requests AS request
     WHERE status = 'processing' AND priority = ANY (:priorities::text[]) AND {_IS_WANTED}
       AND (lease_owner = :owner AND id <> ALL (:running::uuid[])
            OR {_IS_ABANDONED} AND crashes + 1 < :suspect_crashes)
     ORDER BY lease_until LIMIT :slots
       FOR NO KEY UPDATE SKIP LOCKED
){TAKE}""")

TAKE_SUSPECT = sql(f"""
-- One request that may have killed its workers, expired or released; past the limit of crashes a
-- maintenance duty settles it.
WITH target AS MATERIALIZED (
    SELECT id, status = 'processing' AS is_takeover FROM generation_requests AS request
     WHERE priority = ANY (:priorities::text[]) AND {_IS_WANTED}
       AND (status = 'processing' AND {_IS_ABANDONED}
            AND crashes + 1 >= :suspect_crashes AND crashes + 1 < :crash_limit
            OR status = 'pending' AND started_at IS NOT NULL AND crashes >= :suspect_crashes
               AND not_before <= clock_timestamp())
     ORDER BY not_before LIMIT 1
       FOR NO KEY UPDATE SKIP LOCKED
){TAKE}""")

RESUME_RELEASED = sql(f"""
-- What a worker has begun and given back; a sub-select of the time lets the index bound the scan.
WITH target AS MATERIALIZED (
    SELECT id, false AS is_takeover FROM generation_requests AS request
     WHERE status = 'pending' AND started_at IS NOT NULL
       AND priority = ANY (:priorities::text[]) AND {_IS_WANTED}
       AND not_before <= (SELECT clock_timestamp()) AND crashes < :suspect_crashes
     ORDER BY not_before LIMIT :slots
       FOR NO KEY UPDATE SKIP LOCKED
){TAKE}""")

CLAIM_WAITING = sql(f"""
-- The oldest of each priority, up to its share: a LATERAL of its own for each, so that a flood of
-- one priority is not read to find another.
WITH target AS MATERIALIZED (
    SELECT oldest.id, false AS is_takeover
      FROM unnest(:priorities::text[], :shares::int[]) AS asked (priority, share)
     CROSS JOIN LATERAL (
        SELECT id FROM generation_requests AS request
         WHERE status = 'pending' AND started_at IS NULL AND request.priority = asked.priority
           AND {_IS_WANTED}
           AND not_before <= (SELECT clock_timestamp()) - make_interval(secs => :pending_seconds)
         ORDER BY not_before LIMIT asked.share
           FOR NO KEY UPDATE SKIP LOCKED) AS oldest
){TAKE}""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a rescue may take.

    Expired leases until `take_over_until` by the database's clock (None: not at all). With `probed`
    only requests of that circuit, without one only requests that no open circuit blocks.
    """

    priorities: Sequence[Priority]
    take_over_until: datetime | None
    pending_seconds: float
    probed: Circuit | None = None


class Rescue:
    """Claim requests of a process that no message brings."""

    def __init__(self, claims: Claims, breakers: Breakers) -> None:
        self._claims = claims
        self._breakers = breakers
        self._scheduler = PriorityScheduler()

    async def claim_any(self, slots: int, wanted: Wanted) -> AsyncIterator[list[Claim]]:
        """Yield the claims of each statement, up to `slots` in all; start them before the next.

        What a worker has begun goes first, then what waits, by priority and age. A probe goes the
        other way round, so that the requests take turns: one that no probe was spent on goes before
        those that were released, and of these the one that was released first.
        """
        takes = (self._claim_begun, self._claim_waiting)
        for take in reversed(takes) if wanted.probed else takes:
            async for claims in take(slots, wanted):
                slots -= len(claims)
                yield claims

    async def _claim_begun(self, slots: int, wanted: Wanted) -> AsyncIterator[list[Claim]]:
        """Claim by each statement; a suspect is no better a probe than what was released before."""
        takes = (self._take_over, self._take_suspect, self._resume)
        for take in (self._take_over, self._resume, self._take_suspect) if wanted.probed else takes:
            if slots > 0 and (claims := await take(slots, wanted)):
                slots -= len(claims)
                yield claims

    async def _take_over(self, slots: int, wanted: Wanted) -> list[Claim]:
        async with self._claims.turn() as turn:
            rows = await TAKE_OVER.fetch(
                self._claims.database,
                **self._parameters(turn, wanted),
                running=[*turn.running],
                take_over_until=wanted.take_over_until,
                suspect_crashes=SUSPECT_CRASHES,
                slots=slots,
            )
            return turn.claims(rows)

    async def _take_suspect(self, _: int, wanted: Wanted) -> list[Claim]:
        async with self._claims.turn() as turn:
            if turn.has_suspect:
                return []
            rows = await TAKE_SUSPECT.fetch(
                self._claims.database,
                **self._parameters(turn, wanted),
                take_over_until=wanted.take_over_until,
                suspect_crashes=SUSPECT_CRASHES,
                crash_limit=CRASH_LIMIT,
            )
            return turn.claims(rows)

    async def _resume(self, slots: int, wanted: Wanted) -> list[Claim]:
        async with self._claims.turn() as turn:
            rows = await RESUME_RELEASED.fetch(
                self._claims.database,
                **self._parameters(turn, wanted),
                suspect_crashes=SUSPECT_CRASHES,
                slots=slots,
            )
            return turn.claims(rows)

    async def _claim_waiting(self, slots: int, wanted: Wanted) -> AsyncIterator[list[Claim]]:
        """Share the slots among the priorities; what one leaves over goes to the others."""
        waiting = wanted.priorities
        while waiting and slots > 0:
            shares = self._scheduler.shares(slots, waiting)
            claims = await self._claim_shares(shares, wanted)
            served = Counter(claim.priority for claim in claims)
            self._scheduler.served_all(served)
            slots -= len(claims)
            waiting = [each for each in waiting if served[each] == shares[each]]
            if claims:
                yield claims

    async def _claim_shares(self, shares: Mapping[Priority, int], wanted: Wanted) -> list[Claim]:
        async with self._claims.turn() as turn:
            rows = await CLAIM_WAITING.fetch(
                self._claims.database,
                **self._parameters(turn, wanted) | {"priorities": [*shares]},
                shares=[*shares.values()],
                pending_seconds=wanted.pending_seconds,
            )
            return turn.claims(rows)

    def _parameters(self, turn: Turn, wanted: Wanted) -> dict[str, object]:
        circuits = [wanted.probed] if wanted.probed else self._breakers.blocked(turn.now)
        return {
            **turn.parameters,
            **columns_of(circuits),
            "is_probe": wanted.probed is not None,
            "priorities": wanted.priorities,
        }
