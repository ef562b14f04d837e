"""Start a run for each claim, and free its slot when it ends."""

import asyncio
from collections.abc import Iterable

from structlog.contextvars import bind_contextvars

from shared.errors import ErrorCode
from shared.runtime.logging import get_log
from worker_service.claims.claim import Claim
from worker_service.claims.run import Run
from worker_service.claims.slots import Slots
from worker_service.context import WorkerContext
from worker_service.generation import request
from worker_service.generation.tools import GenerationTools

log = get_log()

_AFTER_BUG_SECONDS = 30.0


class Runner:
    """The running requests of a process, each a task of its own."""

    def __init__(self, slots: Slots, *, context: WorkerContext, tools: GenerationTools) -> None:
        self._slots = slots
        self._context = context
        self._tools = tools
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, claims: Iterable[Claim]) -> None:
        """Occupy a slot with each claim and begin to work on it.

        Call it before anything is awaited after the claim: from the slots the next claiming
        statement learns what is being worked on.
        """
        for claim in claims:
            run = Run.of(claim)
            self._slots.add(run)
            task = asyncio.create_task(self._work(run))
            self._tasks.add(task)  # the loop holds tasks weakly: this reference keeps it alive
            task.add_done_callback(self._tasks.discard)

    async def _work(self, run: Run) -> None:
        """Run a request; a bug in that ends this run alone, and is counted."""
        bind_contextvars(trace_id=run.claim.trace_id)  # of this task, and of those that it starts
        try:
            await request.run(run, context=self._context, tools=self._tools)
        except Exception:
            log.exception("run_failed", request_id=str(run.claim.request_id))
            run.defer(_AFTER_BUG_SECONDS, code=ErrorCode.UNEXPECTED, counted=True)
            await request.give_back(run, context=self._context)
        finally:
            self._slots.remove(run)
