"""What making entities cost: written by the worker with each item, added up by the API."""

from collections.abc import Sequence
from typing import Self

from pydantic import BaseModel, ConfigDict


class Tokens(BaseModel):
    """Tokens as the provider counts them; those of the reasoning are among the output's."""

    model_config = ConfigDict(frozen=True)

    input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0


class ProviderCall(Tokens):
    """One call of a provider: how it ended (`ok`, or an error code), and what it took."""

    outcome: str
    seconds: float
    first_token_seconds: float | None = None
    model: str | None = None
    finish_reason: str | None = None
    provider_request_id: str | None = None
    reasoning: str | None = None


class Usage(BaseModel):
    """Calls and their tokens, added up; those of calls that failed are among them."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0


class ItemUsage(Usage):
    """What one item cost, and each call of it in its order."""

    provider_calls: tuple[ProviderCall, ...] = ()

    @classmethod
    def of(cls, calls: Sequence[ProviderCall]) -> Self:
        """Add up the calls of an item."""
        return cls(
            calls=len(calls),
            provider_calls=tuple(calls),
            **{name: sum(getattr(call, name) for call in calls) for name in Tokens.model_fields},
        )

    def totals(self) -> dict[str, int]:
        """Leave out the calls: the sums alone."""
        return self.model_dump(include={*Usage.model_fields})
