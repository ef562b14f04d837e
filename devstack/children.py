"""Start programs: their output goes to log files, and by default they die with this process."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum, auto
from pathlib import Path

from devstack import tether
from devstack.errors import DevstackError
from devstack.processes import Process, kill

_TAIL_LINES = 3
_COMPLAINT = re.compile("error|fatal|exception", re.IGNORECASE)


class Lifetime(StrEnum):
    """How long a child lives."""

    TETHERED = auto()
    """It dies with the process that started it."""
    DETACHED = auto()
    """It stays until it is told to end."""


@dataclass(frozen=True, slots=True)
class Account:
    """The user that a child runs as."""

    uid: int
    gid: int

    @classmethod
    def of_this_process(cls) -> "Account":
        return cls(os.getuid(), os.getgid())


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What is to be started, and where."""

    command: Sequence[str | Path]
    log: Path
    env: Mapping[str, str]
    cwd: Path
    account: Account | None = None
    pass_fds: Collection[int] = ()
    typed: bytes = b""
    """What it finds on its standard input; no more than a pipe holds."""


class Child:
    """A program that this process started."""

    def __init__(self, program: Program, *, lifetime: Lifetime = Lifetime.TETHERED) -> None:
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("children start from the main thread: they die with their thread")
        self.program = program
        self.log = program.log
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._logged_before = self._log_size()
        self._popen = _spawn(program, lifetime)
        self.process = Process.get(self._popen.pid)

    @property
    def status(self) -> int | None:
        """The exit status, negative for a signal, None while it runs."""
        return self._popen.poll()

    def has_become(self, program: Program) -> None:
        """Take note that it runs another program from here on, with the same log."""
        self.program = program
        self._logged_before = self._log_size()

    def wait(self, *, timeout: float) -> int:
        """Wait until it has left, and return its exit status; kill it when that takes too long."""
        try:
            return self._popen.wait(timeout)
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        kill([self.process])
        self.reap()

    def reap(self) -> None:
        """Forget a child that has been ended."""
        self._popen.wait()

    def last_words(self) -> str:
        """Return what it last complained about, else the end of its log, in one line."""
        lines = [line.strip() for line in self._logged().splitlines() if line.strip()]
        complaints = [line for line in lines if _COMPLAINT.search(line)]
        return " | ".join(complaints[-1:] or lines[-_TAIL_LINES:]) or "it said nothing"

    def has_logged(self, text: str) -> bool:
        return text in self._logged()

    def _log_size(self) -> int:
        return self.log.stat().st_size if self.log.exists() else 0

    def _logged(self) -> str:
        with self.log.open("rb") as log:
            log.seek(self._logged_before)
            return log.read().decode(errors="replace")


def leave_with_parent() -> None:
    """Have this process told to leave when the one that started it does."""
    tether.tie_to_parent(signal.SIGTERM)


def run(program: Program, *, doing: str, timeout: float) -> None:
    """Run a program to its end; `doing` says in an error what it was for."""
    child = Child(program)
    try:
        status = child.wait(timeout=timeout)
    except subprocess.TimeoutExpired as error:
        raise DevstackError(
            f"{doing} took longer than {timeout:.0f} s: {child.last_words()} (log: {child.log})"
        ) from error
    if status:
        raise DevstackError(f"{doing} failed: {child.last_words()} (log: {child.log})")


def _spawn(program: Program, lifetime: Lifetime) -> subprocess.Popen[bytes]:
    account = program.account or Account.of_this_process()
    parent = os.getpid() if lifetime is Lifetime.TETHERED else 0
    launcher = [sys.executable, "-IS", tether.__file__, parent, account.uid, account.gid]
    with program.log.open("ab") as output:
        child = subprocess.Popen(
            [str(word) for word in (*launcher, *program.command)],
            stdin=subprocess.PIPE if program.typed else subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(program.env),
            cwd=program.cwd,
            start_new_session=True,
            pass_fds=program.pass_fds,
        )
    if child.stdin:
        with child.stdin as stdin:
            stdin.write(program.typed)
    return child
