"""A hundred thousand requests pending while Kafka is down, and what happens when it is back."""

import asyncio
import time

import httpx

from benchmarks import backlog, processes
from benchmarks.bench import Bench
from benchmarks.figures import submit
from benchmarks.processes import Served
from benchmarks.rounds import Line, Rounds, Sample, alone, alternate, beside
from benchmarks.servers import Stack, connected

PENDING = 100_000
SECONDS = 5.0
PENDING_NOW = "SELECT count(*) FROM generation_requests WHERE status = 'pending'"
SETTLED_NOW = "SELECT count(*) FROM generation_requests WHERE completed_at IS NOT NULL"
HAS_BEGUN = "SELECT EXISTS (SELECT FROM generation_requests WHERE status = 'processing')"
_POLL_SECONDS = 0.1
_DOWN, _UP = "Kafka down", "Kafka up"


async def measure(bench: Bench) -> Rounds:
    """Let a queue grow while Kafka is down, work on it, and let Kafka come back."""
    taken: Rounds = {_DOWN: [], _UP: []}

    async def run() -> Sample:
        down, up = await _outage(bench)
        taken[_DOWN].append(down)
        taken[_UP].append(up)
        return {f"{name}_down": value for name, value in down.items()} | up

    await alternate({"outage": run}, rounds=bench.rounds)
    return taken


def lines(rounds: Rounds) -> list[Line]:
    """Set both times beside each other, and say how long the return takes."""
    down, up = rounds[_DOWN], rounds[_UP]
    return [
        beside("accept, Kafka down beside up", down, up, "accepted_per_second", unit="requests/s"),
        beside("settle, Kafka down beside up", down, up, "settled_per_second", unit="requests/s"),
        alone("pending when Kafka came back", up, "pending", unit="requests"),
        alone("from its return to an empty outbox", up, "relayed_seconds", unit="s"),
        alone("from its return until all are settled", up, "settled_seconds", unit="s"),
    ]


async def _outage(bench: Bench) -> tuple[Sample, Sample]:
    stack, kafka = await bench.stack(), bench.servers.kafka
    with processes.api(stack) as served:
        up = {"accepted_per_second": _accepted(served, bench.seconds(SECONDS))}
        kafka.stop()
        await _degraded(served)
        down = {"accepted_per_second": _accepted(served, bench.seconds(SECONDS))}
        await _grown(stack, served, bench.count(PENDING), pace=down["accepted_per_second"])
        with processes.worker_without_kafka(stack):
            await backlog.until(stack, HAS_BEGUN)
            down["settled_per_second"] = await _settled_in(stack, bench.seconds(SECONDS))
            kafka.start()
            return down, up | await _recovered(stack)


def _accepted(served: Served, seconds: float) -> float:
    return processes.offer(submit.plan(served.port, seconds), served)["per_second"]


async def _degraded(served: Served) -> None:
    """Wait until the API has noticed that Kafka is down."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{served.port}") as client:
        while "degraded" not in (await client.get("/readyz")).text:
            await asyncio.sleep(_POLL_SECONDS)


async def _grown(stack: Stack, served: Served, pending: int, *, pace: float) -> None:
    """Submit until so many requests are pending."""
    while (missing := pending - await _count(stack, PENDING_NOW)) > 0:
        _accepted(served, missing / pace)


async def _settled_in(stack: Stack, seconds: float) -> float:
    """Return how many requests are settled in a second."""
    before, begun = await _count(stack, SETTLED_NOW), time.monotonic()
    await asyncio.sleep(seconds)
    return (await _count(stack, SETTLED_NOW) - before) / (time.monotonic() - begun)


async def _recovered(stack: Stack) -> Sample:
    """Wait until everything is as if nothing had happened."""
    begun, pending = time.monotonic(), await _count(stack, PENDING_NOW)
    await backlog.until(stack, backlog.IS_RELAYED)
    relayed = time.monotonic() - begun
    await backlog.until(stack, backlog.IS_DRAINED)
    settled = time.monotonic() - begun
    return {
        "pending": pending,
        "relayed_seconds": relayed,
        "settled_seconds": settled,
        "settled_per_second": pending / settled,
    }


async def _count(stack: Stack, question: str) -> int:
    async with connected(stack.database_url) as database:
        found: int = await database.fetchval(question)
        return found
