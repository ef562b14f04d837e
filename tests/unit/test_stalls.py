"""What the workers' logs say about PostgreSQL, read without a worker."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from tests.chaos.stalls import Stalls, given_up
from tests.support.invariants.ledger import Outage
from tests.support.model_workers import ModelWorker

LOST = {"event": "database_lost", "reason": "no answer within 1.3 s"}
REACHED = {"event": "database_reached"}


@dataclass
class Logged:
    """A worker of which only the logs are there."""

    folder: Path
    name: str = "worker-0"
    logs: list[Path] = field(default_factory=list)

    def ran(self, **events: dict[str, Any]) -> None:
        """Write the log of one process more; a name ends in the second of its event."""
        lines = [
            json.dumps({**event, "timestamp": datetime.fromtimestamp(int(at[3:]), UTC).isoformat()})
            for at, event in events.items()
        ]
        self.logs.append(self.folder / f"{len(self.logs)}.log")
        self.logs[-1].write_text("\n".join(["no JSON", *lines]), encoding="utf-8")


@pytest.fixture
def worker(tmp_path: Path) -> ModelWorker:
    return cast("ModelWorker", Logged(tmp_path))


def ran(worker: ModelWorker, **events: dict[str, Any]) -> None:
    cast("Logged", worker).ran(**events)


def test_an_outage_that_a_worker_notices_is_its_own_and_ends_when_it_is_answered(
    worker: ModelWorker,
):
    ran(worker, at_10=LOST, at_14=REACHED)

    assert Stalls(lease_seconds=4).outages([worker]) == [Outage(10, 14, "worker-0")]


def test_an_outage_that_a_process_does_not_outlast_ends_when_the_next_one_begins(
    worker: ModelWorker,
):
    ran(worker, at_10=LOST)
    ran(worker, at_20={"event": "service_started"})

    assert Stalls(lease_seconds=4).outages([worker]) == [Outage(10, 20, "worker-0")]


def test_a_log_names_the_calls_that_its_worker_gives_up(worker: ModelWorker):
    call_id: UUID = uuid4()
    ran(worker, at_30={"event": "provider_calls_lost", "call_ids": [str(call_id)]})

    assert given_up([worker]) == {call_id: 30}
