"""The spans of records, which share a transaction."""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias, assert_never

from shared.tracing import Share, Tracer
from shared.tracing.conventions import EPOCH, ORDINAL, OUTCOME, REQUEST_ID
from worker_service.settlement.record import AlreadyFinal, Answer, Busy, Result, Stale
from worker_service.settlement.settle import Recorded

Send: TypeAlias = Callable[[Sequence[Result]], Awaitable[list[Answer]]]


def with_spans(send: Send, tracer: Tracer) -> Send:
    """Make a span for each result that `send` writes, or fails to write."""

    async def noted(results: Sequence[Result]) -> list[Answer]:
        begun_ns = time.time_ns()
        try:
            answers = await send(results)
        except Exception as error:
            shares = [_share(result, error=type(error).__name__) for result in results]
            tracer.note("record", shares, begun_ns=begun_ns)
            raise
        shares = [
            _share(result, outcome=_outcome_of(answer))
            for result, answer in zip(results, answers, strict=True)
        ]
        tracer.note("record", shares, begun_ns=begun_ns)
        return answers

    return noted


def _share(result: Result, *, outcome: str | None = None, error: str | None = None) -> Share:
    return Share(
        name="record",
        traceparent=result.claim.traceparent,
        attributes={
            REQUEST_ID: str(result.request_id),
            ORDINAL: result.ordinal,
            EPOCH: result.claim.epoch,
            OUTCOME: outcome,
        },
        error=error,
    )


def _outcome_of(answer: Answer) -> str:
    match answer:
        case Recorded():
            return "recorded"
        case AlreadyFinal():
            return "already_final"
        case Stale():
            return "stale"
        case Busy():
            return "busy"
        case _:
            assert_never(answer)
