"""What workers do with requests, on PostgreSQL and on the model."""

import asyncio
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.models.machine import ANSWERS, WORKERS, Machine, Pick
from tests.support.requests import Claimer, expire_lease
from worker_service.claims.claim import SUSPECT_CRASHES, Claim
from worker_service.claims.lease import Leases
from worker_service.claims.release import release
from worker_service.claims.rescue import PENDING_SECONDS
from worker_service.maintenance.exhausted_releases import RELEASE_LIMIT
from worker_service.settlement.record import Answer
from worker_service.settlement.settle import Recorded

HOUR = 3600

A_PICK = st.builds(Pick, st.integers(0, 10_000))
A_WORKER = st.integers(0, WORKERS - 1)
AN_ORDINAL = st.integers(0, 3)
AN_ENTITY = st.sampled_from(["one", "another", None, None])
"""The id of the entity that an attempt made; None where it failed."""
MOSTLY = st.sampled_from([True, True, False])


class Work(Machine):
    """Claim, record, release, renew, die: each by the product, and the same move by the model."""

    # Workers claim

    @rule(number=A_WORKER, request=A_PICK)
    def deliver(self, number: int, request: Pick) -> None:
        worker, request_id = self.workers[number], request.of(self.likely_requests())
        is_for = self._is_for_message(worker, request_id)

        assert self.run(worker.take(request_id)) == frozenset()

        assert self.claimed(worker) == [request_id] * is_for

    @rule(request=A_PICK)
    def deliver_to_all_at_once(self, request: Pick) -> None:
        request_id = request.of(self.likely_requests())
        may = {w.owner for w in self.workers if self._is_for_message(w, request_id)}

        async def race() -> None:
            await asyncio.gather(*(worker.take(request_id) for worker in self.workers))

        self.run(race())

        winners = {worker.owner for worker in self.workers if self.claimed(worker)}
        assert len(winners) == bool(may)
        assert winners <= may

    def _is_for_message(self, worker: Claimer, request_id: UUID) -> bool:
        model = self.models[request_id]
        return model.is_for_message(worker.owner, runs=request_id in worker.running)

    @rule(number=A_WORKER, may_take_over=MOSTLY, takes_young=MOSTLY)
    def claim_any(self, number: int, *, may_take_over: bool, takes_young: bool) -> None:
        worker = self.workers[number]
        ordinary = {
            request_id
            for request_id, model in self.models.items()
            if model.is_for_claim_any(
                worker.owner,
                runs=request_id in worker.running,
                may_take_over=may_take_over,
                takes_young=takes_young,
            )
        }
        suspects = {
            request_id
            for request_id, model in self.models.items()
            if model.is_suspect_for(worker.owner, may_take_over=may_take_over)
        }
        takes_suspect_back = any(self.models[i].crashes >= SUSPECT_CRASHES for i in ordinary)
        may_take_suspect = not worker.has_suspect and not takes_suspect_back
        pending_seconds = 0 if takes_young else PENDING_SECONDS

        self.run(worker.claim_any(may_take_over=may_take_over, pending_seconds=pending_seconds))

        taken = set(self.claimed(worker))
        assert ordinary <= taken <= ordinary | suspects
        assert len(taken - ordinary) == (may_take_suspect and bool(suspects))

    # Workers work

    @rule(pick=A_PICK, ordinal=AN_ORDINAL, entity=AN_ENTITY)
    def record(self, pick: Pick, ordinal: int, entity: str | None) -> None:
        claim = pick.of(self.likely_claims())
        self._record([ordinal % claim.requested_count], claim, entity)

    @rule(pick=A_PICK, entity=AN_ENTITY)
    def record_again(self, pick: Pick, entity: str | None) -> None:
        claim = pick.of(self.likely_claims())
        if recorded := sorted(self.models[claim.request_id].items):
            self._record(recorded[:1], claim, entity)

    @rule(pick=A_PICK, most=st.integers(1, 3))
    def record_at_once(self, pick: Pick, most: int) -> None:
        claim = pick.of(self.likely_claims())
        model = self.models[claim.request_id]
        missing = [n for n in range(model.count) if n not in model.items]
        self._record(missing[:most], claim, "one")

    def _record(self, ordinals: list[int], claim: Claim, entity: str | None) -> None:
        model = self.models[claim.request_id]
        is_late, settled_before = not model.is_held(claim.epoch), len(model.events)

        async def race() -> list[Answer]:
            return await asyncio.gather(*(self.recorded(claim, n, entity) for n in ordinals))

        answers = self.run(race())

        for ordinal, answer in zip(ordinals, answers, strict=True):
            said = ANSWERS[type(answer)]
            assert said == model.record(claim.epoch, ordinal, entity)
            self.done[f"late {said}" if is_late else said] += 1
        settlements = [a for a in answers if isinstance(a, Recorded) and a.settlement]
        assert len(settlements) == len(model.events) - settled_before

    @rule(
        pick=A_PICK,
        counted=st.sampled_from([0, 1, RELEASE_LIMIT, RELEASE_LIMIT]),
        after_seconds=st.sampled_from([0, 60]),
    )
    def release(self, pick: Pick, counted: int, after_seconds: int) -> None:
        claim = pick.of(self.likely_claims())
        self.run(release(self.database, claim, after_seconds=after_seconds, counted=counted))
        model = self.models[claim.request_id]
        model.release(claim.epoch, counted=counted, is_due=not after_seconds)
        self.ended(claim)

    @rule(number=A_WORKER)
    def heartbeat(self, number: int) -> None:
        slots = self.runs_of(self.workers[number])

        self.run(Leases(self.database, slots, lease_seconds=HOUR).renew())

        for run in slots:
            model = self.models[run.claim.request_id]
            model.beat(run.claim.epoch)
            if model.is_held(run.claim.epoch):
                assert run.recorded == set(model.items)

    @rule(number=A_WORKER)
    def lost_leases_are_noticed(self, number: int) -> None:
        slots = self.runs_of(self.workers[number])

        self.run(Leases(self.database, slots, lease_seconds=HOUR).abort_lost())

        for run in slots:
            assert run.is_stopping is not self.models[run.claim.request_id].is_held(run.claim.epoch)
            if run.is_stopping:
                self.ended(run.claim)

    @rule(pick=A_PICK)
    def reply_is_lost(self, pick: Pick) -> None:
        self.ended(pick.of(self.likely_claims()))

    @rule(number=A_WORKER, is_killed=st.booleans())
    def worker_is_lost(self, number: int, *, is_killed: bool) -> None:
        """Kill a worker, or freeze it until its leases have expired: it goes on as a zombie."""
        lost = self.workers[number]
        for request_id, model in self.models.items():
            if model.owner == lost.owner:
                self.expire(request_id)
        if is_killed:
            self.workers[number] = self.a_worker()

    @rule(number=A_WORKER, times=st.sampled_from([3, 3, 2, 1]), is_killed=st.booleans())
    def workers_are_lost_with_what_they_take(
        self, number: int, times: int, *, is_killed: bool
    ) -> None:
        for lost in range(number, number + times):
            self.claim_any(lost % WORKERS, may_take_over=True, takes_young=True)
            self.worker_is_lost(lost % WORKERS, is_killed=is_killed)

    def expire(self, request_id: UUID) -> None:
        self.run(expire_lease(self.database, request_id))
        self.models[request_id].is_expired = True
