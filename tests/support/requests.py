"""Builders of rows and claims, with valid defaults."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any, cast
from uuid import UUID, uuid4

import asyncpg
from uuid_utils.compat import uuid7

from schemas.states import Priority
from shared.kafka.topics import Topics
from shared.postgres.database import Database
from tests.support.waiting import eventually
from worker_service.claims.circuit import BreakerPolicy, Breakers
from worker_service.claims.claim import Claim
from worker_service.claims.claims import Claimant, Claims
from worker_service.claims.rescue import PENDING_SECONDS, Rescue, Wanted
from worker_service.claims.run import Run
from worker_service.claims.slots import Slots
from worker_service.kafka_names import KafkaNames
from worker_service.outcome import Failed, Succeeded
from worker_service.settlement.record import AlreadyFinal, Answer, Busy, Result, Stale, record
from worker_service.settlement.settle import Recorded

KAFKA_NAMES = KafkaNames(topics=Topics.with_prefix(""), group_id="workers")
EVENTS = KAFKA_NAMES.topics.events
LEASE_SECONDS = 1.0


async def a_request(
    database: Database,
    *,
    count: int = 1,
    entity_type: str = "sentence",
    priority: str = "normal",
    age: float = 0.0,
    deadline_in: float = 3600.0,
    constraints: dict[str, Any] | None = None,
    provider: str | None = None,
) -> UUID:
    """Insert a pending request that was accepted `age` seconds ago, without a dispatch."""
    request_id = uuid7()
    await database.execute(
        """
        INSERT INTO generation_requests
            (id, entity_type, requested_count, priority, constraints, traceparent,
             requested_at, not_before, deadline_at, provider)
        VALUES ($1, $2, $3, $4, $5, '00-1-1-00',
                clock_timestamp() - make_interval(secs => $6),
                clock_timestamp() - make_interval(secs => $6),
                clock_timestamp() + make_interval(secs => $7), $8)""",
        request_id,
        entity_type,
        count,
        priority,
        json.dumps(constraints or {}),
        age,
        deadline_in,
        provider,
    )
    return request_id


def a_run(
    *,
    count: int = 3,
    recorded: frozenset[int] = frozenset(),
    priority: Priority = Priority.NORMAL,
    crashes: int = 0,
) -> Run:
    return Run.of(
        Claim(
            request_id=uuid4(),
            epoch=1,
            round=1,
            entity_type="sentence",
            constraints="{}",
            requested_count=count,
            recorded=recorded,
            provider="demo",
            model=None,
            traceparent="",
            priority=priority,
            crashes=crashes,
            leased_until=inf,
        )
    )


async def row_of(database: Database, request_id: UUID | str) -> asyncpg.Record:
    row = await database.fetchrow("SELECT * FROM generation_requests WHERE id = $1", request_id)
    assert row is not None
    return row


async def an_entity_made(
    database: Database, request_id: UUID, *, ordinal: int = 0, calls: int = 1
) -> None:
    """Insert an item as a worker that died afterwards has recorded it, with its calls."""
    await database.execute(
        """INSERT INTO generation_items (generation_request_id, ordinal, status, entity, attempts)
           VALUES ($1, $2, 'succeeded', '{"id": "1"}', $3)""",
        request_id,
        ordinal,
        calls,
    )
    await database.execute(
        """INSERT INTO provider_calls
               (generation_request_id, call_id, ordinal, round, epoch, provider, outcome, seconds,
                received_bytes)
           SELECT $1, gen_random_uuid(), $2, 1, 1, 'demo', 'ok', 1, 0
             FROM generate_series(1, $3)""",
        request_id,
        ordinal,
        calls,
    )


async def items_of(database: Database, request_id: UUID) -> dict[int, str]:
    rows = await database.fetch(
        """SELECT ordinal, status FROM generation_items
            WHERE generation_request_id = $1 ORDER BY ordinal""",
        request_id,
    )
    return {row["ordinal"]: row["status"] for row in rows}


async def topics_of_outbox(database: Database) -> list[str]:
    rows = await database.fetch("SELECT topic FROM outbox ORDER BY id")
    return [row["topic"] for row in rows]


async def expire_lease(database: Database, request_id: UUID) -> None:
    await database.execute(
        """UPDATE generation_requests SET lease_until = clock_timestamp() - interval '1 second'
            WHERE id = $1""",
        request_id,
    )


@dataclass
class Claimer:
    """A process that claims and never works: `started` is what it was given."""

    database: Database
    entity_types: Sequence[str] = ("sentence",)
    providers: Sequence[str] = ("demo",)
    lease_seconds: float = LEASE_SECONDS
    owner: UUID = field(default_factory=uuid4)
    started: list[Claim] = field(default_factory=list)
    running: set[UUID] = field(default_factory=set)
    breakers: Breakers = field(default_factory=lambda: Breakers(BreakerPolicy()))

    def __post_init__(self) -> None:
        claimant = Claimant(
            owner=self.owner,
            lease_seconds=self.lease_seconds,
            entity_types=self.entity_types,
            providers=self.providers,
            default_provider="demo",
        )
        self.claims = Claims(
            self.database, claimant=claimant, slots=cast("Slots", self), breakers=self.breakers
        )
        self.rescue = Rescue(self.claims, self.breakers)

    def _start(self, claims: Iterable[Claim]) -> None:
        for claim in claims:
            self.started.append(claim)
            self.running.add(claim.request_id)

    def ids(self) -> set[UUID]:
        return self.running

    @property
    def has_suspect(self) -> bool:
        newest = {claim.request_id: claim for claim in self.started}
        return any(newest[request_id].is_suspect for request_id in self.running)

    async def claim(self, *request_ids: UUID) -> Claim:
        """Claim requests and return the claim of the last that was got."""
        await self.take(*request_ids)
        return self.started[-1]

    async def take(self, *request_ids: UUID) -> frozenset[UUID]:
        """Claim requests and return the ids that name none."""
        claimed = await self.claims.claim(request_ids)
        self._start(claimed.claims)
        return claimed.unknown

    async def claim_any(self, limit: int = 100, **wanted: Any) -> list[UUID]:
        """Claim what no message brings and return the ids that were got."""
        before = len(self.started)
        async for claims in self.rescue.claim_any(limit, self.wanted(**wanted)):
            self._start(claims)
        return [claim.request_id for claim in self.started[before:]]

    def wanted(self, *, may_take_over: bool = True, **changes: Any) -> Wanted:
        """Want what waits for long, of every priority, and expired leases."""
        wanted: dict[str, Any] = {
            "priorities": [*Priority],
            "take_over_until": datetime.now(UTC) + timedelta(hours=may_take_over),
            "pending_seconds": PENDING_SECONDS,
        }
        return Wanted(**wanted | changes)


def a_success(text: str = "Nous lisons.") -> Succeeded:
    return Succeeded(entity={"id": str(uuid7()), "content": text}, attempts=1)


def a_failure(code: str = "invalid_output") -> Failed:
    return Failed(code=code, message="it would not fit", attempts=3)  # type: ignore[arg-type]


async def recorded(
    database: Database, claim: Claim, ordinal: int, outcome: Succeeded | Failed
) -> Recorded | AlreadyFinal | Stale:
    """Record a result, again and again while another session has the row of the request locked."""
    result = Result(claim=claim, ordinal=ordinal, outcome=outcome)

    async def answered() -> Answer | None:
        (answer,) = await record(database, [result], kafka_names=KAFKA_NAMES)
        return None if isinstance(answer, Busy) else answer

    answer: Recorded | AlreadyFinal | Stale = await eventually(answered)
    return answer


async def nearly_all_finished(database: Database) -> None:
    """Finish a thousand requests and have PostgreSQL take that for what it will always find."""
    await database.execute(
        """INSERT INTO generation_requests
               (id, entity_type, status, requested_count, traceparent, deadline_at, completed_at)
           SELECT gen_random_uuid(), 'sentence', 'cancelled', 1, '', now(), now()
             FROM generate_series(1, 1000)"""
    )
    await database.execute("ANALYZE generation_requests")
