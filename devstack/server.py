"""A third-party server that runs on this machine for the project."""

import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from devstack import processes
from devstack.children import Child, Lifetime, Program
from devstack.errors import DevstackError
from devstack.ports import is_free, pick_free_port, port_refused
from devstack.processes import Process

_POLL_SECONDS = 0.05
_TRIES_TO_BIND = 5


class Server(ABC):
    """Start, stop, kill, freeze and start again, on one port and with the same data.

    `port` 0 picks a free one. `noted` is told of each process that is started. Starts happen on
    the main thread.
    """

    name: ClassVar[str]
    port_variable: ClassVar[str]
    stop_signal: ClassVar[signal.Signals]
    stop_seconds: ClassVar[float] = 20.0
    start_seconds: ClassVar[float] = 90.0

    def __init__(
        self,
        *,
        state_dir: Path,
        port: int = 0,
        lifetime: Lifetime = Lifetime.TETHERED,
        noted: Callable[[Process], None] = lambda _: None,
    ) -> None:
        self.state_dir = state_dir.resolve()
        self.port = port or pick_free_port()
        self._port_was_picked = port == 0
        self._lifetime = lifetime
        self._noted = noted
        self._child: Child | None = None

    @property
    def log(self) -> Path:
        return self.state_dir / "logs" / f"{self.name.lower()}.log"

    @property
    def pid(self) -> int:
        return self._started_child().process.pid

    @property
    def is_running(self) -> bool:
        """Tell whether its process is there, frozen or not."""
        return self._child is not None and self._child.status is None

    def start(self) -> None:
        """Start it and return when it is ready for work."""
        self.launch()
        self.wait_until_ready()

    def launch(self) -> None:
        """Start it without waiting, after the once-only preparations that are still missing."""
        self._prepare()
        if not is_free(self.port):
            self._move_or_refuse()
        self._child = Child(self._program(), lifetime=self._lifetime)
        self._noted(self._child.process)

    def wait_until_ready(self) -> None:
        """Wait until it is ready for work; on a port that was picked and then lost, move."""
        deadline = time.monotonic() + self.start_seconds
        tries_left = _TRIES_TO_BIND
        while not self._is_ready():
            child = self._started_child()
            if child.status is not None:
                tries_left -= 1
                if not (tries_left and child.has_logged("Address already in use")):
                    raise DevstackError(self._epitaph(f"left with status {child.status}"))
                self._move_or_refuse()
                self.launch()
            if time.monotonic() > deadline:
                raise DevstackError(self._epitaph(f"not ready after {self.start_seconds:.0f} s"))
            time.sleep(_POLL_SECONDS)
        self._port_was_picked = False  # clients know it from here on

    def stop(self) -> None:
        """End it in order; kill it when it does not follow."""
        child = self._started_child()
        processes.end([child.process], by=self.stop_signal, within=self.stop_seconds)
        child.reap()

    def kill(self) -> None:
        """Kill it and all its processes at once, as a power cut would."""
        self._started_child().kill()

    def freeze(self) -> None:
        """Stop it in its tracks: it keeps its connections and answers nothing."""
        self._signal_family(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        self._signal_family(signal.SIGCONT)

    def _signal_family(self, signum: signal.Signals) -> None:
        for process in self._started_child().process.family():
            process.send(signum)

    @abstractmethod
    def _prepare(self) -> None: ...

    @abstractmethod
    def _program(self) -> Program: ...

    @abstractmethod
    def _is_ready(self) -> bool:
        """Tell whether the process that was started is ready; never mistake another for it."""

    def _move_or_refuse(self) -> None:
        if not self._port_was_picked:
            raise port_refused(self.port, variable=self.port_variable)
        self.port = pick_free_port()

    def _started_child(self) -> Child:
        if self._child is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._child

    def _epitaph(self, fate: str) -> str:
        return f"{self.name} {fate}: {self._started_child().last_words()} (log: {self.log})"
