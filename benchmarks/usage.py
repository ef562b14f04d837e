"""What processes use of the machine."""

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from devstack.processes import Process

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """What processes have used so far, their descendants included."""

    of: list[Process]

    def cpu_seconds(self) -> float:
        """Return the time on the processors, user and system."""
        return sum(map(_ticks, self._families())) / _TICKS

    def resident_megabytes(self) -> float:
        return sum(map(_resident_kilobytes, self._families())) / 1024

    def _families(self) -> Iterable[Process]:
        return {relative for process in self.of for relative in process.family()}


def _ticks(process: Process) -> int:
    """Return the ticks of a process and of those children that it has reaped."""
    with suppress(FileNotFoundError):
        stat = Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8")
        return sum(map(int, stat.rpartition(")")[2].split()[11:15]))
    return 0


def _resident_kilobytes(process: Process) -> int:
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    return int(next(line.split()[1] for line in status.splitlines() if "VmRSS" in line))
