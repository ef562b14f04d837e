"""Other readers of the same streams: `python -m benchmarks.listeners HOW PORT STREAMS ANSWERS`.

HOW is `raw`, an asyncio protocol that finds the events and reads their JSON and does nothing else,
or `openai`, the SDK. Each of the streams takes so many answers, one after the other. What that took
is printed as JSON.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import openai
import uvloop

from benchmarks.token_server import TOKENS
from devstack.ports import LOOPBACK

_MESSAGES: list[Any] = [{"role": "user", "content": "A sentence, please."}]
_BODY = json.dumps({"model": "tiny", "messages": _MESSAGES, "stream": True}).encode()
_REQUEST = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%b"

Ask = Callable[[], Awaitable[int]]


class Raw(asyncio.Protocol):
    """One connection, and the pieces of its answer."""

    def __init__(self) -> None:
        self._transport: Any = None
        self._rest = b""
        self._pieces: list[str] = []
        self._answer: asyncio.Future[int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line.startswith(b"data: {"):
                (choice,) = json.loads(line[6:])["choices"]
                if content := choice["delta"].get("content"):
                    self._pieces.append(content)
            elif line == b"data: [DONE]" and self._answer is not None:
                self._answer.set_result(len(self._pieces))

    async def ask(self) -> int:
        self._pieces.clear()
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(_REQUEST % (len(_BODY), _BODY))
        return await self._answer


async def raw(port: int) -> Ask:
    """Connect a protocol."""
    _, protocol = await asyncio.get_running_loop().create_connection(Raw, LOOPBACK, port)
    return protocol.ask


def sdk(port: int) -> Ask:
    """Make a client of the SDK."""
    client = openai.AsyncOpenAI(
        base_url=f"http://{LOOPBACK}:{port}/v1", api_key="none", max_retries=0, timeout=600
    )

    async def ask() -> int:
        chunks = await client.chat.completions.create(model="tiny", messages=_MESSAGES, stream=True)
        return sum([bool(chunk.choices[0].delta.content) async for chunk in chunks])

    return ask


async def listen(how: str, port: int, *, streams: int, answers: int) -> dict[str, float]:
    """Take so many answers on so many streams, and return what that took."""
    asks = [await raw(port) for _ in range(streams)] if how == "raw" else [sdk(port)] * streams

    async def take(ask: Ask) -> int:
        return sum([await ask() for _ in range(answers)])

    begun, cpu = time.perf_counter(), time.process_time()
    tokens = sum(await asyncio.gather(*map(take, asks)))
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    if tokens != streams * answers * TOKENS:
        raise RuntimeError(f"{tokens} tokens came")
    return {"per_second": streams * answers / seconds, "cpu_us": cpu / tokens * 1e6}


if __name__ == "__main__":
    told, (at, side_by_side, each) = sys.argv[1], map(int, sys.argv[2:])
    print(json.dumps(uvloop.run(listen(told, at, streams=side_by_side, answers=each))))
