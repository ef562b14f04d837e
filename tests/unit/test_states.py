"""The states of a request, as every other copy of the list has them."""

from schemas.states import FINAL, Priority, Status
from worker_service.claims.scheduler import WEIGHTS


def test_all_but_two_states_are_final():
    assert set(Status) - {Status.PENDING, Status.PROCESSING} == FINAL


def test_each_priority_has_a_weight():
    assert WEIGHTS == {Priority.HIGH: 6, Priority.NORMAL: 3, Priority.LOW: 1}
