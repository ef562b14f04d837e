"""How long a provider asks to be left alone, read from the headers of its answer; pure."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

_NUMBER: Final = re.compile(r"\d{1,15}(\.\d+)?")
_DURATION: Final = re.compile(r"(\d{1,9}(?:\.\d+)?)(ms|[hms])")
_SECONDS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_CLOCK_IN_SECONDS: Final = 1e8
_CLOCK_IN_MILLISECONDS: Final = 1e11
"""From these on a number is no wait but the time of its end."""


def retry_after(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Read the seconds to wait, never negative; None if the provider does not say.

    `Retry-After` is a number of seconds or a date (RFC 9110, section 10.2.3) and goes before the
    resets of the limits that are used up; of those the latest counts. Names of headers are looked
    up in lower case.
    """
    wish = next(_wishes(headers, now), None)
    return None if wish is None else max(0.0, wish)


def _wishes(headers: Mapping[str, str], now: datetime) -> Iterator[float]:
    for milliseconds in _number(headers.get("retry-after-ms", "")):
        yield milliseconds / 1000
    value = headers.get("retry-after", "")
    yield from _number(value)
    yield from _date(value, now)
    resets = [
        wait
        for limit in ("-requests", "-tokens", "")
        if headers.get(f"x-ratelimit-remaining{limit}", "0").strip() == "0"
        for wait in _reset(headers.get(f"x-ratelimit-reset{limit}", ""), now)
    ]
    if resets:
        yield max(resets)


def _number(value: str) -> Iterator[float]:
    if _NUMBER.fullmatch(value.strip()):
        yield float(value)


def _date(value: str, now: datetime) -> Iterator[float]:
    with suppress(ValueError):
        date = parsedate_to_datetime(value)
        yield (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds()


def _reset(value: str, now: datetime) -> Iterator[float]:
    """Read `6m0s` and `120ms` (OpenAI), a time in Unix's s or ms (OpenRouter), or seconds."""
    if parts := _DURATION.findall(value):
        yield sum(float(amount) * _SECONDS[unit] for amount, unit in parts)
        return
    for number in _number(value):
        if number >= _CLOCK_IN_MILLISECONDS:
            yield number / 1000 - now.timestamp()
        elif number >= _CLOCK_IN_SECONDS:
            yield number - now.timestamp()
        else:
            yield number
