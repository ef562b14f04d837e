"""The one table of how a call can fail: the kind, its error code, and the reaction; pure.

The table in `docs/providers.md` is made from here: `python -m worker_service.providers.failures`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, assert_never

from shared.errors import ErrorCode
from worker_service.providers import (
    AccountFault,
    InvalidOutput,
    NotSent,
    PermanentError,
    ProtocolMismatch,
    ProviderError,
    TransientError,
    UnusableAnswer,
)
from worker_service.text import postgres_safe

_LONGEST_DETAIL: Final = 900


class Reaction(StrEnum):
    """What follows a failed call."""

    REPEAT = "called again after `Retry-After` or jitter; then the item is deferred"
    REPEAT_CLOSED = "called again after jitter; then the item is deferred, the circuit stays closed"
    OPEN = (
        "the circuit opens at once, and the item is deferred; "
        "the call does not count towards `MAX_CALLS_PER_ITEM`"
    )
    REPEAT_UNCHARGED = (
        "called again after `Retry-After` or jitter; then the item is deferred; "
        "the call does not count towards `MAX_CALLS_PER_ITEM`"
    )
    REPEAT_BRIEFLY = "called again after a pause, twice at most; then the item fails"
    REASK = "called again with what the validator says, twice at most; then the item fails"
    FAIL = "the item fails"
    FAIL_UNSENT = "the item fails, and no call is recorded"


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
    MODEL_REFUSED = "the provider does not serve this model to the credential"
    REDIRECTED = "the provider's address is wrong: it redirects, which is not followed"
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
    NO_PROTOCOL = "the provider's address is wrong: what answers there does not speak its protocol"
    UNREADABLE = "the answer does not follow the provider's protocol"
    EMPTY = "the answer is empty"
    INCOMPLETE = "the answer ends in the middle of its JSON"
    INTERRUPTED = "the provider broke the answer off"
    GENERATION_FAILED = "the provider's JSON mode failed to generate JSON"
    OVERSIZED = "the answer exceeds its size limit"
    TRUNCATED = "the answer was cut off at the length limit"
    CONTENT_FILTERED = "the answer was withheld by a content filter"
    REFUSED = "the model refused"
    TOOL_CALLED = "the model called a tool instead of answering"
    SCHEMA_INVALID = "the answer does not fit the schema"
    NO_MODEL = "neither the request nor the settings name a model"


TABLE: Final[Mapping[FailureKind, FailureRule]] = {
    FailureKind.CREDENTIAL_REFUSED: FailureRule(
        "401, 403, 407; any other 4xx that names the key", ErrorCode.AUTH, Reaction.OPEN
    ),
    FailureKind.QUOTA_EXHAUSTED: FailureRule(
        "402; any 4xx that names the quota, the credit or the billing",
        ErrorCode.QUOTA_EXHAUSTED,
        Reaction.OPEN,
    ),
    FailureKind.REDIRECTED: FailureRule("3xx", ErrorCode.MISCONFIGURED, Reaction.OPEN),
    FailureKind.RATE_LIMITED: FailureRule(
        "any other 429; a 4xx that names the rate",
        ErrorCode.RATE_LIMITED,
        Reaction.REPEAT_UNCHARGED,
    ),
    FailureKind.UPSTREAM_TIMEOUT: FailureRule("408, 504", ErrorCode.TIMEOUT, Reaction.REPEAT),
    FailureKind.UNAVAILABLE: FailureRule(
        "409, 425, 498, 499, any other 5xx; a 4xx that names the load; any other error inside an"
        " answer",
        ErrorCode.PROVIDER_UNAVAILABLE,
        Reaction.REPEAT,
    ),
    FailureKind.MODERATED: FailureRule(
        "451; a 4xx that names the content policy or gives reasons",
        ErrorCode.REFUSED,
        Reaction.FAIL,
    ),
    FailureKind.CONTEXT_TOO_LONG: FailureRule(
        "413; a 4xx that names the context, or a 500 that says it is exceeded",
        ErrorCode.CONTEXT_TOO_LONG,
        Reaction.FAIL,
    ),
    FailureKind.NOT_FOUND: FailureRule("404, 410", ErrorCode.MISCONFIGURED, Reaction.OPEN),
    FailureKind.MODEL_REFUSED: FailureRule(
        "400 or 403 about one model", ErrorCode.MISCONFIGURED, Reaction.OPEN
    ),
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
    FailureKind.EMPTY: FailureRule(
        "no text before the end", ErrorCode.PROVIDER_UNAVAILABLE, Reaction.REPEAT_CLOSED
    ),
    FailureKind.INCOMPLETE: FailureRule(
        "JSON without its end, in an answer that ended in order",
        ErrorCode.PROVIDER_UNAVAILABLE,
        Reaction.REPEAT_CLOSED,
    ),
    FailureKind.INTERRUPTED: FailureRule(
        "finish reason `error`, `network_error`, `insufficient_system_resource` …",
        ErrorCode.PROVIDER_UNAVAILABLE,
        Reaction.REPEAT,
    ),
    FailureKind.NO_PROTOCOL: FailureRule(
        "200 with a page, a text, or anything else that is no JSON",
        ErrorCode.MISCONFIGURED,
        Reaction.REPEAT_UNCHARGED,
    ),
    FailureKind.UNREADABLE: FailureRule(
        "200 with JSON in which nothing is a part of a completion",
        ErrorCode.INVALID_OUTPUT,
        Reaction.REPEAT_BRIEFLY,
    ),
    FailureKind.GENERATION_FAILED: FailureRule(
        "`json_validate_failed`, `failed_generation`",
        ErrorCode.INVALID_OUTPUT,
        Reaction.REPEAT_BRIEFLY,
    ),
    FailureKind.OVERSIZED: FailureRule("PROVIDER_ANSWER_BYTES", ErrorCode.TRUNCATED, Reaction.FAIL),
    FailureKind.TRUNCATED: FailureRule(
        "finish reason `length`, `MAX_TOKENS`, `model_length` …", ErrorCode.TRUNCATED, Reaction.FAIL
    ),
    FailureKind.CONTENT_FILTERED: FailureRule(
        "finish reason `content_filter`, `SAFETY`, `RECITATION` …", ErrorCode.REFUSED, Reaction.FAIL
    ),
    FailureKind.REFUSED: FailureRule(
        "`refusal` in the message, or as finish reason", ErrorCode.REFUSED, Reaction.FAIL
    ),
    FailureKind.TOOL_CALLED: FailureRule(
        "finish reason `tool_calls`, or a call and no text",
        ErrorCode.INVALID_OUTPUT,
        Reaction.REASK,
    ),
    FailureKind.SCHEMA_INVALID: FailureRule(
        "not JSON, not of the schema, with NUL or a lone surrogate",
        ErrorCode.INVALID_OUTPUT,
        Reaction.REASK,
    ),
    FailureKind.NO_MODEL: FailureRule(
        "no call is made", ErrorCode.UNSUPPORTED, Reaction.FAIL_UNSENT
    ),
}


def error_of(
    kind: FailureKind, detail: str = "", *, retry_after: float | None = None
) -> ProviderError:
    """Make the error of a kind; `detail` is cleaned and capped, and must hold no secret."""
    rule = TABLE[kind]
    said = postgres_safe(detail.strip(), longest=_LONGEST_DETAIL)
    message = f"{kind}: {said}" if said else kind.value
    match rule.reaction:
        case Reaction.REPEAT | Reaction.REPEAT_UNCHARGED:
            return TransientError(rule.code, message, retry_after=retry_after)
        case Reaction.REPEAT_CLOSED:
            return UnusableAnswer(rule.code, message)
        case Reaction.OPEN:
            return AccountFault(message, code=rule.code)
        case Reaction.REPEAT_BRIEFLY:
            return ProtocolMismatch(message)
        case Reaction.REASK:
            return InvalidOutput(message)
        case Reaction.FAIL | Reaction.FAIL_UNSENT as reaction:
            permanent = NotSent if reaction is Reaction.FAIL_UNSENT else PermanentError
            return permanent(rule.code, message)
        case _:
            assert_never(rule.reaction)


def document() -> Iterator[str]:
    yield "| failure | seen as | code | what follows |"
    yield "|---|---|---|---|"
    for kind, rule in TABLE.items():
        yield f"| {kind} | {rule.shows} | `{rule.code}` | {rule.reaction} |"


if __name__ == "__main__":
    print("\n".join(document()))  # noqa: T201 - a command speaks to its terminal
