"""Run a claimed request: attempt and record its missing ordinals, a few at a time."""

import asyncio
from collections.abc import Iterator
from typing import assert_never

import asyncpg

from shared.errors import DatabaseUnavailable
from shared.runtime.logging import get_log
from shared.runtime.metrics import ITEMS_DEFERRED
from worker_service.claims.release import release
from worker_service.claims.run import Run
from worker_service.context import WorkerContext
from worker_service.generation.attempt import attempt
from worker_service.generation.calling import ItemRecorded, LeaseOver
from worker_service.generation.calls import Calls
from worker_service.generation.recording import (
    end_unleased,
    keep_calls,
    record_item,
    settle_whole,
)
from worker_service.generation.spans import AttemptSpans
from worker_service.generation.tools import GenerationTools
from worker_service.outcome import Deferred, Failed, Outcome, Succeeded

log = get_log()


async def run(run: Run, *, context: WorkerContext, tools: GenerationTools) -> None:
    """Attempt and record every missing ordinal, then release the request if it is still open.

    The request stays open when an item was deferred, the worker drains or the lease was lost;
    the release changes nothing in the last case.
    """
    if not run.missing:
        await settle_whole(run, context=context)
        return
    missing = iter(run.missing)  # shared by the tasks below: each ordinal goes to one of them
    at_once = min(context.parallel_items, len(run.missing))
    if at_once == 1:
        await _run_items(run, missing, context=context, tools=tools)
    else:
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(_run_items(run, missing, context=context, tools=tools))
    if run.is_stopping:
        await give_back(run, context=context)


async def _run_items(
    run: Run, missing: Iterator[int], *, context: WorkerContext, tools: GenerationTools
) -> None:
    for ordinal in missing:
        if run.is_stopping:
            return
        calls = Calls(
            claim=run.claim,
            ordinal=ordinal,
            write=context.call_recording.write,
            most=tools.policy.calls_per_item,
            spans=_spans(run, ordinal, context),
        )
        try:
            await _run_item(run, calls, context=context, tools=tools)
        finally:
            await keep_calls(calls, context=context)


def _spans(run: Run, ordinal: int, context: WorkerContext) -> AttemptSpans | None:
    if context.tracer is None:
        return None
    return AttemptSpans(tracer=context.tracer, claim=run.claim, ordinal=ordinal)


async def _run_item(
    run: Run, calls: Calls, *, context: WorkerContext, tools: GenerationTools
) -> None:
    outcome = await _attempt(run, calls, tools)
    match outcome:
        case None:
            return
        case Deferred():
            ITEMS_DEFERRED.labels(outcome.code).inc()
            run.defer(outcome.retry_after, code=outcome.code, counted=outcome.counted)
        case Succeeded() | Failed():
            await record_item(run, outcome, calls=calls, context=context)
        case _:
            assert_never(outcome)


async def _attempt(run: Run, calls: Calls, tools: GenerationTools) -> Outcome | None:
    """Attempt an item.

    None when the item was recorded meanwhile, the run was stopped before the attempt began, or
    aborted before the outcome was there. A run whose lease may be over is stopped: a worker that
    wakes after a long pause cannot know yet what it has lost.
    """
    try:
        async with run.interruptible() as block:
            return await attempt(run, calls, tools=tools, block=block)
    except (TimeoutError, ItemRecorded):
        return None
    except LeaseOver:
        end_unleased(run)
        return None


async def give_back(run: Run, *, context: WorkerContext) -> None:
    """Release a run's request; where PostgreSQL does not do it, the lease ends by itself."""
    try:
        await release(
            context.database,
            run.claim,
            after_seconds=run.retry_after or 0.0,
            counted=int(run.release_counts),
            code=run.release_code,
        )
    except DatabaseUnavailable as error:
        log.debug("loop_iteration_failed", loop="release", reason=str(error))
    except asyncpg.PostgresError:
        log.exception("loop_iteration_failed", loop="release", request_id=str(run.claim.request_id))
