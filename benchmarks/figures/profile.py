"""Where the API and the worker spend their time: sampled stacks, by part and by function.

A part is a library or a module of the service, without what it calls of other parts; a function of
the service is shown with all that it calls.
"""

from collections.abc import Callable, Sequence
from statistics import median

from benchmarks import backlog, processes
from benchmarks.bench import Bench
from benchmarks.figures import drain, submit
from benchmarks.rounds import Line, Rounds, Sample, alternate
from benchmarks.sampling import Stack, functions, parts, sampled

SECONDS = 8.0
ENTITIES = 10_000
MOST = 10
SUBMIT, DRAIN = "submit", "drain, 1 per request"
_VIEWS: dict[str, Callable[[Sequence[Stack]], Sample]] = {"part": parts, "function": functions}


async def measure(bench: Bench) -> Rounds:
    """Sample an API that accepts and a worker that drains, each at full load."""
    taken: Rounds = {}

    async def run() -> Sample:
        for name, stacks in ((SUBMIT, await _submit(bench)), (DRAIN, await _drain(bench))):
            for view, shares in _VIEWS.items():
                taken.setdefault(f"{name}: {view}", []).append(shares(stacks))
        return {"samples": sum(stack.samples for stack in stacks)}

    await alternate({"profile": run}, rounds=bench.rounds)
    return taken


def lines(rounds: Rounds) -> list[Line]:
    """Show the largest shares."""
    return [line for name, samples in rounds.items() for line in _largest(name, samples)]


def _largest(name: str, samples: Sequence[Sample]) -> list[Line]:
    names = {part for sample in samples for part in sample}
    shares = {part: median(sample.get(part, 0.0) for sample in samples) for part in names}
    largest = sorted(shares, key=lambda part: shares[part], reverse=True)[:MOST]
    return [Line(what=f"{name} {part}", unit="%", ours=shares[part]) for part in largest]


async def _submit(bench: Bench) -> list[Stack]:
    stack = await bench.stack()
    with processes.api(stack) as served:
        with sampled(served.api, stack.folder / "stacks") as stacks:
            processes.offer(submit.plan(served.port, bench.seconds(SECONDS)), served)
        return stacks()


async def _drain(bench: Bench) -> list[Stack]:
    stack = await bench.stack()
    await backlog.make(stack, requests=bench.count(ENTITIES), entities=1)
    with drain.worker(stack) as worker:
        with sampled(worker, stack.folder / "stacks") as stacks:
            await backlog.until(stack, backlog.IS_DRAINED)
        return stacks()
