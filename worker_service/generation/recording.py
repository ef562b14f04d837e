"""Record results until PostgreSQL answers: what is generated once is never generated again."""

from dataclasses import replace
from functools import cache
from typing import assert_never

import asyncpg

from shared.errors import DatabaseUnavailable, ErrorCode
from shared.runtime.logging import get_log
from shared.runtime.loops import pause
from shared.runtime.metrics import ITEMS_FAILED, ITEMS_SUCCEEDED, LATE_RESULTS
from worker_service.claims.run import Run
from worker_service.context import WorkerContext
from worker_service.generation.calls import Calls, lost
from worker_service.outcome import Failed, Succeeded
from worker_service.settlement.events import announce
from worker_service.settlement.record import AlreadyFinal, Busy, Result, Stale, settle_recorded
from worker_service.settlement.settle import Recorded

log = get_log()
_succeeded = cache(ITEMS_SUCCEEDED.labels)

_AGAIN_SECONDS = 0.05
_LONGEST_AGAIN_SECONDS = 5.0


async def record_item(
    run: Run, outcome: Succeeded | Failed, *, calls: Calls, context: WorkerContext
) -> None:
    """Record an item of a run with its calls; stop the run if its request needs no more items."""
    result = Result(
        claim=run.claim, ordinal=calls.ordinal, outcome=outcome, calls=(*calls.unrecorded,)
    )
    answer = await _answer(result, run, context)
    if answer is not None:
        calls.forget(result.calls)
    match answer:
        case Recorded(recorded=recorded, settlement=settlement):
            run.note_recorded(recorded)
            if settlement is not None:
                announce(settlement, context.relay, context.tracer)
        case AlreadyFinal() | Stale():
            run.stop()
            _log_late(result)
        case None:
            run.stop()
        case _:
            assert_never(answer)


async def keep_calls(calls: Calls, *, context: WorkerContext) -> None:
    """Record the calls of an attempt that no item was recorded with, until PostgreSQL answers.

    When the drain is over, that is tried once more; what stays unrecorded is named in the log.
    """
    again = _AGAIN_SECONDS
    while calls.unrecorded:
        is_last = context.is_over.is_set()
        await calls.keep()
        if is_last and calls.unrecorded:
            log.error("provider_calls_lost", **lost(calls.unrecorded))
            return
        if calls.unrecorded:
            await pause(context.is_over, again)
            again = min(again * 2, _LONGEST_AGAIN_SECONDS)


async def settle_whole(run: Run, *, context: WorkerContext) -> None:
    """Settle a request whose items are all recorded and that is open; a later claim tries again."""
    try:
        settlement = await settle_recorded(
            context.database, run.claim.request_id, kafka_names=context.kafka_names
        )
    except DatabaseUnavailable as error:
        log.debug("loop_iteration_failed", loop="settle", reason=str(error))
        return
    if settlement is not None:
        announce(settlement, context.relay, context.tracer)


async def _answer(
    result: Result, run: Run, context: WorkerContext
) -> Recorded | AlreadyFinal | Stale | None:
    """Write a result until PostgreSQL answers.

    None: even a try that began when the drain was over had no answer; or PostgreSQL refuses, for no
    fault of the result, and the lease is over.
    """
    again = _AGAIN_SECONDS
    log_refusal = log.exception
    while True:
        is_last = context.is_over.is_set()
        try:
            answer = await context.recording.write(result)
            if isinstance(answer, Recorded):
                _count(result)
            if not isinstance(answer, Busy):
                return answer
        except DatabaseUnavailable as error:
            log.debug("loop_iteration_failed", loop="record", reason=str(error))
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
            if isinstance(result.outcome, Failed):
                raise
            log.exception(
                "attempt_raised", request_id=str(result.request_id), ordinal=result.ordinal
            )
            result = replace(result, outcome=_unstorable(error, result.outcome))
            continue
        except asyncpg.PostgresError:
            log_refusal("loop_iteration_failed", loop="record", request_id=str(result.request_id))
            log_refusal = log.debug  # every further refusal is the same
            if not run.is_leased:
                end_unleased(run)
                return None
        if is_last:
            return None
        await pause(context.is_over, again)
        again = min(again * 2, _LONGEST_AGAIN_SECONDS)


def _count(result: Result) -> None:
    match result.outcome:
        case Succeeded():
            _succeeded(result.claim.entity_type).inc()
        case Failed(code=code):
            ITEMS_FAILED.labels(code).inc()


def _unstorable(error: Exception, outcome: Succeeded) -> Failed:
    return Failed(
        code=ErrorCode.UNEXPECTED,
        message=f"the outcome could not be stored: {type(error).__name__}",
        attempts=outcome.attempts,
    )


def _log_late(result: Result) -> None:
    LATE_RESULTS.inc()
    log.warning(
        "late_result_dropped",
        request_id=str(result.request_id),
        epoch=result.claim.epoch,
        ordinal=result.ordinal,
        calls=result.outcome.attempts,
    )


def end_unleased(run: Run) -> None:
    """Stop a run whose lease may be over; the request may have another owner by now."""
    if not run.is_stopping:
        log.warning("lease_lost", request_id=str(run.claim.request_id), epoch=run.claim.epoch)
    run.stop()
