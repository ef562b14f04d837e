"""Submit and drain where PostgreSQL's log takes longer to reach the disk, beside the bare ones.

A disk on a network takes 1 to 5 ms to keep what was written, one in this machine a tenth of that.
PostgreSQL's `commit_delay` makes every flush wait so much longer, for both sides.
"""

from benchmarks import backlog, processes
from benchmarks.bench import Bench
from benchmarks.figures import drain, submit
from benchmarks.rounds import Contender, Line, Rounds, Sample, alternate, beside
from benchmarks.servers import Stack, connected

DELAYS_MS = (2, 5)
ENTITIES = 10_000
BARE_ENTITIES = 5_000
SECONDS = 5.0
OURS, THEIRS = "ours", "bare"


async def measure(bench: Bench) -> Rounds:
    """Let both accept, and both write, with each delay."""
    contenders: dict[str, Contender] = {}
    for delay in DELAYS_MS:
        contenders |= {
            _name("submit", delay, OURS): _submit(bench, delay, processes.API),
            _name("submit", delay, THEIRS): _submit(bench, delay, processes.BARE_API),
            _name("drain", delay, OURS): _drain(bench, delay),
            _name("drain", delay, THEIRS): _write(bench, delay),
        }
    return await alternate(contenders, rounds=bench.rounds)


def lines(rounds: Rounds) -> list[Line]:
    """Set the paces beside each other."""
    return [
        beside(
            f"{what}, {delay} ms more a flush",
            rounds[_name(what, delay, OURS)],
            rounds[_name(what, delay, THEIRS)],
            "per_second",
            unit="/s",
            aim=aim,
        )
        for what, aim in (("submit", "≥ 1.3"), ("drain", "≥ 1.5"))
        for delay in DELAYS_MS
    ]


def _name(what: str, delay: int, side: str) -> str:
    return f"{what}, {delay} ms, {side}"


async def _stack(bench: Bench, delay: int) -> Stack:
    stack = await bench.stack()
    name = stack.prefix.removesuffix(".")
    async with connected(stack.server_url) as server:
        await server.execute(f"ALTER DATABASE {name} SET commit_delay = {delay * 1000}")
        await server.execute(f"ALTER DATABASE {name} SET commit_siblings = 0")
    return stack


def _submit(bench: Bench, delay: int, module: str) -> Contender:
    async def run() -> Sample:
        stack = await _stack(bench, delay)
        with processes.api(stack, module=module) as served:
            return processes.offer(submit.plan(served.port, bench.seconds(SECONDS)), served)

    return run


def _drain(bench: Bench, delay: int) -> Contender:
    async def run() -> Sample:
        stack = await _stack(bench, delay)
        since = await backlog.make(stack, requests=bench.count(ENTITIES), entities=1)
        with drain.worker(stack) as worker:
            return await backlog.drained(stack, worker, since=since)

    return run


def _write(bench: Bench, delay: int) -> Contender:
    async def run() -> Sample:
        stack = await _stack(bench, delay)
        return processes.write_bare(stack, entities=bench.count(BARE_ENTITIES))

    return run
