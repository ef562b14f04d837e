"""The same road beside ten thousand and beside a million finished requests."""

from uuid import UUID

from uuid_utils.compat import uuid7

from api_service.generation_requests.read import READ
from api_service.generation_requests.submit import ACCEPT
from benchmarks import backlog, processes, seeds, statements
from benchmarks.bench import Bench
from benchmarks.figures import polling, submit
from benchmarks.rounds import Contender, Line, Rounds, Sample, alternate, beside
from benchmarks.servers import Stack
from worker_service.claims.claims import CLAIM
from worker_service.settlement.record import KEEP
from worker_service.settlement.settle import COUNT_AND_SETTLE

FEW, MANY = 10_000, 1_000_000
SECONDS = 3.0
STATEMENTS = {
    "accept": ACCEPT,
    "claim": CLAIM,
    "record": KEEP,
    "settle": COUNT_AND_SETTLE,
    "poll": READ,
}
STEPS = ("accepted", "drained", "polled")


async def measure(bench: Bench) -> Rounds:
    """Accept, drain and poll on two databases that differ in what was finished before."""
    contenders = {_name(size): await _contender(bench, size) for size in (FEW, MANY)}
    return await alternate(contenders, rounds=bench.rounds)


def lines(rounds: Rounds) -> list[Line]:
    """Set what a million costs beside what ten thousand cost."""
    many, few = rounds[_name(MANY)], rounds[_name(FEW)]
    paces = [
        beside(f"{step} beside a million", many, few, f"{step}_per_second", unit="/s", aim="≥ 0.9")
        for step in STEPS
    ]
    times = [
        beside(
            f"statement of {name} beside a million", many, few, f"{name}_ms", unit="ms", aim="≤ 1.1"
        )
        for name in STATEMENTS
    ]
    return paces + times


def _name(finished: int) -> str:
    return f"{finished:,} finished"


async def _contender(bench: Bench, finished: int) -> Contender:
    stack = await bench.stack(finished=bench.count(finished))
    await bench.servers.count_statements(stack)
    finished_id = await seeds.any_finished(stack)

    async def run() -> Sample:
        await statements.forget(stack)
        since = uuid7()
        paces = await _road(bench, stack, finished_id=finished_id, since=since)
        return paces | await _times(stack)

    return run


async def _road(bench: Bench, stack: Stack, *, finished_id: UUID, since: UUID) -> Sample:
    seconds = bench.seconds(SECONDS)
    with processes.api(stack) as served:
        accepted = processes.offer(submit.plan(served.port, seconds), served)
        await backlog.until(stack, backlog.IS_RELAYED)
        with processes.worker(stack) as worker:
            drained = await backlog.drained(stack, worker, since=since)
        path = f"/generation-requests/{finished_id}"
        polled = processes.offer(polling.poll(served.port, path, {}, seconds=seconds), served)
    taken = zip(STEPS, (accepted, drained, polled), strict=True)
    return {f"{step}_per_second": sample["per_second"] for step, sample in taken}


async def _times(stack: Stack) -> Sample:
    """Return how long PostgreSQL took for a row of each statement of the road, on average."""
    executed = await statements.executed(stack)
    found = {
        name: executed[await statements.identify(stack, text)] for name, text in STATEMENTS.items()
    }
    return {f"{name}_ms": one.milliseconds / one.rows for name, one in found.items()}
