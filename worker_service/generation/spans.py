"""The spans of an attempt and of its provider calls."""

from dataclasses import dataclass, field
from typing import Final, assert_never
from uuid import UUID

from shared.tracing import Span, Tracer
from shared.tracing.conventions import (
    CALL_ID,
    CALLS,
    ENTITY_TYPE,
    EPOCH,
    GEN_AI_OPERATION_NAME,
    GEN_AI_OUTPUT_TYPE,
    GEN_AI_PROVIDER_NAME,
    GEN_AI_REQUEST_MODEL,
    GEN_AI_RESPONSE_FINISH_REASONS,
    GEN_AI_RESPONSE_MODEL,
    GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK,
    GEN_AI_USAGE_INPUT_TOKENS,
    GEN_AI_USAGE_OUTPUT_TOKENS,
    GEN_AI_USAGE_REASONING_TOKENS,
    ORDINAL,
    OUTCOME,
    PROVIDER_REQUEST_ID,
    REQUEST_ID,
    ROUND,
)
from worker_service.claims.claim import Claim
from worker_service.outcome import Deferred, Failed, Outcome, Succeeded
from worker_service.providers import Spent
from worker_service.settlement.provider_calls import ProviderCall

_CHAT: Final = "chat"
_CUT_OFF: Final = "cancelled"


@dataclass(slots=True, kw_only=True, eq=False)
class AttemptSpans:
    """The span of one attempt, once it has begun, and those of its calls."""

    tracer: Tracer
    claim: Claim
    ordinal: int
    _attempt: Span | None = field(default=None, init=False)

    def begin(self) -> None:
        """Begin the attempt, which has its first permit."""
        self._attempt = self.tracer.start(
            f"attempt {self.claim.entity_type}",
            parent=self.claim.traceparent,
            attributes={
                **self._identifiers(),
                EPOCH: self.claim.epoch,
                ROUND: self.claim.round,
            },
        )

    def begin_call(self, call_id: UUID) -> Span:
        """Begin a provider call."""
        claim = self.claim
        return self.tracer.start(
            _CHAT,
            parent=self._attempt.traceparent if self._attempt else claim.traceparent,
            kind="client",
            attributes={
                **self._identifiers(),
                CALL_ID: str(call_id),
                GEN_AI_OPERATION_NAME: _CHAT,
                GEN_AI_PROVIDER_NAME: claim.provider,
                GEN_AI_OUTPUT_TYPE: "json",
            },
        )

    def _identifiers(self) -> dict[str, str | int]:
        claim = self.claim
        return {
            REQUEST_ID: str(claim.request_id),
            ENTITY_TYPE: claim.entity_type,
            ORDINAL: self.ordinal,
        }

    def end(self, outcome: Outcome | None, *, calls: int) -> None:
        """End the attempt, with its outcome or because it was cut off; the first end counts."""
        if self._attempt is None and outcome is not None:
            self.begin()  # without a call there was no permit either
        if (attempt := self._attempt) is None:
            return
        ended = type(outcome).__name__.lower() if outcome is not None else _CUT_OFF
        attempt.add({OUTCOME: ended, CALLS: calls})
        attempt.end(error=_error_of(outcome))


def _error_of(outcome: Outcome | None) -> str | None:
    match outcome:
        case None:
            return _CUT_OFF
        case Succeeded():
            return None
        case Failed() | Deferred():
            return outcome.code
        case _:
            assert_never(outcome)


def end_call(span: Span, call: ProviderCall, spent: Spent, *, is_ok: bool) -> None:
    """End a provider call with what is recorded of it, but for all texts."""
    model = spent.requested_model or call.model
    span.add(
        {
            OUTCOME: call.outcome,
            GEN_AI_REQUEST_MODEL: model,
            GEN_AI_RESPONSE_MODEL: spent.model if is_ok else None,
            GEN_AI_RESPONSE_FINISH_REASONS: [call.finish_reason] if call.finish_reason else None,
            GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK: call.first_token_seconds,
            GEN_AI_USAGE_INPUT_TOKENS: call.input_tokens,
            GEN_AI_USAGE_OUTPUT_TOKENS: call.output_tokens,
            GEN_AI_USAGE_REASONING_TOKENS: call.reasoning_tokens,
            PROVIDER_REQUEST_ID: call.provider_request_id,
        }
    )
    span.end(name=f"{_CHAT} {model}" if model else None, error=None if is_ok else call.outcome)
