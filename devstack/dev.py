"""Run a stack whose services start again whenever their source changes."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import watchfiles

from devstack.commands import foreground
from devstack.control import report
from devstack.description import SOURCES
from devstack.errors import DevstackError
from devstack.installation import CHECKOUT
from devstack.settings import Settings
from devstack.spares import Spares
from devstack.stack import Stack

_DEBOUNCE_MS = 200
_STEP_MS = 50
_DRAIN_SECONDS = "0.5"
"""What is in flight is released at once, for the worker of the new source to take."""


def dev(settings: Settings) -> int:
    """Run a stack, and restart its services on every change, until Ctrl-C."""
    environment = {"DRAIN_SECONDS": _DRAIN_SECONDS} | dict(settings.environment)
    with foreground(replace(settings, environment=environment)) as (stack, description):
        where = f"API {description['api_url']}, logs in {settings.log_dir}"
        report(f"{where}; Ctrl-C stops everything")
        with suppress(KeyboardInterrupt), Spares() as spares:
            stack.services.launch = spares.launch
            restart_on_changes(stack, spares)
        report("stopping")
    return 0


def restart_on_changes(stack: Stack, spares: Spares) -> None:
    """Restart the services on every change, until Ctrl-C."""
    folders = [CHECKOUT / folder for folder in SOURCES]
    spares.prepare(stack.services.programs)
    for changes in watchfiles.watch(*folders, debounce=_DEBOUNCE_MS, step=_STEP_MS):
        restart(stack.restart_services, sorted({Path(path) for _, path in changes}))
        spares.prepare(stack.services.programs)


def restart(start_again: Callable[[], object], changed: Sequence[Path]) -> None:
    """Restart the services; what does not start is said, and waits for the next change."""
    started = time.monotonic()
    names = ", ".join(str(path.relative_to(CHECKOUT)) for path in changed)
    try:
        start_again()
    except DevstackError as error:
        report(f"{names}: {error}")
    else:
        report(f"{names}: restarted in {time.monotonic() - started:.1f} s")
