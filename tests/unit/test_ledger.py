"""The comparison of calls that were served with those that are recorded, without a server."""

from collections.abc import Collection
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from tests.support.invariants.ledger import (
    LAST_TRY_SECONDS,
    LONGEST_CALL_SECONDS,
    RECORDED_WITHIN_SECONDS,
    Comparison,
    Ledger,
    Outage,
    ProcessEnd,
    Row,
    compare,
)
from tests.support.model_server import Call, Item

ITEM = Item("request-1", 0)
CALL = Call(worker="worker-0", item=ITEM, at=10.0, process=7)
ROW = Row(request_id="r1", item=ITEM, outcome="ok")
KILL = ProcessEnd(worker="worker-0", process=7, at=12.0, was_killed=True)
DRAIN = replace(KILL, was_killed=False)


def compared(
    *served: Call,
    rows: dict[UUID, Row] | None = None,
    answered_at: float | None = 11.0,
    end: ProcessEnd | None = None,
    outages: Collection[Outage] = (),
    given_up_at: float | None = None,
) -> Comparison:
    return compare(
        served,
        Ledger(rows=rows or {}, request_ids={"request-1": "r1"}),
        answered_at={} if answered_at is None else {call.call_id: answered_at for call in served},
        ends=[] if end is None else [end],
        outages=outages,
        given_up={} if given_up_at is None else {call.call_id: given_up_at for call in served},
    )


def test_calls_that_are_recorded_one_by_one_agree():
    other = replace(CALL, call_id=uuid4())

    found = compared(CALL, other, rows={CALL.call_id: ROW, other.call_id: ROW})

    assert found == Comparison(served=2, recorded=2, in_flight=[], violations=[])


def test_the_row_of_another_call_for_the_same_item_makes_good_for_none():
    found = compared(CALL, rows={uuid4(): replace(ROW, outcome="cancelled")})

    assert (found.recorded, len(found.violations)) == (0, 1)


def test_a_call_in_flight_at_a_kill_is_named():
    found = compared(CALL, end=KILL)

    assert found.in_flight == [
        "request r1, ordinal 0, worker-0, 00:00:10.000, killed at 00:00:12.000"
    ]
    assert not found.violations


@pytest.mark.parametrize(
    ("answered_at", "end"),
    [
        pytest.param(11.0, None, id="the worker lives"),
        pytest.param(11.0, replace(KILL, worker="worker-1"), id="another worker was killed"),
        pytest.param(11.0, replace(KILL, process=8), id="another process of it was killed"),
        pytest.param(11.0, DRAIN, id="it left in order"),
        pytest.param(
            11.0, replace(KILL, at=11.1 + RECORDED_WITHIN_SECONDS), id="answered long before"
        ),
        pytest.param(
            None,
            replace(KILL, at=10.1 + LONGEST_CALL_SECONDS + RECORDED_WITHIN_SECONDS),
            id="never answered, and timed out long before",
        ),
    ],
)
def test_any_other_call_without_a_row_is_a_violation(
    answered_at: float | None, end: ProcessEnd | None
):
    found = compared(CALL, answered_at=answered_at, end=end)

    assert found.violations == [
        "request r1, ordinal 0, worker-0, 00:00:10.000, was served and never recorded"
    ]
    assert not found.in_flight


@pytest.mark.parametrize(
    ("outages", "is_named"),
    [
        pytest.param([Outage(11.5, 39.0)], True, id="from the answer to the kill"),
        pytest.param([Outage(11.5, 20.0), Outage(21.0, 39.0)], True, id="with a short pause"),
        pytest.param([Outage(11.5, 30.0)], False, id="over long before the kill"),
        pytest.param([Outage(20.0, 39.0)], False, id="begun long after the answer"),
        pytest.param([Outage(11.5, 39.0, "worker-1")], False, id="of another worker"),
    ],
)
def test_a_kill_during_an_outage_may_lose_what_was_answered_in_the_outage(
    outages: list[Outage], *, is_named: bool
):
    found = compared(CALL, end=replace(KILL, at=40.0), outages=outages)

    assert (len(found.in_flight), len(found.violations)) == ((1, 0) if is_named else (0, 1))


WHOLE_DRAIN = Outage(11.5, 40.0)


def test_a_call_that_a_drain_without_postgresql_gives_up_is_named():
    found = compared(
        CALL, end=replace(DRAIN, at=45.0), outages=[WHOLE_DRAIN], given_up_at=WHOLE_DRAIN.until
    )

    [named] = found.in_flight
    assert named.endswith("given up without PostgreSQL, left at 00:00:45.000")
    assert not found.violations


@pytest.mark.parametrize(
    ("outages", "given_up_at"),
    [
        pytest.param([WHOLE_DRAIN], None, id="its log does not give it up"),
        pytest.param([], 40.0, id="PostgreSQL answered"),
        pytest.param(
            [WHOLE_DRAIN], 40.1 + LAST_TRY_SECONDS, id="PostgreSQL answered before the last try"
        ),
        pytest.param(
            [Outage(11.1 + RECORDED_WITHIN_SECONDS, 40.0)],
            40.0,
            id="PostgreSQL answered after the call",
        ),
        pytest.param(
            [Outage(11.5, 20.0), Outage(20.1 + LAST_TRY_SECONDS, 40.0)],
            40.0,
            id="PostgreSQL answered between two outages",
        ),
        pytest.param([replace(WHOLE_DRAIN, worker="worker-1")], 40.0, id="only another met it"),
    ],
)
def test_any_other_call_that_a_drain_loses_is_a_violation(
    outages: list[Outage], given_up_at: float | None
):
    found = compared(CALL, end=replace(DRAIN, at=45.0), outages=outages, given_up_at=given_up_at)

    assert (len(found.in_flight), len(found.violations)) == (0, 1)


@pytest.mark.parametrize(
    ("row", "violations"),
    [
        (ROW, 1),
        (replace(ROW, outcome="timeout", error_message="no answer in time"), 1),
        (replace(ROW, outcome="cancelled"), 0),
        (replace(ROW, outcome="provider_unavailable", error_message="ConnectError('')"), 0),
    ],
    ids=["ok", "timeout", "cancelled", "connection refused"],
)
def test_a_recorded_call_was_served_unless_it_never_reached_the_model(row: Row, violations: int):
    assert len(compared(rows={uuid4(): row}).violations) == violations


def test_a_call_is_recorded_for_the_item_that_it_was_made_for():
    found = compared(CALL, rows={CALL.call_id: replace(ROW, item=Item("request-1", 1))})

    assert len(found.violations) == 1
