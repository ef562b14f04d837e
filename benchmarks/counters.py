"""What the road asks of its servers, whatever the machine: checked against committed bounds.

Two phases, each at full load: the API accepts from 32 callers, then a worker drains a backlog.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks import backlog, processes
from benchmarks.bench import Bench
from benchmarks.figures import submit
from benchmarks.meter import Meter
from benchmarks.rounds import Sample
from benchmarks.servers import Stack, connected

BOUNDS = Path(__file__).with_name("bounds.json")
EACH = (1, 10)
"""Entities of one request."""

ENTITIES = 4_000
SECONDS = 3.0
ACCEPTED = "SELECT count(*) FROM generation_requests WHERE completed_at IS NULL"


async def count(bench: Bench) -> Sample:
    """Return the counters by the names that the bounds have."""
    counted = await _accepting(bench)
    for each in EACH:
        counted |= await _draining(bench, each)
    return counted


def read_bounds() -> Mapping[str, float]:
    """Return how high each counter may be."""
    bounds: dict[str, float] = json.loads(BOUNDS.read_text(encoding="utf-8"))
    return bounds


def broken(counted: Mapping[str, float], bounds: Mapping[str, float]) -> Iterator[str]:
    """Say which counters are above their bounds, and which have no counterpart."""
    for name in sorted(counted.keys() ^ bounds.keys()):
        yield f"{name}: counted or bounded, but not both"
    for name in sorted(counted.keys() & bounds.keys()):
        if counted[name] > bounds[name]:
            yield f"{name}: {counted[name]:.3f}, and {bounds[name]:.3f} at the most"


async def _accepting(bench: Bench) -> Sample:
    stack = await _counted_stack(bench)
    meter = await Meter.begin(stack)
    with processes.api(stack) as served:
        processes.offer(submit.plan(served.port, bench.seconds(SECONDS)), served)
        await backlog.until(stack, backlog.IS_RELAYED)
    async with connected(stack.database_url) as database:
        requests: int = await database.fetchval(ACCEPTED)
    return _per("accepted request", requests, await meter.read())


async def _draining(bench: Bench, each: int) -> Sample:
    stack, entities = await _counted_stack(bench), bench.count(ENTITIES)
    await backlog.make(stack, requests=entities // each, entities=each)
    meter = await Meter.begin(stack)
    with processes.worker(stack):
        await backlog.until(stack, backlog.IS_DRAINED)
        await backlog.until(stack, backlog.IS_RELAYED)
    return _per(f"entity, {each} per request", entities, await meter.read())


async def _counted_stack(bench: Bench) -> Stack:
    stack = await bench.stack()
    await bench.servers.count_statements(stack)
    return stack


def _per(what: str, number: int, totals: Sample) -> Sample:
    return {f"{name} per {what}": total / number for name, total in totals.items()}
