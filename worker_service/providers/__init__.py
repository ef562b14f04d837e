"""The calls of a provider: what it is asked, and how it answers or fails.

ProviderError
  TransientError    the same call may succeed soon: retried, then the item is deferred
    UnusableAnswer    the provider serves, and its answer is empty or cut: the breaker stays closed
  AccountFault      the key, the credit, the address or the model is at fault: the breaker opens
  InvalidOutput     the answer fits no schema: called again, then the item fails
    ProtocolMismatch  it cannot be read at all: called again after a pause, then the item fails
  PermanentError    the same call fails again: the item fails

CallAgain           no failure: the call is made again at once, as the provider says

One table says which failure is which: `failures.py`.
"""

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from schemas.entity import ConstraintsBase
from schemas.usage import Tokens
from shared.errors import ErrorCode, Repetition
from worker_service.prompt import Prompt

FinishReason = Literal["stop", "length", "content_filter", "refusal", "tool_calls", "interrupted"]
"""What the words of the vendors mean; one that is unknown is kept as it came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """An answer that does not fit the schema, and what the validator says of it."""

    text: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call for one entity.

    `seed` is the same for all items of a request; together with `ordinal` it lets a provider
    make each item of a request a different one, and the same one when asked again. `rejection`
    is the answer to the call before this one, if that has to be mended. `traceparent` is for
    providers that are traced too. `carried` belongs to the provider: what a call that is made again
    has to know of the one before.
    """

    entity_type: str
    constraints: ConstraintsBase
    ordinal: int
    seed: int
    prompt: Prompt
    json_schema: dict[str, Any]
    model: str | None
    rejection: Rejection | None = None
    traceparent: str | None = None
    carried: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A provider's answer: text that should be JSON of the schema."""

    text: str
    finish_reason: str = "stop"
    reasoning: str | None = None


@dataclass(slots=True, kw_only=True)
class Spent:
    """What a call has cost so far; its provider writes it, and has done so when the call ends.

    It is separate from the answer because a call may have to be paid for however it ends: whole,
    failed, timed out or cancelled. `provider_request_id` is the provider's own id of the call,
    `requested_model` the model that was asked for, and `model` the one that has answered, which is
    the same until the provider says another.
    """

    tokens: Tokens = field(default_factory=Tokens)
    model: str | None = None
    requested_model: str | None = None
    provider_request_id: str | None = None
    first_token_seconds: float | None = None
    received_bytes: int = 0


class Provider(Protocol):
    """An outside model or service that makes entities.

    `credential` tells keys apart without revealing them: empty, or a short digest.
    `complete` makes one call, a single exchange with the outside, and notes in `spent` what that
    has cost. It raises CallAgain a bounded number of times in a row, and a ProviderError for every
    failure that it knows; anything else is a bug. Cancelling it ends the call at the provider too,
    as far as the provider allows. `close` gives up idle connections.
    """

    name: str
    credential: str

    async def complete(self, call: Call, spent: Spent) -> Completion: ...

    async def close(self) -> None: ...


class ProviderError(Exception):
    """The provider gave no usable answer."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code


class TransientError(ProviderError):
    """The same call may succeed soon; `retry_after` is the wait that the provider asks for."""

    def __init__(self, code: ErrorCode, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(code, message)
        self.retry_after = retry_after


class UnusableAnswer(TransientError):
    """The provider serves and has answered, with nothing or with half of an answer."""


class AccountFault(ProviderError):
    """The provider refuses our credential, or lacks our address or model.

    That is a fault of the configuration, not of the item.
    """

    def __init__(self, message: str, *, code: ErrorCode = ErrorCode.AUTH) -> None:
        super().__init__(code, message)


class PermanentError(ProviderError):
    """The same call would fail again."""


class NotSent(PermanentError):
    """No call was made: what it needs is not set, so there is nothing to record or to pay."""


class InvalidOutput(ProviderError):
    """The model answered, and its text does not fit the schema."""

    def __init__(self, message: str) -> None:
        super().__init__(ErrorCode.INVALID_OUTPUT, message)


class ProtocolMismatch(InvalidOutput):
    """The provider answered what is no answer of its protocol, or failed to make JSON."""


class CallAgain(Exception):
    """`call` is to be made at once in place of the one that was made, which was not answered."""

    def __init__(self, call: Call, outcome: Repetition, message: str) -> None:
        super().__init__(message)
        self.call = call
        self.outcome = outcome
