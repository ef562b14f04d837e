"""Run a stack in the foreground, or start and end one in the background.

Standard output is for the answer, standard error for what happens meanwhile.
"""

import signal
import sys
import time

from rich.console import Console

from devstack.children import Lifetime
from devstack.errors import DevstackError
from devstack.example import next_request, show_example
from devstack.locks import held_lock
from devstack.processes import Process, wait_until_reaped
from devstack.roster import Role, Roster
from devstack.services import Services
from devstack.settings import Settings
from devstack.stack import Stack, description_path

_WATCH_SECONDS = 0.5
_REAPED_SECONDS = 5.0


def up(settings: Settings) -> int:
    """Start a stack that stays, and print its description; when it runs already, only that."""
    with held_lock(settings.state_dir / "lock"):
        roster = _roster(settings)
        if roster.is_complete() and description_path(settings.state_dir).exists():
            _report("it runs already (`make down` ends it)")
        else:
            if roster.survivors():
                _report("some of its processes are gone: it is started again")
            _start(settings, roster, Lifetime.DETACHED)
        print(description_path(settings.state_dir).read_text().strip())
    return 0


def down(settings: Settings) -> int:
    """End the stack of this state folder, whoever started it."""
    with held_lock(settings.state_dir / "lock"):
        roster = _roster(settings)
        ended = roster.survivors()
        _leave(settings, roster)
        wait_until_reaped(ended, within=_REAPED_SECONDS)
    _report("stopped" if ended else f"nothing runs in {settings.state_dir}")
    return 0


def run(settings: Settings) -> int:
    """Run a stack and the example; go on until Ctrl-C where somebody sits at a terminal.

    The exit status is 0 only if the example completed.
    """
    with held_lock(settings.state_dir / "lock"):
        roster = _roster(settings)
        if roster.survivors():
            raise DevstackError(
                f"a stack runs already in {settings.state_dir}: end it with `make down`, "
                "or choose another STATE_DIR"
            )
        services, api_url = _start(settings, roster, Lifetime.TETHERED)
    completed = False
    try:
        console = Console(soft_wrap=True)
        completed = show_example(api_url, console) == "completed"
        console.print(_where_to_go(api_url), highlight=False, markup=False)
        if console.is_terminal:
            console.print("Ctrl-C stops everything.")
            _watch(services)
    except KeyboardInterrupt:
        _report("stopping")
    finally:
        _leave(settings, roster)
    return 0 if completed else 1


def take_every_farewell_for_an_interrupt() -> None:
    """Let SIGTERM and a closed terminal do what Ctrl-C does: raise KeyboardInterrupt."""
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(signum) is not signal.SIG_IGN:
            signal.signal(signum, signal.default_int_handler)


def _start(settings: Settings, roster: Roster, lifetime: Lifetime) -> tuple[Services, str]:
    """Start a stack where one that was killed may have left something; leave nothing half done."""
    roster.end()
    if lifetime is Lifetime.TETHERED:
        roster.add(Role.FOREGROUND, Process.of_this_process())
    stack = Stack(settings, roster=roster, lifetime=lifetime, report=_report)
    try:
        return stack.services, stack.start()["api_url"]
    except BaseException:
        _leave(settings, roster)
        raise


def _leave(settings: Settings, roster: Roster) -> None:
    """End the stack in order, or at once for somebody who presses Ctrl-C again."""
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)  # one farewell comes twice when make passes it on
    try:
        roster.end()
    except KeyboardInterrupt:
        roster.kill()
    description_path(settings.state_dir).unlink(missing_ok=True)


def _watch(services: Services) -> None:
    """Say who leaves, once, until somebody interrupts."""
    told: set[str] = set()
    while True:
        for line in services.find_gone():
            if line not in told:
                _report(line)
            told.add(line)
        time.sleep(_WATCH_SECONDS)


def _where_to_go(api_url: str) -> str:
    return (
        f"\nAPI      {api_url}\nOpenAPI  {api_url}/docs\n\n"
        f"Ask for more, then follow its Location:\n  {next_request(api_url)}\n"
    )


def _roster(settings: Settings) -> Roster:
    return Roster(settings.state_dir, drain_seconds=settings.drain_seconds)


def _report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
