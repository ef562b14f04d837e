"""The plan of a seed and the account of its calls: what `make chaos` decides without a server."""

import pytest

from tests.chaos.faults import FAULTS, pick
from tests.chaos.run import draw_plan
from tests.support.invariants.calls import Exposure, Recorded, waste
from tests.support.model_server import Call, Item, Script, Verdict

ITEM = Item("request-1", 0)


def test_a_seed_draws_the_same_plan_again():
    first, again = draw_plan(17), draw_plan(17)

    assert first.strikes == again.strikes
    assert first.load == again.load
    assert first.load.script_of(ITEM) == again.load.script_of(ITEM)


def test_seeds_differ():
    assert draw_plan(1).strikes != draw_plan(2).strikes


@pytest.mark.parametrize("faults", FAULTS)
def test_seeds_in_a_row_go_through_a_whole_deck(faults: str):
    in_set = FAULTS[faults]

    picked = [pick(faults, seed) for seed in range(len(in_set), 2 * len(in_set))]

    assert len(picked) == len(in_set)
    assert all(fault in picked for fault in in_set)


def a_call(item: Item = ITEM, *, worker: str = "worker-0", at: float = 10.0) -> Call:
    return Call(worker=worker, item=item, at=at)


def made_at(recorded_at: float) -> Recorded:
    return Recorded(status="succeeded", error_code=None, content=None, recorded_at=recorded_at)


def a_fault(*, worker: str = "worker-0", items: frozenset[Item] | None = None) -> Exposure:
    """A fault that lasts from 11 to 12."""
    return Exposure(workers=frozenset({worker}), since=11.0, until=12.0, items=items)


@pytest.mark.parametrize(
    ("script", "calls", "wasted"),
    [
        ((Verdict.GOOD,), 1, 0),
        ((Verdict.GOOD,), 3, 2),
        ((Verdict.SERVER_ERROR, Verdict.GOOD), 2, 0),
        ((Verdict.SERVER_ERROR, Verdict.GOOD), 1, 0),
        ((Verdict.SCHEMA_INVALID,) * 3, 4, 1),
    ],
)
def test_calls_beyond_what_a_script_needs_are_wasted(script: Script, calls: int, wasted: int):
    found = waste([a_call()] * calls, {}, script_of=lambda _: script, exposures=[])

    assert (found.calls, found.wasted) == (calls, wasted)


@pytest.mark.parametrize(
    ("call", "recorded_at", "fault", "allowed"),
    [
        pytest.param(a_call(), 15.0, a_fault(), 1, id="in hand when the fault began"),
        pytest.param(a_call(), None, a_fault(), 1, id="never recorded"),
        pytest.param(a_call(), 10.5, a_fault(), 0, id="recorded before the fault"),
        pytest.param(a_call(at=12.5), 15.0, a_fault(), 0, id="made after the fault"),
        pytest.param(a_call(), 15.0, a_fault(worker="worker-1"), 0, id="another's fault"),
        pytest.param(a_call(), 15.0, a_fault(items=frozenset()), 0, id="another item's"),
    ],
)
def test_a_fault_allows_the_calls_that_were_in_hand(
    call: Call, recorded_at: float | None, fault: Exposure, allowed: int
):
    items = {} if recorded_at is None else {ITEM: made_at(recorded_at)}

    found = waste([call], items, script_of=lambda _: (Verdict.GOOD,), exposures=[fault] * 2)

    assert found.allowed == allowed


def test_waste_that_no_fault_accounts_for_is_a_violation():
    other = Item("request-2", 0)
    calls = [a_call()] * 2 + [a_call(other)] * 4

    found = waste(
        calls,
        {},
        script_of=lambda _: (Verdict.GOOD,),
        exposures=[a_fault(items=frozenset({other}))],
    )

    assert found.violations() == [f"1 calls for {ITEM} were wasted, and no fault accounts for them"]
    assert (found.wasted, found.allowed) == (4, 4)
    assert found.share == 4 / 6
