from collections.abc import Callable

import pytest

from shared.errors import ErrorCode
from worker_service.claims.circuit import (
    Admission,
    BreakerPolicy,
    Breakers,
    Circuit,
    Refusal,
    State,
)

POLICY = BreakerPolicy(failures=3, first_seconds=10.0, longest_seconds=60.0)
DOWN, AUTH = ErrorCode.PROVIDER_UNAVAILABLE, ErrorCode.AUTH


def a_circuit() -> Circuit:
    return Circuit(provider="demo", model=None, policy=POLICY)


def an_open_circuit(*, at: float = 0.0) -> Circuit:
    circuit = a_circuit()
    circuit.refused(admitted(circuit, at), AUTH, now=at)
    return circuit


def admitted(circuit: Circuit, now: float = 0.0) -> Admission:
    admission = circuit.admit(now)
    assert isinstance(admission, Admission)
    return admission


def _refused(circuit: Circuit, now: float) -> Refusal:
    refusal = circuit.admit(now)
    assert isinstance(refusal, Refusal)
    return refusal


def test_it_opens_after_failures_in_a_row():
    circuit = a_circuit()
    for _ in range(2):
        circuit.failed(admitted(circuit), DOWN, now=0)
    assert circuit.state(0) is State.CLOSED

    circuit.failed(admitted(circuit), DOWN, now=0)

    assert circuit.state(0) is State.OPEN


def test_an_answer_between_failures_keeps_it_closed():
    circuit = a_circuit()
    for _ in range(5):
        circuit.failed(admitted(circuit), DOWN, now=0)
        circuit.failed(admitted(circuit), DOWN, now=0)
        circuit.answered(admitted(circuit), now=0)

    assert circuit.state(0) is State.CLOSED


def test_a_refused_credential_opens_it_at_once():
    assert an_open_circuit().state(0) is State.OPEN


def test_an_open_circuit_lets_nothing_through_and_says_why():
    refusal = _refused(an_open_circuit(), 3.0)

    assert (refusal.code, refusal.retry_after) == (AUTH, 10.0)


def test_after_its_time_it_lets_one_probe_through():
    circuit = an_open_circuit()
    assert circuit.wants_probe(10.0)

    admitted(circuit, 10.0)
    _refused(circuit, 10.0)
    assert not circuit.wants_probe(10.0)


def test_an_answer_to_the_probe_closes_it():
    circuit = an_open_circuit()
    probe = admitted(circuit, 10.0)

    circuit.answered(probe, now=11.0)

    assert circuit.state(11.0) is State.CLOSED
    assert circuit.closed_at == 11.0
    admitted(circuit, 11.0)
    admitted(circuit, 11.0)


def test_a_failed_probe_opens_it_for_twice_as_long_up_to_a_limit():
    circuit, now, closed_for = an_open_circuit(), 0.0, []
    for _ in range(4):
        begun = now
        while circuit.state(now) is State.OPEN:
            now += 1.0
        closed_for.append(now - begun)
        circuit.failed(admitted(circuit, now), DOWN, now=now)

    assert closed_for == [10.0, 20.0, 40.0, 60.0]


def test_an_abandoned_probe_leaves_room_for_another():
    circuit = an_open_circuit()

    circuit.abandoned(admitted(circuit, 10.0))

    admitted(circuit, 10.0)


def test_calls_that_were_under_way_when_it_opened_do_not_keep_it_open_longer():
    circuit = a_circuit()
    under_way = [admitted(circuit) for _ in range(20)]
    circuit.refused(admitted(circuit), AUTH, now=0)

    for admission in under_way:
        circuit.failed(admission, DOWN, now=1.0)

    assert circuit.state(10.0) is State.HALF_OPEN


@pytest.mark.parametrize(
    "end",
    [
        lambda circuit, old: circuit.abandoned(old),
        lambda circuit, old: circuit.failed(old, DOWN, now=10.0),
        lambda circuit, old: circuit.answered(old, now=10.0),
    ],
    ids=["abandoned", "failed", "answered"],
)
def test_an_attempt_from_before_it_opened_does_not_end_the_probe(
    end: Callable[[Circuit, Admission], None],
):
    circuit = a_circuit()
    old = admitted(circuit)
    circuit.refused(admitted(circuit), AUTH, now=0)
    probe = admitted(circuit, 10.0)

    end(circuit, old)

    assert not circuit.is_current(old)
    assert circuit.is_current(probe)
    _refused(circuit, 10.0)


def test_an_attempt_from_before_it_closed_does_not_open_it_again():
    circuit = an_open_circuit()
    lost = admitted(circuit, 10.0)
    circuit.abandoned(lost)
    circuit.answered(admitted(circuit, 10.0), now=11.0)

    circuit.refused(lost, AUTH, now=12.0)

    assert circuit.state(12.0) is State.CLOSED


def test_no_second_probe_is_wanted_while_the_first_is_on_its_way():
    circuit = an_open_circuit()

    circuit.probe_claimed(10.0)

    assert not circuit.wants_probe(19.0)
    assert circuit.wants_probe(20.0)


def test_a_failed_probe_may_be_followed_by_another_as_soon_as_its_time_is_over():
    circuit = an_open_circuit()
    circuit.probe_claimed(29.0)
    circuit.failed(admitted(circuit, 29.0), DOWN, now=29.0)

    assert not circuit.wants_probe(48.0)
    assert circuit.wants_probe(49.0)


def test_circuits_tell_whether_one_of_them_has_closed_lately():
    breakers = Breakers(POLICY)
    circuit = breakers.circuit("demo", credential="", model=None)
    circuit.refused(admitted(circuit), AUTH, now=0)
    assert not breakers.closed_since(0.0)

    circuit.answered(admitted(circuit, 10.0), now=11.0)

    assert breakers.closed_since(11.0)
    assert not breakers.closed_since(12.0)
