"""A worker whose provider takes no time of its own: `python -m benchmarks.instant_worker`.

The provider `demo` composes each sentence anew, which costs more than all of the road. Here it
stands for an outside model: after DEMO_LATENCY_SECONDS it answers with one fixed sentence.
"""

import asyncio
import json
import sys
from dataclasses import replace

import uvloop

from benchmarks.entity import ENTITY
from schemas.usage import Tokens
from shared.config import load
from shared.http.server import listen
from shared.runtime.logging import configure
from worker_service.config import WorkerSettings
from worker_service.providers import Call, Completion, Spent
from worker_service.worker import make_tools, run_worker


class Fixed:
    """Answer every call with the same sentence."""

    name = "demo"
    credential = ""

    def __init__(self, *, latency_seconds: float) -> None:
        self._latency_seconds = latency_seconds
        self._tokens = Tokens(input_tokens=200, output_tokens=60)
        self._completion = Completion(text=json.dumps(ENTITY))

    async def complete(self, _: Call, spent: Spent) -> Completion:
        if self._latency_seconds:
            await asyncio.sleep(self._latency_seconds)
        spent.tokens = self._tokens
        return self._completion

    async def close(self) -> None:
        """There is nothing to close."""


def main() -> None:
    """Read the settings and work until told to stop."""
    settings = load(WorkerSettings)
    configure(settings, service="worker")
    fixed = Fixed(latency_seconds=settings.demo_latency_seconds)
    tools = replace(make_tools(settings), providers={fixed.name: fixed})
    listening = listen(settings.worker_health_host, settings.worker_health_port)
    sys.exit(uvloop.run(run_worker(settings, tools, listening)))


if __name__ == "__main__":
    main()
