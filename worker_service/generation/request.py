"""Work on a claimed request: attempt and record its missing ordinals, a few at a time."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import assert_never

import asyncpg

from shared.errors import DatabaseUnavailable, ErrorCode
from shared.group_commit import GroupCommit
from shared.outbox import Relay
from shared.postgres.database import Database
from shared.runtime.logging import get_log
from shared.runtime.loops import pause
from shared.runtime.metrics import LATE_RESULTS
from worker_service.claims.claim import release
from worker_service.claims.slots import Run
from worker_service.generation.attempt import GenerationTools, LeaseOver, attempt
from worker_service.generation.permits import PrioritySemaphore
from worker_service.kafka_names import KafkaNames
from worker_service.outcome import Deferred, Failed, Outcome, Succeeded
from worker_service.settlement.events import announce
from worker_service.settlement.record import (
    AlreadyFinal,
    Answer,
    Busy,
    Recorded,
    Result,
    Stale,
    settle_recorded,
)

log = get_log()

_AGAIN_SECONDS = 0.05
_LONGEST_AGAIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerContext:
    """What working on requests takes in this process.

    `permits` bound the attempts over all requests, `recording` writes their results. `is_over` is
    set when a drain gives up: what cannot be recorded even then is left to the next owner.
    """

    database: Database
    relay: Relay
    tools: GenerationTools
    permits: PrioritySemaphore
    parallel_items: int
    kafka_names: KafkaNames
    recording: GroupCommit[Result, Answer]
    is_over: asyncio.Event


async def work(run: Run, *, context: WorkerContext) -> None:
    """Attempt and record every missing ordinal, then release the request if it is still open.

    The request stays open when an item was deferred, the worker drains or the lease was lost;
    the release changes nothing in the last case.
    """
    if not run.missing:
        await _settle(run, context)
        return
    missing = iter(run.missing)
    at_once = min(context.parallel_items, len(run.missing))
    if at_once == 1:
        await _work_through(run, missing, context)
    else:
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(_work_through(run, missing, context))
    if run.is_stopping:
        await give_back(run, context=context)


async def _settle(run: Run, context: WorkerContext) -> None:
    """Settle what somebody recorded whole and did not settle; a later claim tries again."""
    try:
        settlement = await settle_recorded(
            context.database, run.claim.request_id, kafka_names=context.kafka_names
        )
    except DatabaseUnavailable as error:
        log.debug("loop_iteration_failed", loop="settle", reason=str(error))
        return
    if settlement is not None:
        announce(settlement, context.relay)


async def _work_through(run: Run, missing: Iterator[int], context: WorkerContext) -> None:
    for ordinal in missing:
        if run.is_stopping:
            return
        outcome = await _permitted_attempt(run, ordinal, context)
        match outcome:
            case None:
                continue
            case Deferred():
                run.defer(outcome.retry_after, counted=outcome.counted)
            case Succeeded() | Failed():
                await _record(run, ordinal, outcome, context)
            case _:
                assert_never(outcome)


async def _permitted_attempt(run: Run, ordinal: int, context: WorkerContext) -> Outcome | None:
    """Attempt an item when there is a permit for it.

    None when the item was recorded meanwhile, the run was stopped before the attempt began, or
    aborted before the outcome was there. A run whose lease may be over is stopped: whoever wakes
    after a long pause cannot know yet what it has lost.
    """
    permits, claim = context.permits, run.claim
    try:
        async with asyncio.timeout(None) as limit:
            with run.stoppable(limit):
                await permits.acquire(claim.priority, claim.request_id)
            try:
                if ordinal in run.recorded:
                    return None
                with run.abortable(limit):
                    return await attempt(claim, ordinal, tools=context.tools, lease=run)
            finally:
                permits.release()
    except TimeoutError:
        return None
    except LeaseOver:
        _end_unleased(run)
        return None


def _end_unleased(run: Run) -> None:
    if not run.is_stopping:
        log.warning("lease_lost", request_id=str(run.claim.request_id), epoch=run.claim.epoch)
    run.stop()


async def _record(
    run: Run, ordinal: int, outcome: Succeeded | Failed, context: WorkerContext
) -> None:
    """Record a result in hand until PostgreSQL answers; once more when the drain is over."""
    result = Result(claim=run.claim, ordinal=ordinal, outcome=outcome)
    answer = await _recorded(result, run, context)
    match answer:
        case Recorded():
            run.note_recorded(answer.recorded)
            if answer.settlement is not None:
                announce(answer.settlement, context.relay)
        case AlreadyFinal() | Stale():
            run.stop()
            LATE_RESULTS.inc()
            log.warning(
                "late_result_dropped",
                request_id=str(run.claim.request_id),
                epoch=run.claim.epoch,
                ordinal=ordinal,
                usage=outcome.usage.totals(),
            )
        case None:
            run.stop()
        case _:
            assert_never(answer)


async def _recorded(
    result: Result, run: Run, context: WorkerContext
) -> Recorded | AlreadyFinal | Stale | None:
    """Return the answer.

    None: even a try that began when the drain was over had none; or PostgreSQL refuses, for no
    fault of the result, and the lease is over.
    """
    again = _AGAIN_SECONDS
    log_refusal = log.exception
    while True:
        is_last = context.is_over.is_set()
        try:
            answer = await context.recording.write(result)
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
            log_refusal = log.debug  # it is the same at every try
            if not run.is_leased:
                _end_unleased(run)
                return None
        if is_last:
            return None
        await pause(context.is_over, again)
        again = min(again * 2, _LONGEST_AGAIN_SECONDS)


def _unstorable(error: Exception, outcome: Succeeded) -> Failed:
    return Failed(
        code=ErrorCode.UNEXPECTED,
        message=f"the outcome could not be stored: {type(error).__name__}",
        attempts=outcome.attempts,
        usage=outcome.usage,
    )


async def give_back(run: Run, *, context: WorkerContext) -> None:
    """Release a run's request; where PostgreSQL does not do it, the lease ends by itself."""
    try:
        await release(
            context.database,
            run.claim,
            after_seconds=run.retry_after or 0.0,
            counted=int(run.release_counts),
        )
    except DatabaseUnavailable as error:
        log.debug("loop_iteration_failed", loop="release", reason=str(error))
    except asyncpg.PostgresError:
        log.exception("loop_iteration_failed", loop="release", request_id=str(run.claim.request_id))
