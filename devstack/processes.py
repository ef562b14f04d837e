"""Watch and end processes.

A process is known by its id and its start time together, so that no signal ever reaches
a process that was given the id of one of ours. Linux only: it reads /proc.
"""

import os
import signal
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from devstack.errors import DevstackError

_POLL_SECONDS = 0.02
_KILL_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Process:
    """A process, alive or not; `started` is in clock ticks after boot."""

    pid: int
    started: int

    @classmethod
    def find(cls, pid: int) -> "Process | None":
        """Return the process that has this id now."""
        stat = _read_stat(pid)
        return cls(pid, stat.started) if stat else None

    @classmethod
    def of_this_process(cls) -> "Process":
        return cls.get(os.getpid())

    @classmethod
    def get(cls, pid: int) -> "Process":
        """Return the process of an id that is known to be taken."""
        process = cls.find(pid)
        if process is None:
            raise LookupError(f"there is no process {pid}")
        return process

    def exists(self) -> bool:
        """Tell whether the system still knows it, be it as one that waits to be reaped."""
        return Process.find(self.pid) == self

    def is_alive(self) -> bool:
        """Tell whether it still runs; one that only waits to be reaped does not."""
        stat = _read_stat(self.pid)
        return stat is not None and stat.started == self.started and stat.state not in "ZX"

    def send(self, signum: signal.Signals) -> None:
        """Signal it if it is alive."""
        if not self.is_alive():
            return
        try:
            os.kill(self.pid, signum)
        except ProcessLookupError:
            return
        except PermissionError as error:
            raise DevstackError(
                f"process {self.pid} belongs to another user: stop the stack as that user"
            ) from error

    def family(self) -> list["Process"]:
        """Return it, its descendants, and every other process of its session, the eldest first."""
        stats = {pid: stat for pid in _pids() if (stat := _read_stat(pid))}
        if self.pid in stats and stats[self.pid].started != self.started:
            return []
        found = {self.pid: None}
        while younger := [
            pid
            for pid, stat in stats.items()
            if pid not in found and (stat.parent in found or stat.session == self.pid)
        ]:
            found.update(dict.fromkeys(younger))
        return [Process(pid, stats[pid].started) for pid in found if pid in stats]


def end(processes: Collection[Process], *, by: signal.Signals, within: float) -> None:
    """Ask the processes to leave; kill those of their families that remain after `within` seconds.

    A frozen process is thawed, or it could not follow.
    """
    families = {relative for process in processes for relative in process.family()}
    for process in processes:
        process.send(by)
    for relative in families:
        relative.send(signal.SIGCONT)
    _wait_until_gone(processes, within=within)
    kill(processes, also=families)


def kill(processes: Collection[Process], *, also: Collection[Process] = ()) -> None:
    """Kill the processes with their families, and `also` these."""
    doomed = {relative for process in processes for relative in process.family()} | set(also)
    for process in sorted(doomed, key=lambda process: process.started):
        process.send(signal.SIGKILL)
    if not _wait_until_gone(doomed, within=_KILL_SECONDS):
        left = ", ".join(str(process.pid) for process in doomed if process.is_alive())
        raise DevstackError(f"processes that cannot be killed: {left}")


def wait_until_reaped(processes: Collection[Process], *, within: float) -> bool:
    """Wait until nothing is left of processes that ended; the one that adopted them reaps them."""
    return _holds_for_none(Process.exists, processes, within=within)


def _wait_until_gone(processes: Collection[Process], *, within: float) -> bool:
    return _holds_for_none(Process.is_alive, processes, within=within)


def _holds_for_none(
    is_so: Callable[[Process], bool], processes: Collection[Process], *, within: float
) -> bool:
    deadline = time.monotonic() + within
    while any(is_so(process) for process in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


class _Stat(NamedTuple):
    state: str
    parent: int
    session: int
    started: int


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())


def _read_stat(pid: int) -> _Stat | None:
    """Read what proc(5) says about a process; the name, in parentheses, may hold anything."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = line.rpartition(")")[2].split()
    return _Stat(fields[0], int(fields[1]), int(fields[3]), int(fields[19]))
