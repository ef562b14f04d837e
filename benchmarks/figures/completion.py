"""From the POST to the settled request at low load, beside FastAPI's BackgroundTasks.

What the one message in between takes by itself stands beside it.
The time of sending is the caller's, the time of settling PostgreSQL's: both read one clock.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from uuid_utils.compat import uuid7

from benchmarks import backlog, processes
from benchmarks.bench import Bench
from benchmarks.load import Plan, percentile
from benchmarks.processes import Served
from benchmarks.rounds import Contender, Line, Rounds, Sample, alone, alternate, beside, difference
from benchmarks.servers import Stack, connected

BODY = json.dumps({"entity_type": "sentence", "count": 1, "constraints": {}})
SECONDS = 15.0
PAUSE = 0.04
WARM_UP = 20
"""Requests at the beginning that are not counted."""

COMPLETED = """
SELECT completed_at FROM generation_requests WHERE id >= $1 ORDER BY requested_at"""
OURS, THEIRS, KAFKA = "api and worker", "BackgroundTasks", "Kafka alone"
AIMS = {"p50": "≤ 3", "p99": "≤ 8"}


async def measure(bench: Bench) -> Rounds:
    """Send one request after the other, with a pause between them."""
    contenders: dict[str, Contender] = {
        OURS: _ours(bench),
        THEIRS: _theirs(bench),
        KAFKA: _kafka(bench),
    }
    return await alternate(contenders, rounds=bench.rounds)


def lines(rounds: Rounds) -> list[Line]:
    """Set the times side by side, and say how much more ours takes."""
    ours, theirs, kafka = rounds[OURS], rounds[THEIRS], rounds[KAFKA]
    return [
        line
        for name, aim in AIMS.items()
        for line in (
            beside(f"POST to completed, {name}", ours, theirs, f"{name}_ms", unit="ms"),
            difference(f"more than {THEIRS}, {name}", ours, theirs, f"{name}_ms", "ms", aim=aim),
            alone(f"a message through {KAFKA}, {name}", kafka, f"{name}_ms", unit="ms"),
        )
    ]


def _ours(bench: Bench) -> Contender:
    async def run() -> Sample:
        stack = await bench.stack()
        with processes.worker(stack), processes.api(stack) as served:
            return await _sent(bench, stack, served, "/generation-requests")

    return run


def _theirs(bench: Bench) -> Contender:
    async def run() -> Sample:
        stack = await bench.stack()
        with processes.api(stack, module=processes.BARE_API) as served:
            return await _sent(bench, stack, served, "/background")

    return run


def _kafka(bench: Bench) -> Contender:
    async def run() -> Sample:
        stack = await bench.stack()
        hops = int(bench.seconds(SECONDS) / PAUSE)
        return _percentiles(processes.hop_bare(stack, hops=hops)[WARM_UP:])

    return run


async def _sent(bench: Bench, stack: Stack, served: Served, path: str) -> Sample:
    plan = Plan(
        port=served.port,
        method="POST",
        path=path,
        body=BODY,
        callers=1,
        seconds=bench.seconds(SECONDS),
        warm_up=0.0,
        pause=PAUSE,
    )
    since = uuid7()
    sent_at = processes.sent_by(plan)
    await backlog.until(stack, backlog.IS_DRAINED)
    async with connected(stack.database_url) as database:
        completed_at = [row["completed_at"] for row in await database.fetch(COMPLETED, since)]
    return _times(sent_at[WARM_UP:], completed_at[WARM_UP:])


def _times(sent_at: Sequence[float], completed_at: Sequence[datetime]) -> Sample:
    sent = [datetime.fromtimestamp(moment, UTC) for moment in sent_at]
    # The caller leaves with a request in flight, which may or may not be accepted.
    return _percentiles(
        [(end - begun).total_seconds() for begun, end in zip(sent, completed_at, strict=False)]
    )


def _percentiles(seconds: list[float]) -> Sample:
    taken = sorted(seconds)
    return {f"{name}_ms": percentile(taken, int(name[1:])) * 1000 for name in AIMS}
