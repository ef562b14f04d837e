"""The processes of a stack, written down in the state folder as they start.

It is read there by what ends the stack: `make down`, the next `make up` after one that was killed,
and `make run` itself.
"""

import json
import os
import signal
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum, auto
from pathlib import Path

from devstack import processes
from devstack.processes import Process

AFTER_DRAIN_SECONDS = 35.0
"""What a worker may take beside its drain: to end a claim, to record, to release, to leave."""


class Role(StrEnum):
    """What a process is to the stack; the order is the order in which a stack is ended."""

    FOREGROUND = auto()
    """`make run`, which ends the others itself when it is asked to leave."""
    API = auto()
    WORKER = auto()
    KAFKA = auto()
    POSTGRES = auto()


@dataclass(frozen=True, slots=True)
class _Entry:
    role: Role
    process: Process


class Roster:
    """Who runs; every change is on disk before the next process starts."""

    def __init__(self, state_dir: Path, *, drain_seconds: float) -> None:
        self._path = state_dir / "processes.json"
        self._drain_seconds = drain_seconds
        self._entries = list(self._read())

    def add(self, role: Role, process: Process) -> None:
        self._entries.append(_Entry(role, process))
        self._write()

    def drop(self, ended: Collection[Process]) -> None:
        """Strike out processes that have ended, to be followed by others."""
        self._entries = [entry for entry in self._entries if entry.process not in ended]
        self._write()

    def _write(self) -> None:
        rows = [{"role": entry.role, **asdict(entry.process)} for entry in self._entries]
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps(rows))
        new.replace(self._path)

    def adder(self, role: Role) -> Callable[[Process], None]:
        return lambda process: self.add(role, process)

    def all(self, role: Role) -> list[Process]:
        return [entry.process for entry in self._entries if entry.role is role]

    def alive(self, role: Role) -> list[Process]:
        return [process for process in self.all(role) if process.is_alive()]

    def is_complete(self) -> bool:
        """Whether there is a stack, and each of its processes runs."""
        return bool(self._entries) and all(entry.process.is_alive() for entry in self._entries)

    def survivors(self) -> list[Process]:
        return [entry.process for entry in self._entries if entry.process.is_alive()]

    def end(self) -> None:
        """End every process but this one, in order; each role when the one before has left."""
        for role in Role:
            doomed = [process for process in self.all(role) if process.pid != os.getpid()]
            processes.end(doomed, by=_farewell(role), within=self._patience(role))
        self._forget()

    def kill(self) -> None:
        """End every process at once."""
        doomed = [entry.process for entry in self._entries if entry.process.pid != os.getpid()]
        processes.kill(doomed)
        self._forget()

    def _patience(self, role: Role) -> float:
        """Return the seconds until a role is killed: a worker may finish what is in flight."""
        match role:
            case Role.WORKER:
                return self._drain_seconds + AFTER_DRAIN_SECONDS
            case Role.FOREGROUND:
                return self._drain_seconds + AFTER_DRAIN_SECONDS + 60
            case _:
                return 20

    def _forget(self) -> None:
        self._entries = []
        self._path.unlink(missing_ok=True)

    def _read(self) -> Iterator[_Entry]:
        if self._path.exists():
            for row in json.loads(self._path.read_text()):
                yield _Entry(Role(row["role"]), Process(row["pid"], row["started"]))


def _farewell(role: Role) -> signal.Signals:
    """PostgreSQL's fast shutdown is SIGINT; SIGTERM would wait for its clients."""
    return signal.SIGINT if role is Role.POSTGRES else signal.SIGTERM
