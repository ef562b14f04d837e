"""The waits that servers ask for."""

import json

from tests.contract.odd_answers.errors import LIMITED, error, within
from tests.support.odd_answers import GOOD, JSON, Row, fails, http, made, refused
from worker_service.providers.failures import FailureKind


def later(name: str, seconds: float, answer: bytes) -> Row:
    """Return the row of an answer that asks for a wait."""
    return made(name, answer, GOOD, wait=seconds)


_RETRY_INFO = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "14s"}
WAITS = [
    later(
        "headers of a router that reset",
        30,
        refused(
            LIMITED,
            error(
                "slow",
                metadata={"headers": {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "30"}},
            ),
        ),
    ),
    later(
        "a limit of the standard's draft",
        30,
        refused(LIMITED, {}, "RateLimit-Remaining: 0", "RateLimit-Reset: 30"),
    ),
    fails(
        "a date in an odd zone",
        FailureKind.RATE_LIMITED,
        refused(LIMITED, {}, "Retry-After: Wed, 21 Oct 2026 07:28:00 +9999999999999999"),
    ),
    later("a reset after", 7, refused(LIMITED, {}, "x-ratelimit-reset-after: 7")),
    later("milliseconds of Azure", 4, refused(LIMITED, {}, "x-ms-retry-after-ms: 4000")),
    later("a header that came twice", 9, refused(LIMITED, {}, "Retry-After: 9, 9")),
    later("a header in words", 20, refused(LIMITED, error("Rate limited. Retry-After: 20"))),
    later("seconds by another name", 12, refused(LIMITED, error("slow", retry_in=12))),
    later("seconds in details", 12, refused(LIMITED, error("x", details={"wait_seconds": 12}))),
    later("seconds and their letter", 4, refused(LIMITED, {}, "Retry-After: 4s")),
    later(
        "milliseconds first", 2.5, refused(LIMITED, {}, "retry-after-ms: 2500", "Retry-After: 9")
    ),
    later(
        "an overdrawn limit",
        4,
        refused(LIMITED, {}, "x-ratelimit-remaining-tokens: -1", "x-ratelimit-reset-tokens: 4"),
    ),
    later(
        "a detail",
        14,
        refused(
            LIMITED,
            [
                {
                    "error": {
                        "code": 429,
                        "message": "You exceeded your current quota",
                        "details": [_RETRY_INFO],
                    }
                }
            ],
        ),
    ),
    later("words", 7.66, refused(LIMITED, error("Limit 6. Please try again in 7.66s."))),
    later("words with minutes", 31, refused(LIMITED, {"detail": "retry after 0m31s"})),
    later("a member", 12, refused(LIMITED, {"message": "slow", "retry_after": 12})),
    later("a member in ms", 3, refused(LIMITED, error("slow", retry_after_ms=3000))),
    later(
        "headers of a router",
        20,
        refused(LIMITED, error("slow", metadata={"headers": {"Retry-After": "20"}})),
    ),
    later("words of a 503", 9, refused("503 Busy", "loading, try again in 9 seconds")),
    later(
        "a 200 with a header",
        21,
        http(json.dumps(error("slow", code=429)), "Retry-After: 21", content_type=JSON),
    ),
    later(
        "a 200 with a detail",
        14,
        within({"error": {"status": "RESOURCE_EXHAUSTED", "details": [_RETRY_INFO]}}),
    ),
    later("a 200 with words", 33, within(error("rate limit, try again in 33 s", code=429))),
    later(
        "the header goes before the words",
        5,
        refused(LIMITED, error("try again in 50s"), "Retry-After: 5"),
    ),
    fails(
        "more than a minute is not waited for",
        FailureKind.RATE_LIMITED,
        refused(LIMITED, error("requests per day; try again in 5 hours")),
        calls=1,
        wait=18_000,
    ),
]
