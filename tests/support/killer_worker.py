"""A worker whose provider kills the process at requests tagged `killer`."""

import asyncio
import os
import signal
from dataclasses import replace

from shared.config import load
from shared.http.server import listen
from shared.runtime.logging import configure
from worker_service.config import WorkerSettings
from worker_service.providers import Call, Completion, Spent
from worker_service.providers.demo import Demo
from worker_service.worker import make_tools, run_worker


class Killer(Demo):
    async def complete(self, call: Call, spent: Spent) -> Completion:
        if "killer" in call.constraints.topic_tags:
            os.kill(os.getpid(), signal.SIGKILL)
        return await super().complete(call, spent)


if __name__ == "__main__":
    settings = load(WorkerSettings)
    configure(settings, service="worker")
    tools = make_tools(settings)
    killer = Killer(latency_seconds=settings.demo_latency_seconds)
    listening = listen(settings.worker_health_host, settings.worker_health_port)
    working = run_worker(settings, replace(tools, providers={"demo": killer}), listening)
    asyncio.run(working)
