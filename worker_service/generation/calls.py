"""What each call of an attempt took: measured, counted, kept for the record."""

import time
from dataclasses import dataclass, field
from typing import Self
from uuid import UUID

from schemas.usage import ItemUsage, ProviderCall, Tokens
from shared.errors import ErrorCode
from shared.runtime.logging import get_log
from shared.runtime.metrics import PROVIDER_CALL_SECONDS, PROVIDER_CALLS, PROVIDER_TOKENS
from worker_service.providers import Completion, ProviderError
from worker_service.text import postgres_safe

log = get_log()

_OK = "ok"
_LONGEST_REASONING = 20_000


@dataclass(slots=True, kw_only=True)
class Calls:
    """The calls of one attempt so far, each with its end; one that is cancelled has none.

    `stage` is the one that the generator has reported last. `begun` is when the attempt got its
    first permit, by the monotonic clock.
    """

    request_id: UUID
    ordinal: int
    provider: str
    stage: str | None = None
    begun: float = field(default_factory=time.monotonic)
    _made: list[ProviderCall] = field(default_factory=list)

    @property
    def usage(self) -> ItemUsage:
        """What they came to."""
        return ItemUsage.of(self._made)

    def __len__(self) -> int:
        return len(self._made)

    def noted(self) -> "Noted":
        """Measure and count the call inside, however it ends unless it is cancelled."""
        return Noted(self)

    def note(self, call: "Noted", error: BaseException | None) -> None:
        """Keep what a call has ended with."""
        match error:
            case None:
                self._note(_OK, call)
            case ProviderError():
                self._note(error.code, call, provider_request_id=error.provider_request_id)
                self._log(error)
            case Exception():
                self._note(ErrorCode.UNEXPECTED, call)
            case _:
                pass  # cancelled: its end is unknown

    def _note(self, outcome: str, call: "Noted", *, provider_request_id: str | None = None) -> None:
        seconds = round(time.monotonic() - call.begun, 3)
        completion = call.completion or Completion(text="")
        self._made.append(
            ProviderCall(
                outcome=outcome,
                seconds=seconds,
                first_token_seconds=completion.first_token_seconds,
                model=completion.model,
                finish_reason=completion.finish_reason if call.completion else None,
                provider_request_id=completion.provider_request_id or provider_request_id,
                reasoning=_kept(completion.reasoning),
                **completion.tokens.model_dump(),
            )
        )
        PROVIDER_CALLS.labels(self.provider, outcome).inc()
        PROVIDER_CALL_SECONDS.labels(self.provider).observe(seconds)
        for kind in Tokens.model_fields:
            PROVIDER_TOKENS.labels(self.provider, kind.removesuffix("_tokens")).inc(
                getattr(completion.tokens, kind)
            )

    def _log(self, error: ProviderError) -> None:
        call = self._made[-1]
        log.info(
            "provider_call_failed",
            request_id=str(self.request_id),
            ordinal=self.ordinal,
            provider=self.provider,
            stage=self.stage,
            code=error.code,
            reason=str(error),
            provider_request_id=call.provider_request_id,
            seconds=call.seconds,
        )


class Noted:
    """A call that is under way; `completion` is its answer, once that is there."""

    __slots__ = ("_calls", "begun", "completion")

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self.begun = time.monotonic()
        self.completion: Completion | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self._calls.note(self, error)


def _kept(reasoning: str | None) -> str | None:
    return postgres_safe(reasoning, longest=_LONGEST_REASONING) if reasoning else None
