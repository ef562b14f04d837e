from collections import Counter

from schemas.states import Priority
from worker_service.claims.scheduler import PriorityScheduler

HIGH, NORMAL, LOW = Priority.HIGH, Priority.NORMAL, Priority.LOW


def _serve(
    priorities: PriorityScheduler, turns: int, *, having_work: tuple[Priority, ...]
) -> list[Priority]:
    served = []
    for _ in range(turns):
        priority = priorities.in_turn(having_work)[0]
        priorities.served(priority, taken=1)
        served.append(priority)
    return served


def test_ten_turns_are_six_three_and_one():
    served = _serve(PriorityScheduler(), 100, having_work=(LOW, NORMAL, HIGH))

    assert Counter(served) == {HIGH: 60, NORMAL: 30, LOW: 10}


def test_turns_are_spread_and_do_not_come_in_bursts():
    served = _serve(PriorityScheduler(), 20, having_work=(HIGH, NORMAL))

    assert served[:2] == [HIGH, NORMAL]
    assert not any(served[n : n + 2] == [NORMAL, NORMAL] for n in range(19))


def test_a_priority_alone_gets_every_turn():
    assert set(_serve(PriorityScheduler(), 5, having_work=(LOW,))) == {LOW}


def test_a_priority_that_had_no_work_for_long_gathers_no_credit():
    priorities = PriorityScheduler()
    _serve(priorities, 1000, having_work=(LOW,))

    served = _serve(priorities, 10, having_work=(LOW, HIGH))

    assert LOW in served


def test_what_is_taken_in_a_batch_counts_as_so_many_turns():
    priorities = PriorityScheduler()
    priorities.served(HIGH, taken=60)

    served = _serve(priorities, 40, having_work=(HIGH, NORMAL, LOW))

    assert Counter(served) == {NORMAL: 30, LOW: 10}
