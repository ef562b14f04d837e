"""All figures, in the order of the table."""

from collections.abc import Mapping
from typing import Protocol

from benchmarks.bench import Bench
from benchmarks.figures import (
    completion,
    drain,
    growth,
    in_flight,
    memory,
    outage,
    polling,
    profile,
    slow_disk,
    streams,
    submit,
)
from benchmarks.rounds import Line, Rounds


class Figure(Protocol):
    """What a module of `benchmarks.figures` offers; its docstring says what is compared."""

    __doc__: str | None

    async def measure(self, bench: Bench) -> Rounds:
        """Let the contenders take turns."""

    def lines(self, rounds: Rounds) -> list[Line]:
        """Make the lines of the table from what was measured."""


FIGURES: Mapping[str, Figure] = {
    "submit": submit,
    "drain": drain,
    "slow_disk": slow_disk,
    "in_flight": in_flight,
    "streams": streams,
    "memory": memory,
    "completion": completion,
    "polling": polling,
    "growth": growth,
    "outage": outage,
    "profile": profile,
}
