"""The resident memory of one worker with more and more requests in flight."""

import asyncio

from benchmarks import backlog, processes
from benchmarks.bench import Bench
from benchmarks.rounds import Line, Rounds, Sample, alone, alternate

STEPS = (0, 1_000, 2_000, 5_000, 10_000)
IN_FLIGHT = """
SELECT count(*) = {} FROM generation_requests WHERE status = 'processing'"""
NEVER_SECONDS = 3_600
SETTLED_SECONDS = 7.0
"""Longer than it takes until every lease was renewed, which is when a worker needs most."""

_CONTENDER = "worker"


async def measure(bench: Bench) -> Rounds:
    """Give one worker more and more requests whose calls do not return."""

    async def run() -> Sample:
        stack = await bench.stack()
        with processes.worker(
            stack,
            max_requests_in_flight=processes.slots_for(max(STEPS)),
            demo_latency_seconds=NEVER_SECONDS,
        ) as worker:
            sample: Sample = {}
            for before, step in zip((0, *STEPS), STEPS, strict=False):
                await backlog.make(stack, requests=step - before, entities=1)
                await backlog.until(stack, IN_FLIGHT.format(step))
                await asyncio.sleep(SETTLED_SECONDS)
                sample[f"{step}_mb"] = worker.resident_megabytes()
        most = max(STEPS)
        added = sample[f"{most}_mb"] - sample["0_mb"]
        return sample | {"per_thousand_mb": added / most * 1000}

    return await alternate({_CONTENDER: run}, rounds=bench.rounds)


def lines(rounds: Rounds) -> list[Line]:
    """Say what a thousand requests add, and how large the worker is at each step."""
    samples = rounds[_CONTENDER]
    aims = {max(STEPS): "≤ 150"}
    return [
        alone("1,000 requests more in flight", samples, "per_thousand_mb", unit="MB", aim="≤ 5"),
        *(
            alone(f"{n:,} requests in flight", samples, f"{n}_mb", unit="MB", aim=aims.get(n, ""))
            for n in STEPS
        ),
    ]
