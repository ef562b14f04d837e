"""Notice that the machine itself stands still: then leases run out, and no fault is to blame.

The workers say so: a statement that PostgreSQL did not answer in time, while nobody did anything to
PostgreSQL or to the road to it.
"""

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from tests.support.invariants.calls import Exposure
from tests.support.invariants.ledger import Outage
from tests.support.model_workers import ModelWorker

_GRACE_SECONDS = 2.0
_LOST, _REACHED, _UNANSWERED = "database_lost", "database_reached", "no answer within"


@dataclass
class Stalls:
    """What was done to PostgreSQL on purpose, and from it what was not."""

    lease_seconds: float
    _excused: list[tuple[float, float]] = field(default_factory=list)

    @contextmanager
    def excused(self) -> Iterator[None]:
        """Take statements without an answer for the fault that runs inside the block."""
        since = time.time()
        try:
            yield
        finally:
            self._excused.append((since, time.time() + _GRACE_SECONDS))

    def exposures(self, workers: Iterable[ModelWorker]) -> list[Exposure]:
        """Return when workers stood still; a lease that could not be renewed then may be lost."""
        return [
            Exposure(
                workers=frozenset({worker.name}),
                since=since - self.lease_seconds,
                until=until + self.lease_seconds,
            )
            for worker in workers
            for log in worker.logs
            for since, until in _spells(log)
            if not any(begin <= since <= end for begin, end in self._excused)
        ]

    def outages(self, workers: Iterable[ModelWorker]) -> list[Outage]:
        """Return when PostgreSQL did not answer a worker, on purpose or not."""
        noticed = [spell for worker in workers for log in worker.logs for spell in _spells(log)]
        return [Outage(since, until) for since, until in (*self._excused, *noticed)]


def _spells(log: Path) -> Iterator[tuple[float, float]]:
    return _unanswered(log.read_text(encoding="utf-8").splitlines())


def _unanswered(lines: Iterable[str]) -> Iterator[tuple[float, float]]:
    """Find the spans in a worker's log in which PostgreSQL did not answer it."""
    since = None
    for line in lines:
        if _LOST in line and _UNANSWERED in line:
            since = _moment(line)
        elif _REACHED in line and since is not None:
            yield since, _moment(line)
            since = None
    if since is not None:
        yield since, time.time()


def _moment(line: str) -> float:
    return datetime.fromisoformat(json.loads(line)["timestamp"]).timestamp()
