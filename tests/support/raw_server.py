"""A server that answers byte by byte what a test tells it: for faults that no mock can make."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

HTTP_OK = "200 OK"


@dataclass
class Exchange:
    """One request, and the connection that it is answered on."""

    body: dict[str, Any]
    head: str
    writer: asyncio.StreamWriter
    reader: asyncio.StreamReader

    async def send(self, *texts: str) -> None:
        for text in texts:
            self.writer.write(text.encode())
        await self.writer.drain()

    async def begin(self, content_type: str, *headers: str, status: str = HTTP_OK) -> None:
        """Send a head whose body lasts until the connection is closed."""
        lines = (f"HTTP/1.1 {status}", f"Content-Type: {content_type}", *headers)
        await self.send("\r\n".join((*lines, "Connection: close", "\r\n")))

    async def answer(self, body: object, *headers: str, status: str = HTTP_OK) -> None:
        """Send a whole JSON answer."""
        await self.begin("application/json", *headers, status=status)
        await self.send(json.dumps(body))

    async def stream(self, *chunks: object) -> None:
        """Send server-sent events, without an end of their own."""
        await self.begin("text/event-stream")
        await self.send(*(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks))

    async def left(self) -> None:
        """Wait until the client closes the connection."""
        while await self.reader.read(1024):
            pass


Behaviour = Callable[[Exchange], Awaitable[None]]


@dataclass
class RawServer:
    """A listening server: what it was asked, and whether a client has left it."""

    behave: Behaviour
    url: str = ""
    asked: list[Exchange] = field(default_factory=list)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            exchange = await _read(reader, writer)
            self.asked.append(exchange)
            await self.behave(exchange)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.left.set()
        finally:
            if reader.at_eof():
                self.left.set()
            writer.close()


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Exchange:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    lengths = [line for line in head.lower().splitlines() if line.startswith("content-length:")]
    body = await reader.readexactly(int(lengths[0].partition(":")[2]))
    return Exchange(json.loads(body), head, writer, reader)


@asynccontextmanager
async def raw_server(behave: Behaviour) -> AsyncIterator[RawServer]:
    """Serve each connection with one exchange."""
    server = RawServer(behave)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = "http://127.0.0.1:{1}".format(*listening.sockets[0].getsockname())
    try:
        yield server
    finally:
        listening.close()


def chunk(content: str = "", *, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """Return a chunk of a chat completion."""
    delta = {"content": content, **more}
    return {"id": "c-1", "model": "tiny", "choices": [{"delta": delta, "finish_reason": finish}]}
