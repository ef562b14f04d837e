"""Claim requests in PostgreSQL, one statement at a time for each process.

One at a time, because a process may re-take what it owns and does not work on: a claim whose reply
was lost. While another claim is under way, that cannot be told from a claim about to start.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from uuid import UUID

import asyncpg

from shared.errors import REPETITIONS, UNCHARGED
from shared.postgres.database import Database
from shared.runtime.logging import get_log
from shared.runtime.metrics import REQUESTS_CLAIMED
from shared.sql import sql
from shared.tracing import Tracer
from worker_service.claims.circuit import Breakers, Circuit
from worker_service.claims.claim import CLAIMED_COLUMNS, SUSPECT_CRASHES, Claim
from worker_service.claims.slots import Slots
from worker_service.claims.spans import traced

log = get_log()
_claimed = cache(REQUESTS_CLAIMED.labels)

TAKE = f"""
    UPDATE generation_requests AS request
       SET status = 'processing',
           epoch = request.epoch + 1,
           crashes = request.crashes + target.is_takeover::int,
           lease_owner = :owner,
           lease_until = clock_timestamp() + make_interval(secs => :lease_seconds),
           started_at = coalesce(request.started_at, clock_timestamp()),
           provider = coalesce(request.provider, :default_provider),
           version = request.version + 1
      FROM target
     WHERE request.id = target.id
    RETURNING request.id, {", ".join(f"request.{name}" for name in CLAIMED_COLUMNS)},
              target.is_takeover,
              ARRAY (SELECT ordinal FROM generation_items
                      WHERE generation_request_id = request.id) AS recorded,
              (SELECT json_agg(
                          json_build_array(ordinal, calls, charged, failure[1][1], failure[1][2]))
                 FROM (SELECT ordinal, count(*) AS calls,
                              count(*) FILTER (WHERE outcome <> ALL (:uncharged::text[])
                                                  OR output_tokens > 0) AS charged,
                              (array_agg(ARRAY[outcome, error_message]
                                         ORDER BY ended_at DESC, call_id DESC)
                               FILTER (WHERE error_message IS NOT NULL
                                         AND outcome <> ALL (:repetitions::text[])))[1:1] AS failure
                         FROM provider_calls
                        WHERE generation_request_id = request.id
                          AND provider_calls.round = request.round
                          AND ordinal NOT IN (SELECT ordinal FROM generation_items
                                               WHERE generation_request_id = request.id)
                        GROUP BY ordinal) AS made) AS called"""
"""Take the rows of `target` (id, is_takeover), which the same statement has locked."""

IS_SERVED = """
    entity_type = ANY (:entity_types::text[])
    AND coalesce(request.provider, :default_provider) = ANY (:providers::text[])"""
"""Whether this worker has the entity type and the provider of a request."""

IS_BLOCKED = """
    EXISTS (SELECT FROM unnest(:blocked_providers::text[], :blocked_models::text[])
                        AS blocked (provider, model)
             WHERE blocked.provider = coalesce(request.provider, :default_provider)
               AND blocked.model IS NOT DISTINCT FROM request.model)"""
"""Whether the circuit of a request's calls is among those given."""

CLAIM = sql(f"""
-- What waits, and what this process owns without working on it. Locked rows are skipped, not
-- waited for: the holder is about to change their state.
WITH target AS MATERIALIZED (
    SELECT id, false AS is_takeover FROM generation_requests AS request
     WHERE id = ANY (:request_ids::uuid[]) AND {IS_SERVED} AND NOT {IS_BLOCKED}
       AND CASE status  -- not OR, for which PostgreSQL would look through all that waits
           WHEN 'pending' THEN not_before <= clock_timestamp() AND crashes < :suspect_crashes
           WHEN 'processing' THEN lease_owner = :owner
           ELSE false END
     ORDER BY id
       FOR NO KEY UPDATE SKIP LOCKED
-- A CTE of its own, because the answer below has a row for every id, taken or not.
), taken AS ({TAKE}
)
SELECT asked.id AS asked_id, taken.*,
       EXISTS (SELECT FROM generation_requests WHERE id = asked.id) AS is_known
  FROM unnest(:request_ids::uuid[]) AS asked (id) LEFT JOIN taken USING (id)""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimant:
    """The process that claims, and what it serves.

    `owner` is made anew at each start of the process; `default_provider` serves the requests that
    name none.
    """

    owner: UUID
    lease_seconds: float
    entity_types: Sequence[str]
    providers: Sequence[str]
    default_provider: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """What became of the ids of a message batch: claims, and ids that no request has.

    Any other id is a duplicate, not due, not served here, another worker's or final.
    """

    claims: Sequence[Claim] = ()
    unknown: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The right to run one claiming statement: its parameters, and its reading."""

    parameters: dict[str, object]
    running: Collection[UUID]
    has_suspect: bool
    now: float
    leased_until: float
    tracer: Tracer | None
    begun_ns: int

    def claims(self, rows: Iterable[asyncpg.Record]) -> list[Claim]:
        """Read, log and count what the statement took."""
        claims = [self._claim(row) for row in rows]
        if self.tracer is None or not claims:
            return claims
        return traced(self.tracer, claims, begun_ns=self.begun_ns)

    def _claim(self, row: asyncpg.Record) -> Claim:
        claim = Claim.from_row(row, leased_until=self.leased_until)
        _claimed("takeover" if row["is_takeover"] else "ordinary").inc()
        log.info(
            "request_claimed",
            request_id=str(claim.request_id),
            trace_id=claim.trace_id,
            epoch=claim.epoch,
            missing=claim.requested_count - len(claim.recorded),
            crashes=claim.crashes,
        )
        return claim


class Claims:
    """The claims of one process.

    The caller starts what it gets before it awaits anything else: from the slots the next statement
    learns what is being worked on.
    """

    def __init__(
        self,
        database: Database,
        *,
        claimant: Claimant,
        slots: Slots,
        breakers: Breakers,
        tracer: Tracer | None = None,
    ) -> None:
        self.database = database
        self._tracer = tracer
        self._claimant = claimant
        self._slots = slots
        self._breakers = breakers
        self._one_at_a_time = asyncio.Lock()

    async def claim(self, request_ids: Collection[UUID]) -> Claimed:
        """Claim the requests that messages name, where they wait for a worker.

        Raises:
            DatabaseUnavailable: some may be claimed; the same call again finds out.
        """
        if not request_ids:
            return Claimed()
        async with self.turn() as turn:
            asked = [i for i in dict.fromkeys(request_ids) if i not in turn.running]
            if not asked:
                return Claimed()
            rows = await CLAIM.fetch(
                self.database,
                **turn.parameters,
                **columns_of(self._breakers.blocked(turn.now)),
                request_ids=asked,
                suspect_crashes=SUSPECT_CRASHES,
            )
            return Claimed(
                turn.claims(row for row in rows if row["id"] is not None),
                frozenset(row["asked_id"] for row in rows if not row["is_known"]),
            )

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Turn]:
        """Wait until no other claiming statement of this process is under way."""
        async with self._one_at_a_time:
            # Read after the wait: what another statement has taken is being worked on by now.
            now, claimant = time.monotonic(), self._claimant
            yield Turn(
                parameters={
                    "owner": claimant.owner,
                    "lease_seconds": claimant.lease_seconds,
                    "entity_types": claimant.entity_types,
                    "providers": claimant.providers,
                    "default_provider": claimant.default_provider,
                    "uncharged": [*UNCHARGED],
                    "repetitions": [*REPETITIONS],
                },
                running=self._slots.ids(),
                has_suspect=self._slots.has_suspect,
                now=now,
                leased_until=now + claimant.lease_seconds,
                tracer=self._tracer,
                begun_ns=time.time_ns(),
            )

    async def close(self) -> None:
        """Wait for the claim that is under way and let none follow it."""
        await self._one_at_a_time.acquire()


def columns_of(circuits: Sequence[Circuit]) -> dict[str, list[str | None]]:
    """Return circuits as the parameters of `IS_BLOCKED`."""
    return {
        "blocked_providers": [circuit.provider for circuit in circuits],
        "blocked_models": [circuit.model for circuit in circuits],
    }
