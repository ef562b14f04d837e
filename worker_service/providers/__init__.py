"""The calls of a provider: what it is asked, and how it answers or fails.

ProviderError
  TransientError    the same call may succeed soon: retried, then the item is deferred
  CredentialRefused the key is bad, or its credit is spent: the breaker opens, the item is deferred
  InvalidOutput     the answer fits no schema: called again, then the item fails
    ProtocolMismatch  it cannot be read at all: called again after a pause, then the item fails
  PermanentError    the same call fails again: the item fails

One table says which failure is which: `failures.py`.
"""

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from schemas.entity import ConstraintsBase
from schemas.usage import Tokens
from shared.errors import ErrorCode
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
    is the answer to the call before this one, if that has to be mended.
    """

    entity_type: str
    constraints: ConstraintsBase
    ordinal: int
    seed: int
    prompt: Prompt
    json_schema: dict[str, Any]
    model: str | None
    rejection: Rejection | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A provider's answer: text that should be JSON of the schema."""

    text: str
    finish_reason: str = "stop"
    tokens: Tokens = field(default_factory=Tokens)
    model: str | None = None
    reasoning: str | None = None
    provider_request_id: str | None = None
    first_token_seconds: float | None = None
    received_bytes: int = 0


class Provider(Protocol):
    """An outside model or service that makes entities.

    `credential` tells keys apart without revealing them: empty, or a short digest.
    `complete` raises a ProviderError for every failure that it knows; anything else is a bug.
    Cancelling it ends the call at the provider too, as far as the provider allows. `close` gives
    up idle connections.
    """

    name: str
    credential: str

    async def complete(self, call: Call) -> Completion: ...

    async def close(self) -> None: ...


class ProviderError(Exception):
    """The provider gave no usable answer.

    The id is its own one of the call, if it is known; bytes and tokens are those of the answer so
    far, which may have to be paid for.
    """

    provider_request_id: str | None = None
    received_bytes: int = 0
    tokens: Tokens = Tokens()

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code


class TransientError(ProviderError):
    """The same call may succeed soon; `retry_after` is the wait that the provider asks for."""

    def __init__(self, code: ErrorCode, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(code, message)
        self.retry_after = retry_after


class CredentialRefused(ProviderError):
    """The provider refuses our credential: a fault of the configuration, not of the item."""

    def __init__(self, message: str, *, code: ErrorCode = ErrorCode.AUTH) -> None:
        super().__init__(code, message)


class PermanentError(ProviderError):
    """The same call would fail again."""


class InvalidOutput(ProviderError):
    """The model answered, and its text does not fit the schema."""

    def __init__(self, message: str) -> None:
        super().__init__(ErrorCode.INVALID_OUTPUT, message)


class ProtocolMismatch(InvalidOutput):
    """The provider answered what is no answer of its protocol, or failed to make JSON."""
