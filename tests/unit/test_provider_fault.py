"""An error is read in bounded time, however large it is."""

import pytest

from worker_service.providers.fault import fault_of

LAST = {"message": "last"}


@pytest.mark.parametrize(
    "errors",
    [
        [*[{"code": 1}] * 1_000, LAST],
        [[[1] * 64] * 64, [[1] * 64] * 64, LAST],
        {**{str(number): {} for number in range(1_000)}, **LAST},
        {"unknown": [*[{"deep": [{}]}] * 1_000, LAST]},
    ],
    ids=["a list", "lists in lists", "members", "unknown members"],
)
def test_a_message_at_the_end_of_a_large_error_is_not_looked_for(errors: object):
    assert fault_of(400, errors, redact=str).message == ""


def test_what_is_looked_through_for_secrets_is_bounded():
    lengths: list[int] = []

    def redact(text: str) -> str:
        lengths.append(len(text))
        return text

    fault_of(400, {"error": "x" * 1_000_000}, redact=redact)

    assert max(lengths) <= 65_536
