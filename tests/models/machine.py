"""The machine of the state machine: a database, a few workers, and what holds after every move."""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString, TypeVar
from uuid import UUID

import asyncpg
from hypothesis.stateful import RuleBasedStateMachine, invariant

from shared.kafka.clients import KafkaClients
from shared.kafka.publisher import Publisher
from shared.outbox import Relay
from shared.postgres.database import Database
from tests.models import statements
from tests.models.model import KNOWN, Model
from tests.support import invariants
from tests.support.requests import EVENTS, Claimer, a_failure, recorded
from worker_service.claims.claim import Claim
from worker_service.claims.run import Run
from worker_service.claims.slots import Slots
from worker_service.outcome import Succeeded
from worker_service.settlement.record import AlreadyFinal, Answer, Stale
from worker_service.settlement.settle import Recorded

T = TypeVar("T")

WORKERS = 3
LEASE_SECONDS = 0.5
"""How long the server must be up before a takeover; leases are held and expired by SQL."""

ANSWERS = {Recorded: "recorded", AlreadyFinal: "final", Stale: "stale"}
VISIBLE = (
    "status",
    "round",
    "generated_count",
    "failed_count",
    "started_at",
    "completed_at",
    "error_code",
    "error_message",
    "provider",
)


@dataclass(frozen=True)
class Pick:
    """A choice among candidates that are known only when it is made.

    A race changes which they are, and must not change what Hypothesis draws next.
    """

    number: int

    def of(self, candidates: Sequence[T]) -> T:
        return candidates[self.number % len(candidates)]


class Machine(RuleBasedStateMachine):
    """Requests in PostgreSQL and their models; `done` counts the moves by name."""

    def __init__(
        self, database: Database, loop: asyncio.AbstractEventLoop, done: Counter[str]
    ) -> None:
        super().__init__()
        self.database = database
        self.relay = Relay(database, Publisher(KafkaClients("127.0.0.1:1", "test")))
        self.workers = [self.a_worker() for _ in range(WORKERS)]
        self.models: dict[UUID, Model] = {}
        self.claims: list[Claim] = []
        self.done = done
        self._loop = loop
        self._rows: dict[UUID, asyncpg.Record] = {}
        self.execute(statements.EMPTY)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(coroutine)

    def execute(self, statement: LiteralString, *arguments: object) -> None:
        self.run(self.database.execute(statement, *arguments))

    def a_worker(self) -> Claimer:
        return Claimer(self.database, entity_types=[KNOWN], lease_seconds=LEASE_SECONDS)

    def runs_of(self, worker: Claimer) -> Slots:
        """Return what a worker believes that it works on."""
        newest = {claim.request_id: claim for claim in worker.started}
        slots = Slots(len(newest))
        for request_id in sorted(worker.running):
            slots.add(Run.of(newest[request_id]))
        return slots

    def ended(self, claim: Claim) -> None:
        """Let the worker that works on a claim forget it."""
        for worker in self.workers:
            if self.runs_of(worker).find(claim.request_id, claim.epoch):
                worker.running.discard(claim.request_id)

    def open_requests(self) -> list[UUID]:
        return [request_id for request_id, model in self.models.items() if not model.is_final]

    def likely_requests(self) -> list[UUID]:
        """Return every request, the open ones as often as all together."""
        return _with_more(self.open_requests(), [*self.models])

    def likely_claims(self) -> list[Claim]:
        """Return every claim that was ever made, those that hold a lease as often as all."""
        held = [c for c in self.claims if self.models[c.request_id].is_held(c.epoch)]
        return _with_more(held, self.claims)

    def claimed(self, worker: Claimer) -> list[UUID]:
        """Move the models of what a worker was just given, and return their ids."""
        new = [
            claim for claim in worker.started if claim.epoch > self.models[claim.request_id].epoch
        ]
        for claim in new:
            model = self.models[claim.request_id]
            self.done["taken over"] += model.owner not in (None, worker.owner)
            self.done["taken again"] += model.owner == worker.owner
            model.claim(worker.owner)
            assert (claim.epoch, claim.round) == (model.epoch, model.round)
            assert sorted(claim.recorded) == sorted(model.items)
            assert claim.crashes == model.crashes
        self.execute(statements.HOLD_LEASES, [claim.request_id for claim in new])
        self.claims += new
        return [claim.request_id for claim in new]

    async def recorded(self, claim: Claim, ordinal: int, entity: str | None) -> Answer:
        entity_id = f"{claim.request_id}/{ordinal}/{entity}"
        outcome = Succeeded(entity={"id": entity_id}, attempts=1) if entity else a_failure()
        return await recorded(self.database, claim, ordinal, outcome)

    @invariant()
    def the_invariants_hold(self) -> None:
        self.run(invariants.check(self.database))

    @invariant()
    def postgresql_agrees_with_the_model(self) -> None:
        rows = self.run(self.database.fetch(statements.SNAPSHOT, EVENTS))
        assert {row["id"]: statements.model_of(row) for row in rows} == self.models
        for row in rows:
            model = self.models[row["id"]]
            assert (row["generated_count"], row["failed_count"]) == (model.generated, model.failed)
            self.done[model.status] += 1
            self._compare_with_before(row)

    def _compare_with_before(self, row: asyncpg.Record) -> None:
        before, self._rows[row["id"]] = self._rows.get(row["id"], row), row
        seen, sees = ([snapshot[name] for name in VISIBLE] for snapshot in (before, row))
        if before["completed_at"] and before["round"] == row["round"]:
            assert (sees, row["version"]) == (seen, before["version"]), "final, and yet it changed"
        elif sees != seen:
            assert row["version"] > before["version"], "a change without a new version"
        else:
            assert row["version"] >= before["version"]


def _with_more(some: list[T], every: list[T]) -> list[T]:
    return [*every, *some * (len(every) // len(some))] if some else every
