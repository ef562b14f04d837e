"""How long a provider asks to be left alone: in headers, in members of an error, in words; pure."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

_NUMBER: Final = re.compile(r"\d{1,15}(\.\d+)?")
_AMOUNT: Final = (
    r"(\d{1,9}(?:\.\d{1,9})?)\s*"
    r"(milliseconds?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d)(?![a-z])"
)
_DURATION: Final = re.compile(_AMOUNT, re.IGNORECASE)
_WHOLE_DURATION: Final = re.compile(rf"(?:{_AMOUNT}\s*)+", re.IGNORECASE)
_IN_WORDS: Final = re.compile(
    r"\b(?:again|retry(?:ing)?|retried|wait|resets?|reset|available|back)\b[^\d\n.]{0,40}?"
    rf"(?P<duration>(?:{_AMOUNT}[\s,]*(?:and )?)+)",
    re.IGNORECASE,
)
_AS_A_HEADER: Final = re.compile(r"\bretry[-_ ]after[\"']?[:=] ?(\d{1,9})\b(?!\.)", re.IGNORECASE)
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_CLOCK_IN_SECONDS: Final = 1e8
_CLOCK_IN_MILLISECONDS: Final = 1e11
"""From these on a number is no wait but the time of its end."""
_ANTHROPIC: Final = ("requests", "tokens", "input-tokens", "output-tokens")


def retry_after(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Read the seconds to wait, never negative; None if the provider does not say.

    `Retry-After` is a number of seconds or a date (RFC 9110, section 10.2.3) and goes before the
    resets of the limits that are used up; of those the latest counts. Names of headers are looked
    up in lower case.
    """
    wish = next(_wishes(headers, now), None)
    return None if wish is None else max(0.0, wish)


def seconds_of(value: object) -> Iterator[float]:
    """Read a duration in a member of an error: `14s`, `"20"`, 20, or `{"seconds": 14}`."""
    if isinstance(value, Mapping):
        value = value.get("seconds")
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = f"{value:f}" if abs(value) < _CLOCK_IN_SECONDS else ""
    if isinstance(value, str):
        yield from _number(value)
        yield from _duration(value)


def wait_in_words(message: str) -> float | None:
    """Find a wait that is said in words, such as "Please try again in 1m7.66s"."""
    if said := _IN_WORDS.search(message):
        return _sum(said["duration"])
    seconds = _AS_A_HEADER.search(message)
    return float(seconds[1]) if seconds else None


def _wishes(headers: Mapping[str, str], now: datetime) -> Iterator[float]:
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        for milliseconds in _number(headers.get(name, "")):
            yield milliseconds / 1000
    value = _first(headers.get("retry-after", ""))
    yield from _number(value)
    yield from _duration(value)
    yield from _date(value, now)
    if resets := [*_resets(headers, now)]:
        yield max(resets)


def _resets(headers: Mapping[str, str], now: datetime) -> Iterator[float]:
    """Yield when the limits that are used up come back; a count below zero is one of those."""
    pairs = [(f"x-ratelimit-remaining{of}", f"x-ratelimit-reset{of}") for of in _LIMITS]
    pairs += [
        ("x-ratelimit-remaining", "x-ratelimit-reset-after"),
        ("ratelimit-remaining", "ratelimit-reset"),
    ]
    pairs += [
        (f"anthropic-ratelimit-{of}-remaining", f"anthropic-ratelimit-{of}-reset")
        for of in _ANTHROPIC
    ]
    for remaining, reset in pairs:
        left = headers.get(remaining, "0").strip()
        if left == "0" or left.startswith("-"):
            yield from _reset(headers.get(reset, ""), now)


_LIMITS: Final = ("-requests", "-tokens", "")


def _first(value: str) -> str:
    """Take the first of a header that came twice; a date has a comma of its own."""
    first, *_ = value.split(",")
    return first if first.strip().isdecimal() else value


def _number(value: str) -> Iterator[float]:
    if _NUMBER.fullmatch(value.strip()):
        yield float(value)


def _duration(value: str) -> Iterator[float]:
    if _WHOLE_DURATION.fullmatch(value.strip()):
        yield _sum(value)


def _sum(duration: str) -> float:
    return sum(float(amount) * _unit(unit.lower()) for amount, unit in _DURATION.findall(duration))


def _unit(name: str) -> float:
    return _SECONDS["ms" if name.startswith(("ms", "mil")) else name[0]]


def _date(value: str, now: datetime) -> Iterator[float]:
    """Read a date of HTTP, or one of RFC 3339, which some send instead."""
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        with suppress(ValueError, OverflowError):
            date = read(value)
            yield (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds()
            return


def _reset(value: str, now: datetime) -> Iterator[float]:
    """Read `6m0s` (OpenAI), seconds, a date, or a time in Unix's s or ms (OpenRouter)."""
    if durations := [*_duration(value)]:
        yield from durations
        return
    for number in _number(value):
        if number >= _CLOCK_IN_MILLISECONDS:
            yield number / 1000 - now.timestamp()
        elif number >= _CLOCK_IN_SECONDS:
            yield number - now.timestamp()
        else:
            yield number
        return
    yield from _date(value, now)
