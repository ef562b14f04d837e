"""Notice that the machine itself stands still: then leases run out, and no fault is to blame.

The workers say so: a statement that PostgreSQL did not answer in time, while no fault was made for
PostgreSQL or for the way to it.
"""

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import zip_longest
from pathlib import Path
from uuid import UUID

from tests.support.invariants.calls import Exposure
from tests.support.invariants.ledger import Outage
from tests.support.model_workers import ModelWorker

_GRACE_SECONDS = 2.0
_GIVEN_UP = "provider_calls_lost"
_LOST, _REACHED, _UNANSWERED = "database_lost", "database_reached", "no answer within"


@dataclass
class Stalls:
    """What was done to PostgreSQL on purpose, and from it what was not."""

    lease_seconds: float
    _excused: list[Outage] = field(default_factory=list)

    @contextmanager
    def excused(self, worker: str | None = None) -> Iterator[None]:
        """Take statements without an answer for the fault that runs inside the block.

        It is one of the road of a worker, or of PostgreSQL itself.
        """
        since = time.time()
        try:
            yield
        finally:
            self._excused.append(Outage(since, time.time(), worker))

    def exposures(self, workers: Iterable[ModelWorker]) -> list[Exposure]:
        """Return when workers stood still; a lease that could not be renewed then may be lost."""
        return [
            Exposure(
                workers=frozenset({worker.name}),
                since=since - self.lease_seconds,
                until=until + self.lease_seconds,
            )
            for worker in workers
            for since, until in _spells(worker)
            if not any(
                outage.since <= since <= outage.until + _GRACE_SECONDS for outage in self._excused
            )
        ]

    def outages(self, workers: Iterable[ModelWorker]) -> list[Outage]:
        """Return when PostgreSQL did not answer a worker, on purpose or not."""
        noticed = [
            Outage(since, until, worker.name)
            for worker in workers
            for since, until in _spells(worker)
        ]
        return [*self._excused, *noticed]


def given_up(workers: Iterable[ModelWorker]) -> dict[UUID, float]:
    """Read in the workers' logs which calls they could not record, and when they said so."""
    return {
        UUID(call_id): _moment(line)
        for worker in workers
        for log in worker.logs
        for line in _lines(log)
        if _GIVEN_UP in line
        for call_id in json.loads(line)["call_ids"]
    }


def _spells(worker: ModelWorker) -> Iterator[tuple[float, float]]:
    """Find the spans in which PostgreSQL did not answer; one ends with its process at the latest.

    A process has ended when the next one begins its log.
    """
    logs = [_lines(log) for log in worker.logs]
    begins = [next((_moment(line) for line in log if _is_event(line)), None) for log in logs]
    for log, following in zip_longest(logs, begins[1:]):
        yield from _unanswered(log, until=following or time.time())


def _lines(log: Path) -> list[str]:
    return log.read_text(encoding="utf-8").splitlines()


def _is_event(line: str) -> bool:
    return line.startswith("{") and '"timestamp"' in line


def _unanswered(lines: Iterable[str], *, until: float) -> Iterator[tuple[float, float]]:
    """Find the spans in a worker's log in which PostgreSQL did not answer it."""
    since = None
    for line in lines:
        if _LOST in line and _UNANSWERED in line:
            since = _moment(line)
        elif _REACHED in line and since is not None:
            yield since, _moment(line)
            since = None
    if since is not None:
        yield since, until


def _moment(line: str) -> float:
    return datetime.fromisoformat(json.loads(line)["timestamp"]).timestamp()
