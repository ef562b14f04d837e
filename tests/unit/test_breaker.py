from shared.errors import ErrorCode
from worker_service.breaker import BreakerPolicy, Circuit, State

POLICY = BreakerPolicy(failures=3, first_seconds=10.0, longest_seconds=60.0)
DOWN, AUTH = ErrorCode.PROVIDER_UNAVAILABLE, ErrorCode.AUTH


def a_circuit() -> Circuit:
    return Circuit(provider="demo", model=None, policy=POLICY)


def an_open_circuit(*, at: float = 0.0) -> Circuit:
    circuit = a_circuit()
    circuit.failed(AUTH, now=at)
    return circuit


def test_it_opens_after_failures_in_a_row():
    circuit = a_circuit()
    for _ in range(2):
        circuit.failed(DOWN, now=0)
    assert circuit.state(0) is State.CLOSED

    circuit.failed(DOWN, now=0)

    assert circuit.state(0) is State.OPEN


def test_an_answer_between_failures_keeps_it_closed():
    circuit = a_circuit()
    for _ in range(5):
        circuit.failed(DOWN, now=0)
        circuit.failed(DOWN, now=0)
        circuit.answered()

    assert circuit.state(0) is State.CLOSED


def test_a_refused_credential_opens_it_at_once():
    assert an_open_circuit().state(0) is State.OPEN


def test_an_open_circuit_lets_nothing_through_and_says_why():
    refusal = an_open_circuit().admit(3.0)

    assert refusal is not None
    assert (refusal.code, refusal.retry_after) == (AUTH, 10.0)


def test_after_its_time_it_lets_one_probe_through():
    circuit = an_open_circuit()
    assert circuit.wants_probe(10.0)

    assert circuit.admit(10.0) is None
    assert circuit.admit(10.0) is not None
    assert not circuit.wants_probe(10.0)


def test_an_answer_to_the_probe_closes_it():
    circuit = an_open_circuit()
    circuit.admit(10.0)

    circuit.answered()

    assert circuit.state(10.0) is State.CLOSED
    assert circuit.admit(10.0) is None


def test_a_failed_probe_opens_it_for_twice_as_long_up_to_a_limit():
    circuit, now, closed_for = an_open_circuit(), 0.0, []
    for _ in range(4):
        begun = now
        while circuit.state(now) is State.OPEN:
            now += 1.0
        closed_for.append(now - begun)
        circuit.admit(now)
        circuit.failed(DOWN, now=now)

    assert closed_for == [10.0, 20.0, 40.0, 60.0]


def test_an_abandoned_probe_leaves_room_for_another():
    circuit = an_open_circuit()
    circuit.admit(10.0)

    circuit.abandoned()

    assert circuit.admit(10.0) is None


def test_calls_that_were_under_way_when_it_opened_do_not_keep_it_open_longer():
    circuit = an_open_circuit(at=0.0)

    for _ in range(20):
        circuit.failed(DOWN, now=1.0)

    assert circuit.state(10.0) is State.HALF_OPEN
