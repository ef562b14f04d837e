"""Submit over HTTP by 32 callers, beside the bare framework POST with one INSERT."""

import json

from benchmarks import processes
from benchmarks.bench import Bench
from benchmarks.load import Plan
from benchmarks.rounds import Contender, Line, Rounds, Sample, alternate, beside

BODY = json.dumps({"entity_type": "sentence", "count": 1, "constraints": {}})
SECONDS = 6.0
PROCESSES = (1, 2)


async def measure(bench: Bench) -> Rounds:
    contenders = {
        _name(module, count): _contender(bench, module, count)
        for count in PROCESSES
        for module in (processes.API, processes.BARE_API)
    }
    return await alternate(contenders, rounds=bench.rounds)


def lines(rounds: Rounds) -> list[Line]:
    return [line for count in PROCESSES for line in _lines(rounds, count)]


def _lines(rounds: Rounds, count: int) -> list[Line]:
    ours = rounds[_name(processes.API, count)]
    theirs = rounds[_name(processes.BARE_API, count)]
    what = f"submit, {count} API process{'es' * (count > 1)}"
    return [
        beside(what, ours, theirs, "per_second", unit="requests/s", aim="≥ 1.3"),
        beside(f"{what}, CPU of the API", ours, theirs, "cpu_ms", unit="ms/request"),
        beside(f"{what}, p50", ours, theirs, "p50_ms", unit="ms"),
        beside(f"{what}, p99", ours, theirs, "p99_ms", unit="ms"),
    ]


def _name(module: str, count: int) -> str:
    return f"{module} x{count}"


def _contender(bench: Bench, module: str, count: int) -> Contender:
    async def run() -> Sample:
        stack = await bench.stack()
        with processes.api(stack, processes=count, module=module) as served:
            return processes.offer(plan(served.port, bench.seconds(SECONDS)), served)

    return run


def plan(port: int, seconds: float) -> Plan:
    return Plan(port=port, method="POST", path="/generation-requests", body=BODY, seconds=seconds)
