import pytest

from shared.errors import ErrorCode
from worker_service.generation.retry_policy import RetryPolicy
from worker_service.outcome import Deferred, Failed
from worker_service.providers import InvalidOutput, PermanentError, ProtocolMismatch, TransientError

POLICY = RetryPolicy(call_attempts=4, invalid_output_attempts=3, first_wait=1.0, longest_wait=30.0)


def a_transient(*, retry_after: float | None = None) -> TransientError:
    return TransientError(ErrorCode.RATE_LIMITED, "slow down", retry_after=retry_after)


def a_permanent() -> PermanentError:
    return PermanentError(ErrorCode.REFUSED, "no")


@pytest.mark.parametrize(
    ("error", "calls"),
    [
        (a_transient(), 4),
        (InvalidOutput("no JSON"), 3),
        (ProtocolMismatch("no choices"), 3),
        (a_permanent(), 1),
    ],
)
def test_each_kind_of_failure_has_its_number_of_calls(error, calls):
    made = 1
    while POLICY.repeats(error, calls=made):
        made += 1

    assert made == calls


@pytest.mark.parametrize(("wish", "is_repeated"), [(60.0, True), (60.1, False)])
def test_a_wish_for_more_than_the_cap_is_not_waited_for(wish: float, is_repeated: bool):  # noqa: FBT001
    assert POLICY.repeats(a_transient(retry_after=wish), calls=1) is is_repeated


def test_an_exception_that_nobody_declared_is_not_repeated():
    assert not POLICY.repeats(KeyError("x"), calls=1)


def test_waits_grow_up_to_their_bound(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("random.uniform", lambda _, longest: longest)

    assert [POLICY.wait(a_transient(), calls=calls) for calls in (1, 2, 3, 9)] == [1, 2, 4, 30]


def test_two_workers_do_not_come_back_together():
    assert len({POLICY.wait(a_transient(), calls=3) for _ in range(20)}) > 10


@pytest.mark.parametrize(("wish", "at_least"), [(0.0, 0.0), (7.0, 7.0), (86_400.0, 60.0)])
def test_a_providers_wish_is_honoured_up_to_a_cap(wish, at_least):
    wait = POLICY.wait(a_transient(retry_after=wish), calls=1)

    assert at_least <= wait <= at_least + POLICY.first_wait


def test_output_that_fits_no_schema_is_asked_for_again_at_once():
    assert POLICY.wait(InvalidOutput("no JSON"), calls=2) == 0


def test_a_transient_failure_that_outlives_its_calls_defers_the_item():
    outcome = POLICY.outcome(a_transient(retry_after=20), calls=4)

    assert isinstance(outcome, Deferred)
    assert 20 <= outcome.retry_after <= 30


@pytest.mark.parametrize("error", [InvalidOutput("no JSON"), a_permanent()])
def test_any_other_failure_fails_the_item_with_its_code(error):
    outcome = POLICY.outcome(error, calls=2)

    assert outcome == Failed(code=error.code, message=str(error), attempts=2)


def test_an_answer_that_cannot_be_read_is_asked_for_after_a_pause():
    waits = [POLICY.wait(ProtocolMismatch("no choices"), calls=2) for _ in range(50)]

    assert 0 < max(waits) <= 2.0
    assert POLICY.wait(InvalidOutput("no JSON"), calls=2) == 0.0
