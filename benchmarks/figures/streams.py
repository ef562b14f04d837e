"""Streams of 40 tokens a second in one worker, beside the ideal, the openai SDK and a protocol.

The ideal is streams divided by the seconds of an answer of 100 tokens, which is the mean. Ours is
the whole worker, with PostgreSQL and Kafka beside it: its pace while every stream is busy, from the
time of an answer after the first claim until the last claim, and its CPU from the first claim to
the last settled request. The SDK and the bare asyncio protocol (`listeners.py`) listen and keep
nothing. The model server is a protocol in a process of its own (`token_server.py`), which shares
the machine with each of them alike. The best pace is that of the number of streams at which a
worker made most entities a second.
"""

from itertools import product
from statistics import median

from benchmarks import backlog, processes
from benchmarks.bench import Bench
from benchmarks.rounds import Contender, Line, Rounds, Sample, alternate, beside
from benchmarks.token_server import RATE, TOKENS

STREAMS = (100, 300, 500, 1_000)
ANSWERS = 8
"""Answers of each stream of ours, so that the beginning and the end count little."""

BARE_ANSWERS = 2
RAW, SDK = "raw", "openai"
MOST = STREAMS[-1]
"""Twice the streams that a core is to hear: too many, so that admission has to hold them back."""

IDEAL_AIMS = {100: "≥ 0.95", 300: "≥ 0.95", 500: "≥ 0.95"}
CPU_AIM, BEST_AIM = "≤ 30", "≥ 0.9"


async def measure(bench: Bench) -> Rounds:
    """Let each listen to more and more streams."""
    contenders = {_ours(streams): _worker(bench, streams) for streams in STREAMS}
    for how, streams in product((RAW, SDK), STREAMS):
        contenders[_bare(how, streams)] = _listener(how, streams)
    return await alternate(contenders, rounds=bench.rounds)


def lines(rounds: Rounds) -> list[Line]:
    """Set the pace beside the ideal, and the CPU a token beside the others'."""
    per_streams = [line for streams in STREAMS for line in _lines(rounds, streams)]
    return [*per_streams, _beside_the_best(rounds)]


def _beside_the_best(rounds: Rounds) -> Line:
    """Set the pace at the most streams beside the best one: whether it collapses."""
    best = max(STREAMS, key=lambda streams: median(_paces(rounds, streams)))
    return beside(
        f"{_ours(MOST)}, beside the best pace ({_ours(best)})",
        rounds[_ours(MOST)],
        rounds[_ours(best)],
        "per_second",
        unit="entities/s",
        aim=BEST_AIM,
    )


def _paces(rounds: Rounds, streams: int) -> list[float]:
    return [sample["per_second"] for sample in rounds[_ours(streams)]]


def _lines(rounds: Rounds, streams: int) -> list[Line]:
    what, ours = _ours(streams), rounds[_ours(streams)]
    raw, sdk = rounds[_bare(RAW, streams)], rounds[_bare(SDK, streams)]
    ideal = [{"per_second": streams * RATE / TOKENS}] * len(ours)
    unit, aim = "entities/s", IDEAL_AIMS.get(streams, "")
    cpu = f"{what}, CPU a token"
    return [
        beside(f"{what}, beside the ideal", ours, ideal, "per_second", unit=unit, aim=aim),
        beside(f"{what}, beside the SDK", ours, sdk, "per_second", unit=unit),
        beside(f"{cpu}, beside the SDK", ours, sdk, "cpu_us", unit="µs", aim=CPU_AIM),
        beside(f"{cpu}, beside a protocol", ours, raw, "cpu_us", unit="µs"),
    ]


def _ours(streams: int) -> str:
    return f"{streams:,} streams"


def _bare(how: str, streams: int) -> str:
    return f"{streams:,} streams, {how}"


def _worker(bench: Bench, streams: int) -> Contender:
    async def run() -> Sample:
        stack = await bench.stack()
        requests = streams * max(2, round(ANSWERS * bench.scale))
        since = await backlog.make(stack, requests=requests, entities=1)
        with (
            processes.token_server() as port,
            processes.worker(
                stack,
                module=processes.WORKER,
                provider="openai",
                openai_base_url=f"http://127.0.0.1:{port}/v1",
                openai_model="tiny",
                max_requests_in_flight=processes.slots_for(streams),
                max_provider_calls=streams,
            ) as worker,
        ):
            used = await backlog.drained(stack, worker, since=since)
        pace = await backlog.pace_when_busy(stack, since=since, after=TOKENS / RATE)
        return {"per_second": pace, "cpu_us": used["cpu_ms"] / TOKENS * 1000}

    return run


def _listener(how: str, streams: int) -> Contender:
    async def run() -> Sample:
        with processes.token_server() as port:
            return processes.listen_bare(how, port, streams=streams, answers=BARE_ANSWERS)

    return run
