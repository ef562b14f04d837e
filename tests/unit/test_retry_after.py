from datetime import UTC, datetime

import pytest

from worker_service.providers.retry_after import retry_after

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "Sat, 21 Nov 2026 12:01:30 GMT"}, 90.0),
        ({"retry-after": "Sat, 21 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "Sat, 21 Nov 2026 12:01:30 -0000"}, 90.0),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"x-ratelimit-reset-requests": "6m0s"}, 360.0),
        ({"x-ratelimit-reset-requests": "1h2m3.5s"}, 3723.5),
        ({"x-ratelimit-reset-tokens": "120ms"}, 0.12),
        ({"x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "9s"}, 9.0),
        ({"retry-after": "2", "x-ratelimit-reset-tokens": "9s"}, 2.0),
        ({"x-ratelimit-reset": str(int(NOW.timestamp() + 30) * 1000)}, 30.0),
        ({"x-ratelimit-reset": str(int(NOW.timestamp() + 30))}, 30.0),
        ({"x-ratelimit-reset": "12"}, 12.0),
    ],
    ids=str,
)
def test_the_wish_is_read_in_every_form(headers: dict[str, str], seconds: float):
    assert retry_after(headers, now=NOW) == pytest.approx(seconds)


def test_a_limit_that_is_not_used_up_does_not_count():
    headers = {
        "x-ratelimit-remaining-requests": "59",
        "x-ratelimit-reset-requests": "60s",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "3s",
    }

    assert retry_after(headers, now=NOW) == 3.0


@pytest.mark.parametrize(
    "value", ["", "soon", "-5", "nan", "inf", "1e9", "12 s", "Sat, 99 Nov 2026 12:00:00 GMT"]
)
def test_what_cannot_be_read_is_no_wish(value: str):
    assert retry_after({"retry-after": value}, now=NOW) is None
    assert retry_after({"retry-after-ms": value}, now=NOW) is None


def test_no_header_is_no_wish():
    assert retry_after({}, now=NOW) is None
