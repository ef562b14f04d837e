"""Run a stack in the foreground, or start and end one in the background.

Standard output is for the answer, standard error for what happens meanwhile.
"""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from rich.console import Console

from devstack.children import Lifetime
from devstack.control import leave, report, roster_of
from devstack.description import description_path, read_description, source_fingerprint
from devstack.errors import DevstackError
from devstack.example import next_request, show_example
from devstack.locks import held_lock
from devstack.processes import Process
from devstack.progress import Progress, reminding
from devstack.roster import Role, Roster
from devstack.services import Services
from devstack.settings import Settings
from devstack.stack import Stack

_WATCH_SECONDS = 0.5
INTERRUPTED = 130
"""The exit status of a command that was ended by Ctrl-C."""


def up(settings: Settings) -> int:
    """Start a stack that stays, and print its description; when it runs already, only that."""
    with held_lock(settings.state_dir / "lock"):
        roster = roster_of(settings)
        description = read_description(settings.state_dir)
        if roster.is_complete() and description:
            report(_already(description))
        else:
            if roster.survivors():
                report("some of its processes are gone: it is started again")
            _start(settings, roster, Lifetime.DETACHED)
        print(description_path(settings.state_dir).read_text().strip())
    return 0


def run(settings: Settings) -> int:
    """Run a stack and the example; in a terminal, go on until Ctrl-C.

    The exit status is 0 only if the example completed.
    """
    with foreground(settings) as (stack, description):
        api_url = description["api_url"]
        console = Console(soft_wrap=True)
        console.print(_where_it_is(description), highlight=False, markup=False)
        shown = show_example(api_url, console)
        if console.is_terminal and not shown.is_misconfigured:
            console.print(_how_to_go_on(api_url), highlight=False, markup=False)
            with suppress(KeyboardInterrupt):
                _watch(stack.services)
            report("stopping")
        return 0 if shown.status == "completed" else 1


@contextmanager
def foreground(settings: Settings) -> Iterator[tuple[Stack, dict[str, Any]]]:
    """Run a stack, with its description, until the block ends or is interrupted."""
    with held_lock(settings.state_dir / "lock"):
        roster = roster_of(settings)
        if roster.survivors():
            raise DevstackError(
                f"a stack runs already in {settings.state_dir}: end it with `make down`, "
                "or choose another STATE_DIR"
            )
        stack, description = _start(settings, roster, Lifetime.TETHERED)
    try:
        yield stack, description
    except KeyboardInterrupt:
        report("stopping")
        raise
    finally:
        leave(settings, roster)


def take_every_farewell_for_an_interrupt() -> None:
    """Let SIGTERM and a closed terminal do what Ctrl-C does: raise KeyboardInterrupt."""
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(signum) is not signal.SIG_IGN:
            signal.signal(signum, signal.default_int_handler)


def _start(settings: Settings, roster: Roster, lifetime: Lifetime) -> tuple[Stack, dict[str, Any]]:
    """Start a stack where one that was killed may have left something; leave nothing half done."""
    roster.end()
    if lifetime is Lifetime.TETHERED:
        roster.add(Role.FOREGROUND, Process.of_this_process())
    progress = Progress()
    stack = Stack(settings, roster=roster, lifetime=lifetime, progress=progress)
    try:
        with reminding(progress):
            return stack, stack.start()
    except BaseException:
        leave(settings, roster)
        raise


def _already(description: dict[str, Any]) -> str:
    if description["source"] == source_fingerprint():
        return "it runs already (`make down` ends it)"
    return (
        "it runs already, with the source and the .env of before the last change: "
        "`make down up` starts it with what is there now"
    )


def _watch(services: Services) -> None:
    """Report each process that has left, once, until Ctrl-C."""
    told: set[str] = set()
    while True:
        for line in services.find_gone():
            if line not in told:
                report(line)
            told.add(line)
        time.sleep(_WATCH_SECONDS)


def _where_it_is(description: dict[str, Any]) -> str:
    api_url, admin_url = description["api_url"], description["admin_url"]
    admin = f"Admin    {admin_url}\n" if admin_url else ""
    return (
        f"\nAPI      {api_url}\nOpenAPI  {api_url}/docs\n{admin}Logs     {description['log_dir']}\n"
    )


def _how_to_go_on(api_url: str) -> str:
    return (
        f"\nAsk for more, then follow its Location:\n  {next_request(api_url)}\n\n"
        "Ctrl-C stops everything."
    )
