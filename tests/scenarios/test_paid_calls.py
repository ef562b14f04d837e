"""Rule 6.15, with processes: what a provider is asked for in vain ends, and its cause is named."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

from tests.support.client import settled, submit
from tests.support.processes import Services
from tests.support.waiting import eventually

_ANSWER = (
    b"HTTP/1.1 504 Gateway Timeout\r\nRetry-After: 0\r\nContent-Length: 0\r\n"
    b"Connection: close\r\n\r\n"
)
MOST = 6


@dataclass
class Gateway:
    """A server that never has an answer, and counts what it was asked."""

    url: str = ""
    served: list[bytes] = field(default_factory=list)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.served.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(_ANSWER)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def gateway_served() -> AsyncIterator[Gateway]:
    gateway = Gateway()
    async with await asyncio.start_server(gateway.answer, "127.0.0.1", 0) as server:
        gateway.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield gateway


async def test_a_provider_that_never_answers_ends_within_the_bound_and_is_named(
    api: httpx.AsyncClient, services: Services
):
    """Over deferrals, probes and the drain of a worker."""
    async with gateway_served() as gateway:
        told = {
            "openai_base_url": f"{gateway.url}/v1",
            "openai_api_key": "sk-test",
            "call_attempts": 2,
            "max_calls_per_item": MOST,
            "breaker_failures": 2,
            "breaker_seconds": 0.2,
        }
        leaving = await services.worker(**told)
        path = await submit(api, provider="openai", model="tiny")
        await eventually(lambda: len(gateway.served) >= 2, within=20)
        leaving.process.send_signal(signal.SIGTERM)
        assert await leaving.exit_status() == 0
        await services.worker(**told)

        record = await settled(api, path, within=60)

    (failure,) = record["failures"]
    assert record["usage"]["calls"] == failure["attempts"] == len(gateway.served) == MOST
    assert failure["code"] == record["error"]["code"] == "timeout"
    assert failure["message"].endswith("the last failure: the provider reports a timeout")
