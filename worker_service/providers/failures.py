"""The one table of how a call can fail: the kind, its error code, and the reaction; pure.

The table in `docs/providers.md` is made from here: `python -m worker_service.providers.failures`.
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
from worker_service.text import postgres_safe

_LONGEST_DETAIL: Final = 300


class Reaction(StrEnum):
    """What follows a failed call."""

    REPEAT = "called again after `Retry-After` or jitter; then the item is deferred"
    OPEN = "the circuit opens at once, and the item is deferred; no item fails for it"
    REASK = "called again with what the validator says, twice at most; then the item fails"
    FAIL = "the item fails"


@dataclass(frozen=True, slots=True)
class FailureRule:
    """A row of the table."""

    shows: str
    code: ErrorCode
    reaction: Reaction


class FailureKind(StrEnum):
    """How a call can fail; the value begins the message of the error."""

    CREDENTIAL_REFUSED = "the provider refuses the credential"
    QUOTA_EXHAUSTED = "the quota or the credit of the credential is exhausted"
    MODERATED = "the provider's moderation refuses the request"
    CONTEXT_TOO_LONG = "the prompt exceeds the model's context"
    NOT_FOUND = "the provider has no such model or address"
    BAD_REQUEST = "the provider rejects the request as invalid"
    RATE_LIMITED = "the provider limits the rate"
    UPSTREAM_TIMEOUT = "the provider reports a timeout"
    UNAVAILABLE = "the provider is unavailable"
    UNREACHABLE = "the provider cannot be reached"
    CONNECT_TIMEOUT = "the connection to the provider timed out"
    FIRST_TOKEN_TIMEOUT = "the first token timed out"  # noqa: S105 - no password
    NEXT_TOKEN_TIMEOUT = "the next token timed out"  # noqa: S105 - no password
    CALL_TIMEOUT = "the call timed out"
    CONNECTION_LOST = "the connection was lost before the end of the answer"
    UNREADABLE = "the answer does not follow the provider's protocol"
    OVERSIZED = "the answer exceeds its size limit"
    TRUNCATED = "the answer was cut off at the length limit"
    CONTENT_FILTERED = "the answer was withheld by a content filter"
    REFUSED = "the model refused"
    TOOL_CALLED = "the model called a tool instead of answering"
    SCHEMA_INVALID = "the answer does not fit the schema"
    NO_MODEL = "neither the request nor the settings name a model"


TABLE: Final[Mapping[FailureKind, FailureRule]] = {
    FailureKind.CREDENTIAL_REFUSED: FailureRule("401, 403", ErrorCode.AUTH, Reaction.OPEN),
    FailureKind.QUOTA_EXHAUSTED: FailureRule(
        "402; 429 that names the quota or the billing", ErrorCode.QUOTA_EXHAUSTED, Reaction.OPEN
    ),
    FailureKind.RATE_LIMITED: FailureRule("any other 429", ErrorCode.RATE_LIMITED, Reaction.REPEAT),
    FailureKind.UPSTREAM_TIMEOUT: FailureRule("408, 504", ErrorCode.TIMEOUT, Reaction.REPEAT),
    FailureKind.UNAVAILABLE: FailureRule(
        "409, 425, 3xx, any other 5xx, an error in the middle of an answer",
        ErrorCode.PROVIDER_UNAVAILABLE,
        Reaction.REPEAT,
    ),
    FailureKind.MODERATED: FailureRule(
        "400 or 403 that names the content policy or gives reasons",
        ErrorCode.REFUSED,
        Reaction.FAIL,
    ),
    FailureKind.CONTEXT_TOO_LONG: FailureRule(
        "413; 400 that names the context", ErrorCode.CONTEXT_TOO_LONG, Reaction.FAIL
    ),
    FailureKind.NOT_FOUND: FailureRule("404, 410", ErrorCode.UNSUPPORTED, Reaction.FAIL),
    FailureKind.BAD_REQUEST: FailureRule("any other 4xx", ErrorCode.BAD_REQUEST, Reaction.FAIL),
    FailureKind.UNREACHABLE: FailureRule(
        "refused connection, unknown host, TLS", ErrorCode.PROVIDER_UNAVAILABLE, Reaction.REPEAT
    ),
    FailureKind.CONNECT_TIMEOUT: FailureRule(
        "PROVIDER_CONNECT_SECONDS", ErrorCode.TIMEOUT, Reaction.REPEAT
    ),
    FailureKind.FIRST_TOKEN_TIMEOUT: FailureRule(
        "PROVIDER_READ_SECONDS or PROVIDER_FIRST_TOKEN_SECONDS", ErrorCode.TIMEOUT, Reaction.REPEAT
    ),
    FailureKind.NEXT_TOKEN_TIMEOUT: FailureRule(
        "PROVIDER_NEXT_TOKEN_SECONDS", ErrorCode.TIMEOUT, Reaction.REPEAT
    ),
    FailureKind.CALL_TIMEOUT: FailureRule(
        "PROVIDER_CALL_SECONDS", ErrorCode.TIMEOUT, Reaction.REPEAT
    ),
    FailureKind.CONNECTION_LOST: FailureRule(
        "closed without a finish reason", ErrorCode.PROVIDER_UNAVAILABLE, Reaction.REPEAT
    ),
    FailureKind.UNREADABLE: FailureRule(
        "200 without a completion, or with a line that is not JSON",
        ErrorCode.PROVIDER_UNAVAILABLE,
        Reaction.REPEAT,
    ),
    FailureKind.OVERSIZED: FailureRule("PROVIDER_ANSWER_BYTES", ErrorCode.TRUNCATED, Reaction.FAIL),
    FailureKind.TRUNCATED: FailureRule(
        "finish reason `length`", ErrorCode.TRUNCATED, Reaction.FAIL
    ),
    FailureKind.CONTENT_FILTERED: FailureRule(
        "finish reason `content_filter`", ErrorCode.REFUSED, Reaction.FAIL
    ),
    FailureKind.REFUSED: FailureRule("`refusal` in the message", ErrorCode.REFUSED, Reaction.FAIL),
    FailureKind.TOOL_CALLED: FailureRule(
        "finish reason `tool_calls`", ErrorCode.INVALID_OUTPUT, Reaction.REASK
    ),
    FailureKind.SCHEMA_INVALID: FailureRule(
        "not JSON, not of the schema, with NUL or a lone surrogate",
        ErrorCode.INVALID_OUTPUT,
        Reaction.REASK,
    ),
    FailureKind.NO_MODEL: FailureRule("no call is made", ErrorCode.UNSUPPORTED, Reaction.FAIL),
}

BY_FINISH_REASON: Final[Mapping[FinishReason, FailureKind]] = {
    "length": FailureKind.TRUNCATED,
    "content_filter": FailureKind.CONTENT_FILTERED,
    "refusal": FailureKind.REFUSED,
    "tool_calls": FailureKind.TOOL_CALLED,
}
"""What an answer that did not stop by itself has failed with; it is not validated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """An error object as a provider sends it: an HTTP status, or the number in its place."""

    status: int
    message: str = ""
    words: frozenset[str] = frozenset()
    metadata: Mapping[str, Any] = field(default_factory=dict)


_QUOTA: Final = {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"}
_POLICY: Final = {"content_filter", "content_policy_violation", "moderation_blocked"}
_CONTEXT: Final = {"context_length_exceeded", "exceed_context_size_error"}
_STATUSES: Final[Mapping[int, FailureKind]] = {
    401: FailureKind.CREDENTIAL_REFUSED,
    402: FailureKind.QUOTA_EXHAUSTED,
    403: FailureKind.CREDENTIAL_REFUSED,
    404: FailureKind.NOT_FOUND,
    408: FailureKind.UPSTREAM_TIMEOUT,
    409: FailureKind.UNAVAILABLE,
    410: FailureKind.NOT_FOUND,
    413: FailureKind.CONTEXT_TOO_LONG,
    425: FailureKind.UNAVAILABLE,
    429: FailureKind.RATE_LIMITED,
    504: FailureKind.UPSTREAM_TIMEOUT,
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


def classify(fault: Fault) -> FailureKind:
    """Classify an error status; the words decide where a status has two meanings."""
    match fault.status:
        case 400 | 403 if fault.words & _POLICY or "reasons" in fault.metadata:
            return FailureKind.MODERATED
        case 400 if fault.words & _CONTEXT:
            return FailureKind.CONTEXT_TOO_LONG
        case 429 if fault.words & _QUOTA:
            return FailureKind.QUOTA_EXHAUSTED
        case status if status in _STATUSES:
            return _STATUSES[status]
        case status if 400 <= status < 500:  # noqa: PLR2004 - as HTTP has it
            return FailureKind.BAD_REQUEST
        case _:
            return FailureKind.UNAVAILABLE


def error_of(
    kind: FailureKind, detail: str = "", *, retry_after: float | None = None
) -> ProviderError:
    """Make the error of a kind; `detail` is cleaned and capped, and must hold no secret."""
    rule = TABLE[kind]
    said = postgres_safe(detail.strip(), longest=_LONGEST_DETAIL)
    message = f"{kind}: {said}" if said else kind.value
    match rule.reaction:
        case Reaction.REPEAT:
            return TransientError(rule.code, message, retry_after=retry_after)
        case Reaction.OPEN:
            return CredentialRefused(message, code=rule.code)
        case Reaction.REASK:
            return InvalidOutput(message)
        case Reaction.FAIL:
            return PermanentError(rule.code, message)
        case _:
            assert_never(rule.reaction)


def document() -> Iterator[str]:
    yield "| failure | seen as | code | what follows |"
    yield "|---|---|---|---|"
    for kind, rule in TABLE.items():
        yield f"| {kind} | {rule.shows} | `{rule.code}` | {rule.reaction} |"


if __name__ == "__main__":
    print("\n".join(document()))  # noqa: T201 - a command speaks to its terminal
