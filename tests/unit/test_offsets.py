from worker_service.intake.offsets import Offsets

P, Q = ("topic", 0), ("topic", 1)


def test_what_is_committed_is_the_offset_after_the_last_handled_one():
    offsets = Offsets()

    offsets.handled(P, 41, assignment=0)

    assert offsets.due() == {P: 42}


def test_nothing_is_due_twice():
    offsets = Offsets()
    offsets.handled(P, 1, assignment=0)

    offsets.committed(offsets.due(), assignment=0)

    assert offsets.due() == {}


def test_what_is_handled_while_a_commit_is_under_way_is_due_afterwards():
    offsets = Offsets()
    offsets.handled(P, 1, assignment=0)
    under_way = offsets.due()
    offsets.handled(P, 2, assignment=0)
    offsets.handled(Q, 7, assignment=0)

    offsets.committed(under_way, assignment=0)

    assert offsets.due() == {P: 3, Q: 8}


def test_an_offset_never_goes_back():
    offsets = Offsets()
    offsets.handled(P, 9, assignment=0)

    offsets.handled(P, 3, assignment=0)

    assert offsets.due() == {P: 10}


def test_what_was_learnt_under_an_older_assignment_is_worthless():
    offsets = Offsets()
    offsets.handled(P, 9, assignment=0)
    offsets.reassigned()

    offsets.handled(P, 9, assignment=0)
    offsets.handled(Q, 3, assignment=1)

    assert offsets.due() == {Q: 4}


def test_a_commit_of_an_older_assignment_says_nothing_about_the_current_one():
    offsets = Offsets()
    offsets.reassigned()
    offsets.handled(P, 9, assignment=1)

    offsets.committed({P: 10}, assignment=0)

    assert offsets.due() == {P: 10}
