"""Every move of a request, by several workers in any order, on PostgreSQL and on the model."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from api_service.generation_requests.columns import NewRequest
from api_service.generation_requests.submit import Submissions
from tests.models import statements
from tests.models.machine import Pick
from tests.models.model import KNOWN, UNKNOWN, Model
from tests.models.work import A_PICK, HOUR, MOSTLY, Work
from tests.support.maintenance import settle_all_due
from tests.support.requests import KAFKA_NAMES

MOST_OPEN_REQUESTS = 3
A_COUNT = st.integers(1, 4)


class Rules(Work):
    """The rules of the callers, the clock and the sweeps, beside those of the workers."""

    # Callers and operators

    @initialize(count=A_COUNT)
    def begin_with_a_claimed_request(self, count: int) -> None:
        self._accept(count, KNOWN)
        self.deliver(0, Pick(0))

    @rule(count=A_COUNT, entity_type=st.sampled_from([KNOWN, KNOWN, UNKNOWN]))
    def accept(self, count: int, entity_type: str) -> None:
        if len(self.open_requests()) < MOST_OPEN_REQUESTS:
            self._accept(count, entity_type)

    def _accept(self, count: int, entity_type: str) -> None:
        new = NewRequest(
            entity_type=entity_type,
            requested_count=count,
            constraints={},
            traceparent="00-1-1-00",
        )
        submissions = Submissions(
            self.database, self.relay, topics=KAFKA_NAMES.topics, deadline_seconds=HOUR
        )
        request_id = self.run(submissions.submit(new)).request_id
        self.models[request_id] = Model(count=count, entity_type=entity_type)

    @rule(request=A_PICK)
    def reopen(self, request: Pick) -> None:
        request_id = request.of(self.likely_requests())
        model = self.models[request_id]
        before, round_before = model.status, model.round

        self.execute(statements.REOPEN, request_id)

        model.reopen()
        self.done[f"{before} re-opened"] += model.round - round_before

    # The clock

    @rule(request=A_PICK)
    def lease_expires(self, request: Pick) -> None:
        if leased := [i for i, model in self.models.items() if model.owner]:
            self.expire(request.of(leased))

    @rule(is_swept=MOSTLY)
    def ten_minutes_pass(self, *, is_swept: bool) -> None:
        self.execute(statements.WAIT_TEN_MINUTES)
        for model in self.models.values():
            model.wait()
        if is_swept:
            self.sweep(may_take_over=True)

    @rule(request=A_PICK, is_cancelled=st.booleans())
    def is_cancelled_or_overdue(self, request: Pick, *, is_cancelled: bool) -> None:
        request_id = request.of([*self.models])
        if is_cancelled:
            self.execute(statements.CANCEL, request_id)
            self.models[request_id].cancel()
        else:
            self.execute(statements.MISS_DEADLINE, request_id)
            self.models[request_id].is_overdue = True

    # Sweeps

    @rule(may_take_over=MOSTLY)
    def sweep(self, *, may_take_over: bool) -> None:
        until = datetime.now(UTC) + timedelta(hours=1) if may_take_over else None
        verdicts = [(m, m.verdict(may_take_over=may_take_over)) for m in self.models.values()]
        failing = [(model, code) for model, code in verdicts if code]
        settled = settle_all_due(
            self.database, take_over_until=until, entity_types=[KNOWN], relay=self.relay
        )

        assert self.run(settled) == len(failing)

        for model, code in failing:
            self.done[code] += 1
            model.dead_letter_request()

    @rule()
    def relay_sweeps(self) -> None:
        self.execute(statements.OUTBOX_IS_DUE)
        self.run(self.relay.sweep())
        for model in self.models.values():
            model.drop_stale_dispatches()
