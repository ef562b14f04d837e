"""The record of an accepted request, and when a poll is worth while."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from api_service.generation_requests.columns import NewRequest
from api_service.generation_requests.read import accepted_body, retry_after
from api_service.generation_requests.submit import Accepted
from schemas.api import GenerationRequest
from schemas.states import Priority


def test_the_record_of_an_accepted_request_is_as_its_model_would_write_it():
    new = NewRequest(
        entity_type="sentence",
        requested_count=3,
        constraints={"difficulty": 1e22, "nested": [{"é": None}, -0.0]},
        metadata={"lesson": "12"},
        priority=Priority.HIGH,
        traceparent="",
        provider="demo",
    )
    accepted = Accepted(
        request_id=UUID("019aa3f0-5d1c-7b3e-9c55-0b7c5d1f2a10"),
        requested_at=datetime(2026, 11, 21, 10, 30, 0, 120, tzinfo=UTC),
    )

    written = accepted_body(new, accepted, path="/v1/generation-requests/42")

    assert GenerationRequest.model_validate_json(written).model_dump_json().encode() == written


@pytest.mark.parametrize(
    ("remaining", "recorded", "seconds_in_work", "expected"),
    [
        (10, 0, None, 2),  # not started yet
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
