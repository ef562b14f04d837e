"""Run a worker: `python -m worker_service`."""

from shared.runtime.termination import LEFT_IN_ORDER, leave_at_once_on_signals

if __name__ == "__main__":
    leave_at_once_on_signals(status=LEFT_IN_ORDER)  # before the imports, which take a second

import asyncio
import sys

import uvloop

from shared.config import load
from shared.http.server import listen
from shared.runtime.arguments import take_no_arguments
from shared.runtime.logging import configure
from worker_service.config import WorkerSettings
from worker_service.worker import make_tools, run_worker


def main() -> None:
    """Read the settings and work until told to stop."""
    take_no_arguments("worker_service", __doc__)
    settings = load(WorkerSettings)
    configure(settings, service="worker")
    listening = listen(
        settings.worker_health_host,
        settings.worker_health_port,
        host_setting="WORKER_HEALTH_HOST",
        port_setting="WORKER_HEALTH_PORT",
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.exit(runner.run(run_worker(settings, make_tools(settings), listening)))


if __name__ == "__main__":
    main()
