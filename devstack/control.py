"""End a stack or look at it: `python3 -m devstack.control down|status|logs|psql`.

Standard library only, so that any Python can do it: nothing is installed for it, and the
environment that the stack runs from is left alone.
"""

import argparse
import os
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

from devstack import preflight

preflight.refuse_an_old_python()

from devstack.description import description_path, read_description
from devstack.errors import DevstackError
from devstack.installation import CHECKOUT, find_binaries
from devstack.locks import held_lock
from devstack.processes import wait_until_reaped
from devstack.roster import Role, Roster
from devstack.settings import Settings, read_settings_of_running

_REAPED_SECONDS = 5.0
_ANSWER_SECONDS = 2.0
_TAIL_LINES = "20"


def main() -> int:
    """Obey the command line; what goes wrong is one line."""
    parser = argparse.ArgumentParser(prog="python -m devstack.control", description=__doc__)
    parser.add_argument("command", choices=_COMMANDS)
    command = _COMMANDS[parser.parse_args().command]
    for name, value in preflight.read_env_file(CHECKOUT / ".env").items():
        os.environ.setdefault(name, value)
    try:
        return command(read_settings_of_running())
    except DevstackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def down(settings: Settings) -> int:
    """End the stack of this state folder, even if another process started it."""
    with held_lock(settings.state_dir / "lock"):
        roster = roster_of(settings)
        ended = roster.survivors()
        leave(settings, roster)
        wait_until_reaped(ended, within=_REAPED_SECONDS)
    report("stopped" if ended else f"nothing runs in {settings.state_dir}")
    return 0


def status(settings: Settings) -> int:
    """Say what runs and whether it is ready; the exit status is 0 if all of it is."""
    roster = roster_of(settings)
    if not roster.survivors():
        print(f"nothing runs in {settings.state_dir}")
        return 1
    for role in Role:
        for process in roster.all(role):
            print(f"{role:12}{'runs' if process.is_alive() else 'is gone':9}process {process.pid}")
    description = read_description(settings.state_dir)
    answers = dict(_answers(description)) if description else {}
    for url, answer in answers.items():
        print(f"{url}  {answer}")
    print(f"logs  {settings.log_dir}")
    return 0 if roster.is_complete() and {*answers.values()} == {"ready"} else 1


def logs(settings: Settings) -> int:
    """Show the end of every log, and on a terminal what is added until Ctrl-C."""
    found = sorted(settings.log_dir.glob("*.log"))
    if not found:
        raise DevstackError(f"there are no logs in {settings.log_dir}: `make up` writes some")
    follow = ("-F",) if sys.stdout.isatty() else ()
    os.execvp("tail", ("tail", "-n", _TAIL_LINES, *follow, *map(str, found)))  # noqa: S606


def psql(settings: Settings) -> int:
    """Open the database of the stack in psql."""
    description = read_description(settings.state_dir)
    if description is None:
        raise DevstackError(f"nothing runs in {settings.state_dir}: start it with `make up`")
    client = find_binaries(None) / "psql"
    os.execv(client, (str(client), description["database_url"]))  # noqa: S606 - no shell, on purpose


_COMMANDS = {"down": down, "status": status, "logs": logs, "psql": psql}


def leave(settings: Settings, roster: Roster) -> None:
    """End the stack in order, or at once when Ctrl-C is pressed again."""
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)  # one farewell comes twice when make passes it on
    try:
        roster.end()
    except KeyboardInterrupt:
        roster.kill()
    description_path(settings.state_dir).unlink(missing_ok=True)


def roster_of(settings: Settings) -> Roster:
    return Roster(settings.state_dir, drain_seconds=settings.drain_seconds)


def report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _answers(description: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Ask every service whether it is ready; no proxy stands between us and this machine."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    own = (description["api_url"], description.get("admin_url"))
    for url in (*filter(None, own), *description["worker_urls"]):
        try:
            with opener.open(f"{url}/readyz", timeout=_ANSWER_SECONDS):
                yield url, "ready"
        except urllib.error.HTTPError as error:
            yield url, f"not ready ({error.code})"
        except OSError as error:
            yield url, f"does not answer ({error})"


if __name__ == "__main__":
    sys.exit(main())
