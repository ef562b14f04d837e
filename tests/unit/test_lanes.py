from collections import Counter

from shared.states import Priority
from worker_service.lanes import Lanes

HIGH, NORMAL, LOW = Priority.HIGH, Priority.NORMAL, Priority.LOW


def _serve(lanes: Lanes, turns: int, *, having_work: tuple[Priority, ...]) -> list[Priority]:
    served = []
    for _ in range(turns):
        lane = lanes.in_turn(having_work)[0]
        lanes.served(lane, taken=1)
        served.append(lane)
    return served


def test_ten_turns_are_six_three_and_one():
    served = _serve(Lanes(), 100, having_work=(LOW, NORMAL, HIGH))

    assert Counter(served) == {HIGH: 60, NORMAL: 30, LOW: 10}


def test_turns_are_spread_and_do_not_come_in_bursts():
    served = _serve(Lanes(), 20, having_work=(HIGH, NORMAL))

    assert served[:2] == [HIGH, NORMAL]
    assert not any(served[n : n + 2] == [NORMAL, NORMAL] for n in range(19))


def test_a_lane_alone_gets_every_turn():
    assert set(_serve(Lanes(), 5, having_work=(LOW,))) == {LOW}


def test_a_lane_that_had_no_work_for_long_gathers_no_credit():
    lanes = Lanes()
    _serve(lanes, 1000, having_work=(LOW,))

    served = _serve(lanes, 10, having_work=(LOW, HIGH))

    assert LOW in served


def test_what_is_taken_in_a_batch_counts_as_so_many_turns():
    lanes = Lanes()
    lanes.served(HIGH, taken=60)

    served = _serve(lanes, 40, having_work=(HIGH, NORMAL, LOW))

    assert Counter(served) == {NORMAL: 30, LOW: 10}
