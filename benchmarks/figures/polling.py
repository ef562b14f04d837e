"""GET of one finished request, with and without `If-None-Match`, beside the bare framework GET."""

from collections.abc import Callable

import httpx

from benchmarks import processes, seeds
from benchmarks.bench import Bench
from benchmarks.load import Plan
from benchmarks.rounds import Contender, Line, Rounds, Sample, alternate, beside

SECONDS = 5.0
OURS, UNCHANGED, THEIRS = "GET", "GET, If-None-Match", "bare GET"


async def measure(bench: Bench) -> Rounds:
    """Let 32 callers poll one request that is finished."""
    contenders = {
        OURS: _contender(bench, processes.API, headers=_none),
        UNCHANGED: _contender(bench, processes.API, headers=_etag),
        THEIRS: _contender(bench, processes.BARE_API, headers=_none),
    }
    return await alternate(contenders, rounds=bench.rounds)


def lines(rounds: Rounds) -> list[Line]:
    """Set both polls beside the bare one."""
    theirs = rounds[THEIRS]
    return [
        line
        for name in (OURS, UNCHANGED)
        for line in (
            beside(name, rounds[name], theirs, "per_second", unit="requests/s"),
            beside(f"{name}, CPU of the API", rounds[name], theirs, "cpu_ms", unit="ms/request"),
            beside(f"{name}, p99", rounds[name], theirs, "p99_ms", unit="ms"),
        )
    ]


def poll(port: int, path: str, headers: dict[str, str], *, seconds: float) -> Plan:
    """Return the plan of a poll."""
    return Plan(port=port, method="GET", path=path, headers=headers, seconds=seconds)


def _contender(bench: Bench, module: str, *, headers: Callable[[str], dict[str, str]]) -> Contender:
    async def run() -> Sample:
        stack = await bench.stack()
        request_id = await seeds.any_finished(stack)
        await seeds.insert_bare(stack, request_id)
        path = f"/generation-requests/{request_id}"
        with processes.api(stack, module=module) as served:
            told = headers(f"http://127.0.0.1:{served.port}{path}")
            return processes.offer(
                poll(served.port, path, told, seconds=bench.seconds(SECONDS)), served
            )

    return run


def _none(_: str) -> dict[str, str]:
    return {}


def _etag(url: str) -> dict[str, str]:
    return {"If-None-Match": httpx.get(url).headers["ETag"]}
