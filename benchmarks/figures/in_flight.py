"""Many slow calls in flight in one worker, beside the ideal: calls divided by their latency."""

from itertools import product

from benchmarks import backlog, processes
from benchmarks.bench import Bench
from benchmarks.rounds import Contender, Line, Rounds, Sample, alternate, beside
from benchmarks.servers import connected

ENTITIES = 20_000
CALLS = {500: 0.2, 5_000: 2.0}
"""Calls in flight, and how many seconds each takes."""

EACH = (1, 10)
"""Entities of one request."""

PACE = """
SELECT count(*) / 2 / extract(epoch FROM percentile_disc(0.75) WITHIN GROUP (ORDER BY recorded_at)
                                       - percentile_disc(0.25) WITHIN GROUP (ORDER BY recorded_at))
  FROM generation_items WHERE generation_request_id >= $1"""
"""Entities a second while the middle half of them was recorded: the beginning and the end, when
fewer calls are in flight, are left out."""


async def measure(bench: Bench) -> Rounds:
    """Drain a backlog of requests whose calls take their time."""
    contenders = {
        _name(calls, each): _contender(bench, calls, each) for calls, each in product(CALLS, EACH)
    }
    return await alternate(contenders, rounds=bench.rounds)


def lines(rounds: Rounds) -> list[Line]:
    """Set the pace beside the ideal."""
    return [_line(rounds, calls, each) for calls, each in product(CALLS, EACH)]


def _line(rounds: Rounds, calls: int, each: int) -> Line:
    samples = rounds[_name(calls, each)]
    ideal = [{"per_second": calls / CALLS[calls]}] * len(samples)
    what = _name(calls, each)
    return beside(what, samples, ideal, "per_second", unit="entities/s", aim="≥ 0.9")


def _name(calls: int, each: int) -> str:
    return f"{calls:,} calls of {CALLS[calls]:g} s in flight, {each} per request"


def _contender(bench: Bench, calls: int, each: int) -> Contender:
    async def run() -> Sample:
        stack = await bench.stack()
        entities = max(bench.count(ENTITIES), 4 * calls)
        since = await backlog.make(stack, requests=entities // each, entities=each)
        with processes.worker(
            stack,
            max_requests_in_flight=processes.slots_for(calls),
            max_provider_calls=calls,
            max_parallel_items_per_request=each,
            demo_latency_seconds=CALLS[calls],
        ) as worker:
            used = await backlog.drained(stack, worker, since=since)
        async with connected(stack.database_url) as database:
            return used | {"per_second": float(await database.fetchval(PACE, since))}

    return run
