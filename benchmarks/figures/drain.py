"""Drain of one worker with instant calls, beside one INSERT a commit on ten connections."""

from contextlib import AbstractContextManager

from benchmarks import backlog, processes
from benchmarks.bench import Bench
from benchmarks.rounds import Contender, Line, Rounds, Sample, alternate, beside
from benchmarks.servers import Stack
from benchmarks.usage import Usage

ENTITIES = 20_000
IN_FLIGHT = 500
"""Instant calls are over before the next statement: as many requests as its batches can take."""

EACH = {1: "≥ 1.5", 10: "≥ 2.5"}
"""Entities of one request, and what ratio is aimed at."""

BARE = "bare driver"


async def measure(bench: Bench) -> Rounds:
    async def bare() -> Sample:
        stack = await bench.stack()
        return processes.write_bare(stack, entities=bench.count(ENTITIES))

    contenders = {_name(each): _contender(bench, each) for each in EACH}
    return await alternate(contenders | {BARE: bare}, rounds=bench.rounds)


def lines(rounds: Rounds) -> list[Line]:
    return [line for each, aim in EACH.items() for line in _lines(rounds, each, aim)]


def _lines(rounds: Rounds, each: int, aim: str) -> list[Line]:
    ours, theirs = rounds[_name(each)], rounds[BARE]
    return [
        beside(_name(each), ours, theirs, "per_second", unit="entities/s", aim=aim),
        beside(f"{_name(each)}, CPU", ours, theirs, "cpu_ms", unit="ms/entity"),
    ]


def _name(each: int) -> str:
    return f"drain, {each} per request"


def _contender(bench: Bench, each: int) -> Contender:
    async def run() -> Sample:
        stack = await bench.stack()
        since = await backlog.make(stack, requests=bench.count(ENTITIES) // each, entities=each)
        with worker(stack) as working:
            return await backlog.drained(stack, working, since=since)

    return run


def worker(stack: Stack) -> AbstractContextManager[Usage]:
    """Work with one process that holds as many requests as instant calls are worth."""
    return processes.worker(stack, max_requests_in_flight=IN_FLIGHT, max_provider_calls=IN_FLIGHT)
