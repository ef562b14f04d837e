"""The commands that the package installs; each needs an extra, and says so where it is missing."""

import importlib
import sys
from collections.abc import Callable

from shared.runtime.termination import LEFT_IN_ORDER, leave_at_once_on_signals

_OURS = ("api_service", "migrations", "schemas", "shared", "worker_service")


def api() -> None:
    """Serve the API: `generation-api`."""
    _load("api_service.__main__", extra="api", status=LEFT_IN_ORDER)()


def worker() -> None:
    """Run a worker: `generation-worker`."""
    _load("worker_service.__main__", extra="worker", status=LEFT_IN_ORDER)()


def relay() -> None:
    """Publish what the API has accepted, without serving: `generation-relay`."""
    _load("api_service.relay", extra="api", status=LEFT_IN_ORDER)()


def migrate() -> None:
    """Bring the schema up to date: `generation-migrate`."""
    _load("migrations.__main__", extra="api")()


def topics() -> None:
    """Create the topics: `generation-topics`."""
    _load("shared.kafka.topics", extra="api")()


def _load(module: str, *, extra: str, status: int | None = None) -> Callable[[], None]:
    """Return the module's `main`; leave with one line where a package of the extra is missing.

    A signal that comes before `main` reacts to it ends the process with `status`.
    """
    leave_at_once_on_signals(status=status)
    try:
        main: Callable[[], None] = importlib.import_module(module).main
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] in _OURS:
            raise
        sys.exit(
            f"error: {error.name} is not installed: "
            f"install the extra with `pip install 'generation-service[{extra}]'`"
        )
    return main
