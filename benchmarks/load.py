"""The load generator: callers on kept-alive connections, in a process of its own.

`python -m benchmarks.load '<plan as JSON>'` prints as JSON what it measured. It speaks HTTP/1.1 on
bare connections (uvloop and httptools), at some hundredth of a millisecond a request, and leaves
the machine to what is measured; `cpu_share` says how much of one core it took.
"""

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Any

import httptools
import uvloop

_PERCENT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is asked, by how many callers, and for how long.

    A caller sends its next request when the answer is in, and `pause` seconds have passed.
    """

    port: int
    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    callers: int = 32
    seconds: float
    warm_up: float = 1.0
    pause: float = 0.0

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    def request(self) -> bytes:
        """Return the bytes of one request."""
        body = self.body.encode()
        headers = {"Host": "localhost", **self.headers}
        if body:
            headers |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
        lines = [f"{self.method} {self.path} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass(slots=True)
class Tally:
    """What came back since the warm-up ended; `answers` and `sent_at` count from the beginning.

    When a request was sent, in seconds since 1970, is kept for callers that pause.
    """

    answers: int = 0
    latencies: list[float] = field(default_factory=list)
    sent_at: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)

    def add(self, status: int, seconds: float) -> None:
        self.answers += 1
        self.latencies.append(seconds)
        self.statuses[status] = self.statuses.get(status, 0) + 1

    def begin(self) -> None:
        self.latencies.clear()
        self.statuses.clear()


class Caller(asyncio.Protocol):
    """One caller on one connection."""

    def __init__(self, plan: Plan, tally: Tally) -> None:
        self._request = plan.request()
        self._pause = plan.pause
        self._tally = tally
        self._transport: Any = None
        self._parser = httptools.HttpResponseParser(self)
        self._began = 0.0
        self.lost = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._send()

    def _send(self) -> None:
        if self._pause:
            self._tally.sent_at.append(time.time())
        self._began = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        seconds = time.perf_counter() - self._began
        self._tally.add(self._parser.get_status_code(), seconds)
        if self._pause:
            asyncio.get_running_loop().call_later(self._pause, self._send)
        else:
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.lost.done():
            self.lost.set_exception(exc or ConnectionResetError("the server closed a connection"))


async def offer(plan: Plan) -> dict[str, Any]:
    """Offer the load and return what was measured after the warm-up."""
    loop, tally = asyncio.get_running_loop(), Tally()
    callers = [
        (await loop.create_connection(lambda: Caller(plan, tally), "127.0.0.1", plan.port))[1]
        for _ in range(plan.callers)
    ]
    await _unless_lost(callers, plan.warm_up)
    tally.begin()
    begun, cpu = time.perf_counter(), time.process_time()
    await _unless_lost(callers, plan.seconds)
    return _measured(tally, time.perf_counter() - begun, time.process_time() - cpu)


async def _unless_lost(callers: list[Caller], seconds: float) -> None:
    """Let the load go on; a connection that is lost ends the measurement with its error."""
    done, _ = await asyncio.wait([caller.lost for caller in callers], timeout=seconds)
    for lost in done:
        lost.result()


def _measured(tally: Tally, seconds: float, cpu: float) -> dict[str, Any]:
    latencies = sorted(tally.latencies)
    return {
        "per_second": len(latencies) / seconds,
        "p50_ms": percentile(latencies, 50) * 1000,
        "p99_ms": percentile(latencies, 99) * 1000,
        "cpu_share": cpu / seconds,
        "answers": tally.answers,
        "statuses": tally.statuses,
        "sent_at": tally.sent_at,
    }


def percentile(ordered: list[float], percent: int) -> float:
    """Return the value that so many percent of the values do not exceed."""
    return ordered[-(-len(ordered) * percent // _PERCENT) - 1]


if __name__ == "__main__":
    print(json.dumps(uvloop.run(offer(Plan(**json.loads(sys.argv[1]))))))
