from datetime import UTC, datetime

import pytest

from worker_service.providers.retry_after import retry_after, seconds_of, wait_in_words

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
        ({"retry-after": "4s"}, 4.0),
        ({"retry-after": "1 minute"}, 60.0),
        ({"retry-after": "2026-11-21T12:00:05Z"}, 5.0),
        ({"retry-after": "2026-11-21T13:00:05+01:00"}, 5.0),
        ({"anthropic-ratelimit-requests-reset": "2026-11-21T12:00:40Z"}, 40.0),
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
    "value", ["", "soon", "-5", "nan", "inf", "1e9", "12 parsecs", "Sat, 99 Nov 2026 12:00:00 GMT"]
)
def test_what_cannot_be_read_is_no_wish(value: str):
    assert retry_after({"retry-after": value}, now=NOW) is None
    assert retry_after({"retry-after-ms": value}, now=NOW) is None


def test_no_header_is_no_wish():
    assert retry_after({}, now=NOW) is None


def test_a_limit_that_is_overdrawn_is_used_up():
    headers = {"x-ratelimit-remaining-tokens": "-1", "x-ratelimit-reset-tokens": "4"}

    assert retry_after(headers, now=NOW) == 4.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("14s", 14.0), ("7.5s", 7.5), ("20", 20.0), (3, 3.0), (2.5, 2.5), ({"seconds": 9}, 9.0)],
    ids=str,
)
def test_a_duration_in_an_error_is_read_in_every_form(value: object, seconds: float):
    assert [*seconds_of(value)] == [pytest.approx(seconds)]


@pytest.mark.parametrize("value", [None, True, "soon", [], {}, 1e300, float("nan"), "-3s"], ids=str)
def test_what_is_no_duration_is_none(value: object):
    assert [*seconds_of(value)] == []


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("Limit 6000, used 5800. Please try again in 7.66s. Visit our site.", 7.66),
        ("Please retry in 1m30.5s.", 90.5),
        ("Retry after 20 seconds", 20.0),
        ("you may wait 120ms", 0.12),
        ("The limit resets in 2 hours and 5 minutes", 7500.0),
        ("Available again in: 3 min", 180.0),
        ("Try again later; the limit is 20 requests per 60 s", None),
        ("retry", None),
    ],
)
def test_a_wait_is_read_from_words(message: str, seconds: float | None):
    assert wait_in_words(message) == pytest.approx(seconds)
