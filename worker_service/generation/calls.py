"""What each call of an attempt took: measured, counted, and recorded when it has ended."""

import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Self

import asyncpg
from uuid_utils.compat import uuid7

from schemas.usage import Tokens
from shared.errors import REPETITIONS, UNCHARGED, DatabaseUnavailable, ErrorCode
from shared.runtime.logging import get_log
from shared.runtime.metrics import PROVIDER_CALL_SECONDS, PROVIDER_CALLS, PROVIDER_TOKENS
from worker_service.claims.claim import CallsMade, Claim
from worker_service.generation.spans import AttemptSpans, end_call
from worker_service.providers import (
    Call,
    CallAgain,
    Completion,
    NotSent,
    ProviderError,
    Spent,
)
from worker_service.settlement.provider_calls import CallBatch, ProviderCall
from worker_service.text import postgres_safe

log = get_log()
_calls = cache(PROVIDER_CALLS.labels)
_seconds = cache(PROVIDER_CALL_SECONDS.labels)
_tokens = cache(PROVIDER_TOKENS.labels)

_OK = "ok"
_CANCELLED = "cancelled"
_LONGEST_REASONING = 20_000


@dataclass(slots=True, kw_only=True)
class Calls:
    """The calls for one item: how many, how the last one failed, and what is not recorded yet.

    A call is one exchange with its provider.

    `write` records calls apart from any item. `stage` is the one that the generator has reported
    last. `begun` is when the attempt got its first permit, by the monotonic clock. `spans` are None
    where there are no traces.
    """

    claim: Claim
    ordinal: int
    write: Callable[[CallBatch], Awaitable[None]]
    most: int
    spans: AttemptSpans | None = None
    stage: str | None = None
    begun: float = field(default_factory=time.monotonic)
    unrecorded: list[ProviderCall] = field(default_factory=list)
    _made: int = 0
    _charged: int = 0
    _last_failure: tuple[str, str] | None = None

    @property
    def made(self) -> int:
        """How many were made for the item in this round, those of earlier attempts included."""
        return self._made + self._before.calls

    @property
    def charged(self) -> int:
        """How many of them count towards what an item may cost."""
        return self._charged + self._before.charged

    @property
    def are_exhausted(self) -> bool:
        """Whether no further call may be made for the item."""
        return self.charged >= self.most

    @property
    def last_failure(self) -> tuple[str, str] | None:
        """The code and the message of the last call that failed, in whichever attempt."""
        before = self._before
        if self._last_failure is None and before.code is not None:
            return before.code, before.message or before.code
        return self._last_failure

    @property
    def _before(self) -> CallsMade:
        return self.claim.called.get(self.ordinal, CallsMade())

    def __len__(self) -> int:
        """Count the calls of this attempt."""
        return self._made

    def begin(self) -> None:
        """Begin the attempt, which has its first permit."""
        self.begun = time.monotonic()
        if self.spans is not None:
            self.spans.begin()

    def noted(self) -> "Noted":
        """Measure and count the call inside, however it ends."""
        return Noted(self)

    async def keep(self) -> None:
        """Record what has ended; what PostgreSQL cannot take now stays unrecorded.

        What it refuses is lost, and the log names it: the attempt goes on.
        """
        if not self.unrecorded:
            return
        batch = (*self.unrecorded,)
        try:
            await self.write(batch)
        except DatabaseUnavailable as error:
            log.debug("loop_iteration_failed", loop="provider_calls", reason=str(error))
            return
        except asyncpg.PostgresError:
            log.exception("provider_calls_lost", **lost(batch))
        self.forget(batch)

    def forget(self, recorded: Collection[ProviderCall]) -> None:
        """Take calls off those that are not recorded yet."""
        self.unrecorded = [call for call in self.unrecorded if call not in recorded]

    def note(self, call: "Noted", error: BaseException | None) -> None:
        """Count a call that was made and has ended, and keep it to be recorded."""
        match error:
            case NotSent():
                return
            case None:
                ended = self._ended(call, _OK)
            case CallAgain():
                ended = self._ended(call, error.outcome, message=str(error))
            case ProviderError():
                ended = self._ended(call, error.code, message=str(error) or error.code)
                self._log(ended)
            case Exception():
                log_only = f"an unexpected {type(error).__name__}; it was logged"
                ended = self._ended(call, ErrorCode.UNEXPECTED, message=log_only)
            case _:
                ended = self._ended(call, _CANCELLED)
        self._count(ended)
        self.unrecorded.append(ended)
        self._measure(ended)
        if call.span is not None:
            end_call(call.span, ended, call.spent, is_ok=error is None)

    def _count(self, call: ProviderCall) -> None:
        self._made += 1
        self._charged += call.outcome not in UNCHARGED or bool(call.output_tokens)
        if call.error_message is not None and call.outcome not in REPETITIONS:
            self._last_failure = (call.outcome, call.error_message)

    def _ended(self, call: "Noted", outcome: str, *, message: str | None = None) -> ProviderCall:
        completion, spent, claim = call.completion, call.spent, self.claim
        return ProviderCall(
            generation_request_id=claim.request_id,
            call_id=call.call_id,
            ordinal=self.ordinal,
            round=claim.round,
            epoch=claim.epoch,
            provider=claim.provider,
            model=spent.model or claim.model,
            outcome=outcome,
            error_message=postgres_safe(message) if message is not None else None,
            seconds=round(time.monotonic() - call.begun, 3),
            first_token_seconds=spent.first_token_seconds,
            finish_reason=completion.finish_reason if completion else None,
            provider_request_id=spent.provider_request_id,
            received_bytes=spent.received_bytes,
            reasoning=_kept(completion.reasoning) if completion else None,
            **spent.tokens.model_dump(),
        )

    def _measure(self, call: ProviderCall) -> None:
        _calls(call.provider, call.outcome).inc()
        _seconds(call.provider).observe(call.seconds)
        for kind in Tokens.model_fields:
            tokens = _tokens(call.provider, kind.removesuffix("_tokens"))
            tokens.inc(getattr(call, kind) or 0)

    def _log(self, call: ProviderCall) -> None:
        log.info(
            "provider_call_failed",
            request_id=str(call.generation_request_id),
            call_id=str(call.call_id),
            ordinal=call.ordinal,
            provider=call.provider,
            model=call.model,
            epoch=call.epoch,
            stage=self.stage,
            code=call.outcome,
            reason=call.error_message,
            provider_request_id=call.provider_request_id,
            seconds=call.seconds,
        )


class Noted:
    """A call that is under way: what it has cost so far, and its answer, once that is there.

    Its id is made before the call: no other worker gives the same one to another call.
    """

    __slots__ = ("_calls", "begun", "call_id", "completion", "span", "spent")

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self.call_id = uuid7()
        self.begun = time.monotonic()
        self.spent = Spent()
        self.completion: Completion | None = None
        self.span = None if calls.spans is None else calls.spans.begin_call(self.call_id)

    def __enter__(self) -> Self:
        return self

    def traced(self, call: Call) -> Call:
        """Return the call, with the span of it as what the provider goes on from."""
        return call if self.span is None else replace(call, traceparent=self.span.traceparent)

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self._calls.note(self, error)


def lost(calls: Collection[ProviderCall]) -> dict[str, object]:
    """Name calls that cannot be recorded, for the log."""
    return {
        "request_id": str(next(call.generation_request_id for call in calls)),
        "call_ids": [str(call.call_id) for call in calls],
    }


def _kept(reasoning: str | None) -> str | None:
    return postgres_safe(reasoning, longest=_LONGEST_REASONING) if reasoning else None
