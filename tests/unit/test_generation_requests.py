"""When a poll is worth while."""

import pytest

from api_service.generation_requests import retry_after


@pytest.mark.parametrize(
    ("remaining", "recorded", "seconds_in_work", "expected"),
    [
        (10, 0, None, 2),  # nobody has begun
        (10, 0, 25.0, 2),  # nothing tells the pace yet
        (10, 1, None, 2),  # recorded late, after a release that kept no clock
        (3, 2, 10.0, 15),  # five seconds each
        (9, 1, 25.0, 30),  # not longer than the longest
        (1, 9, 0.09, 1),  # not at once
        (1, 9, -5.0, 1),  # the database's clock was set back
        (0, 3, 60.0, 1),  # all in and about to settle
    ],
)
def test_a_poll_is_worth_while_when_the_rest_is_made_at_the_pace_so_far(
    remaining: int, recorded: int, seconds_in_work: float | None, expected: int
):
    estimate = retry_after(remaining=remaining, recorded=recorded, seconds_in_work=seconds_in_work)

    assert estimate == expected
