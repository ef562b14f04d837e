"""The one table of what can come of a call: the sign, its error code, and what follows; pure.

The table in `docs/providers.md` is made from here: `python -m worker_service.providers.taxonomy`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, assert_never

from shared.errors import ErrorCode
from worker_service.providers import (
    CredentialRefused,
    FinishReason,
    InvalidOutput,
    PermanentError,
    ProviderError,
    TransientError,
)
from worker_service.text import storable

_LONGEST_DETAIL: Final = 300


class Then(StrEnum):
    """What follows a failed call."""

    REPEAT = "called again, as the provider wishes or with jitter; then the request is put off"
    OPEN = "the circuit opens at once, and the request is put off; no item fails for it"
    REASK = "asked again with what the validator says, twice at the most; then the item fails"
    FAIL = "the item fails"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A row of the table."""

    shows: str
    code: ErrorCode
    then: Then


class Sign(StrEnum):
    """What failed calls are told apart by; the value begins the message of the error."""

    KEY_REFUSED = "the provider refuses the credential"
    QUOTA_EXHAUSTED = "the quota or the credit of the credential is spent"
    MODERATED = "the provider's moderation refuses the request"
    CONTEXT_TOO_LONG = "the request is longer than the model's context"
    NOT_THERE = "the provider has no such model or address"
    NOT_UNDERSTOOD = "the provider does not accept the request"
    RATE_LIMITED = "the provider limits the rate"
    LATE_UPSTREAM = "the provider ran out of time"
    BUSY = "the provider cannot serve now"
    UNREACHABLE = "the provider cannot be reached"
    NO_CONNECTION = "no connection to the provider in time"
    NO_FIRST_TOKEN = "no first token in time"  # noqa: S105 - no password
    STALLED = "no further token in time"
    UNFINISHED = "no whole answer in time"
    BROKEN_OFF = "the answer broke off"
    UNREADABLE = "the answer is none of this protocol"
    OVERSIZED = "the answer is larger than its limit"
    CUT_AT_LENGTH = "the answer was cut off at the length limit"
    FILTERED = "the answer was withheld by a content filter"
    REFUSED = "the model refused"
    TOOL_CALLED = "the model called a tool instead of answering"
    UNFIT = "the answer does not fit the schema"
    NO_MODEL = "neither the request nor the settings name a model"


TABLE: Final[Mapping[Sign, Verdict]] = {
    Sign.KEY_REFUSED: Verdict("401, 403", ErrorCode.AUTH, Then.OPEN),
    Sign.QUOTA_EXHAUSTED: Verdict(
        "402; 429 that names the quota or the billing", ErrorCode.QUOTA_EXHAUSTED, Then.OPEN
    ),
    Sign.RATE_LIMITED: Verdict("any other 429", ErrorCode.RATE_LIMITED, Then.REPEAT),
    Sign.LATE_UPSTREAM: Verdict("408, 504", ErrorCode.TIMEOUT, Then.REPEAT),
    Sign.BUSY: Verdict(
        "409, 425, 3xx, any other 5xx, an error in the middle of an answer",
        ErrorCode.PROVIDER_UNAVAILABLE,
        Then.REPEAT,
    ),
    Sign.MODERATED: Verdict(
        "400 or 403 that names the content policy or gives reasons", ErrorCode.REFUSED, Then.FAIL
    ),
    Sign.CONTEXT_TOO_LONG: Verdict(
        "413; 400 that names the context", ErrorCode.CONTEXT_TOO_LONG, Then.FAIL
    ),
    Sign.NOT_THERE: Verdict("404, 410", ErrorCode.UNSUPPORTED, Then.FAIL),
    Sign.NOT_UNDERSTOOD: Verdict("any other 4xx", ErrorCode.BAD_REQUEST, Then.FAIL),
    Sign.UNREACHABLE: Verdict(
        "refused connection, unknown host, TLS", ErrorCode.PROVIDER_UNAVAILABLE, Then.REPEAT
    ),
    Sign.NO_CONNECTION: Verdict("PROVIDER_CONNECT_SECONDS", ErrorCode.TIMEOUT, Then.REPEAT),
    Sign.NO_FIRST_TOKEN: Verdict(
        "PROVIDER_READ_SECONDS or PROVIDER_FIRST_TOKEN_SECONDS", ErrorCode.TIMEOUT, Then.REPEAT
    ),
    Sign.STALLED: Verdict("PROVIDER_NEXT_TOKEN_SECONDS", ErrorCode.TIMEOUT, Then.REPEAT),
    Sign.UNFINISHED: Verdict("PROVIDER_CALL_SECONDS", ErrorCode.TIMEOUT, Then.REPEAT),
    Sign.BROKEN_OFF: Verdict(
        "closed before the end of the answer", ErrorCode.PROVIDER_UNAVAILABLE, Then.REPEAT
    ),
    Sign.UNREADABLE: Verdict(
        "200 without a completion, or with a line that is no JSON",
        ErrorCode.PROVIDER_UNAVAILABLE,
        Then.REPEAT,
    ),
    Sign.OVERSIZED: Verdict("PROVIDER_ANSWER_BYTES", ErrorCode.TRUNCATED, Then.FAIL),
    Sign.CUT_AT_LENGTH: Verdict("finish reason `length`", ErrorCode.TRUNCATED, Then.FAIL),
    Sign.FILTERED: Verdict("finish reason `content_filter`", ErrorCode.REFUSED, Then.FAIL),
    Sign.REFUSED: Verdict("`refusal` in the message", ErrorCode.REFUSED, Then.FAIL),
    Sign.TOOL_CALLED: Verdict("finish reason `tool_calls`", ErrorCode.INVALID_OUTPUT, Then.REASK),
    Sign.UNFIT: Verdict(
        "no JSON, not the entity's schema, NUL or a lone surrogate",
        ErrorCode.INVALID_OUTPUT,
        Then.REASK,
    ),
    Sign.NO_MODEL: Verdict("no call is made", ErrorCode.UNSUPPORTED, Then.FAIL),
}

UNFINISHED: Final[Mapping[FinishReason, Sign]] = {
    "length": Sign.CUT_AT_LENGTH,
    "content_filter": Sign.FILTERED,
    "refusal": Sign.REFUSED,
    "tool_calls": Sign.TOOL_CALLED,
}
"""The finish reasons of answers that need not be validated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """An error as a provider words it: an HTTP status, or the number that stands in its place."""

    status: int
    message: str = ""
    words: frozenset[str] = frozenset()
    metadata: Mapping[str, Any] = field(default_factory=dict)


_QUOTA: Final = {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"}
_POLICY: Final = {"content_filter", "content_policy_violation", "moderation_blocked"}
_CONTEXT: Final = {"context_length_exceeded", "exceed_context_size_error"}
_STATUSES: Final[Mapping[int, Sign]] = {
    401: Sign.KEY_REFUSED,
    402: Sign.QUOTA_EXHAUSTED,
    403: Sign.KEY_REFUSED,
    404: Sign.NOT_THERE,
    408: Sign.LATE_UPSTREAM,
    409: Sign.BUSY,
    410: Sign.NOT_THERE,
    413: Sign.CONTEXT_TOO_LONG,
    425: Sign.BUSY,
    429: Sign.RATE_LIMITED,
    504: Sign.LATE_UPSTREAM,
}
_NUMBERS: Final[Mapping[str, int]] = {
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "insufficient_quota": 429,
    "invalid_api_key": 401,
    "authentication_error": 401,
    "model_not_found": 404,
    "context_length_exceeded": 400,
    "invalid_request_error": 400,
}


def fault_of(status: int, body: object) -> Fault:
    """Read an error object: OpenAI's and OpenRouter's `{"error": {…}}`, Ollama's `{"error": "…"}`.

    An error inside an answer of status 200 takes its number from its `code` or its words, as
    OpenRouter does: https://openrouter.ai/docs/api/reference/errors-and-debugging
    """
    error = body.get("error") if isinstance(body, Mapping) else None
    if not isinstance(error, Mapping):
        return Fault(status=_number(status, frozenset(), None), message=str(error or ""))
    code, metadata = error.get("code"), error.get("metadata")
    words = frozenset(
        word for word in (code, error.get("type"), error.get("param")) if isinstance(word, str)
    )
    return Fault(
        status=_number(status, words, code),
        message=str(error.get("message") or ""),
        words=words,
        metadata=metadata if isinstance(metadata, Mapping) else {},
    )


def _number(status: int, words: frozenset[str], code: object) -> int:
    if status >= 300:  # noqa: PLR2004 - what is no success speaks for itself
        return status
    if isinstance(code, int):
        return code
    return next((_NUMBERS[word] for word in sorted(words) if word in _NUMBERS), 502)


def sign_of(fault: Fault) -> Sign:
    """Tell what an error status means; the words decide where a status has two meanings."""
    match fault.status:
        case 400 | 403 if fault.words & _POLICY or "reasons" in fault.metadata:
            return Sign.MODERATED
        case 400 if fault.words & _CONTEXT:
            return Sign.CONTEXT_TOO_LONG
        case 429 if fault.words & _QUOTA:
            return Sign.QUOTA_EXHAUSTED
        case status if status in _STATUSES:
            return _STATUSES[status]
        case status if 400 <= status < 500:  # noqa: PLR2004 - as HTTP has it
            return Sign.NOT_UNDERSTOOD
        case _:
            return Sign.BUSY


def error_of(sign: Sign, detail: str = "", *, retry_after: float | None = None) -> ProviderError:
    """Make the error of a sign; `detail` is cleaned and capped, and must hold no secret."""
    verdict = TABLE[sign]
    said = storable(detail.strip(), longest=_LONGEST_DETAIL)
    message = f"{sign}: {said}" if said else sign.value
    match verdict.then:
        case Then.REPEAT:
            return TransientError(verdict.code, message, retry_after=retry_after)
        case Then.OPEN:
            return CredentialRefused(message, code=verdict.code)
        case Then.REASK:
            return InvalidOutput(message)
        case Then.FAIL:
            return PermanentError(verdict.code, message)
        case _:
            assert_never(verdict.then)


def document() -> Iterator[str]:
    """Return the table as lines of Markdown."""
    yield "| what happens | seen as | code | what follows |"
    yield "|---|---|---|---|"
    for sign, verdict in TABLE.items():
        yield f"| {sign} | {verdict.shows} | `{verdict.code}` | {verdict.then} |"


if __name__ == "__main__":
    print("\n".join(document()))  # noqa: T201 - a command speaks to its terminal
