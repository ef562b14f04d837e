"""A TCP proxy that can be cut, swallow everything, or be slow: the network between two programs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit, urlunsplit

_LOOPBACK = "127.0.0.1"
_CHUNK_BYTES = 65_536


class Proxy:
    """Carry connections to a port of this machine, and do to them what a network does.

    Of a black hole nothing comes back until it is mended; then the bytes that were on their way
    arrive, as those that TCP sends again would.
    """

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._passable = asyncio.Event()
        self._passable.set()
        self._is_cut = False
        self._delay_seconds = 0.0
        self._connections: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._accept, _LOOPBACK, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """End every connection and listen no more."""
        assert self._server is not None
        self._server.close()
        self.cut()
        self._passable.set()

    def cut(self) -> None:
        """Reset the connections that are open and those that come."""
        self._is_cut = True
        for writer in [*self._connections]:
            writer.transport.abort()

    def swallow(self) -> None:
        """Let nothing through; connections stay open, and new ones seem to open."""
        self._passable.clear()

    def delay(self, seconds: float) -> None:
        """Let every piece of data wait so long."""
        self._delay_seconds = seconds

    def mend(self) -> None:
        """Carry everything at once again."""
        self._is_cut = False
        self._delay_seconds = 0.0
        self._passable.set()

    async def _accept(self, near: asyncio.StreamReader, near_end: asyncio.StreamWriter) -> None:
        if self._is_cut:
            near_end.transport.abort()
            return
        self._connections.add(near_end)
        try:
            await self._passable.wait()
            far, far_end = await asyncio.open_connection(_LOOPBACK, self._target_port)
            self._connections.add(far_end)
            try:
                await self._carry_both((near, far_end), (far, near_end))
            finally:
                self._end(far_end)
        except OSError:
            pass  # the target is down, or an end has left: what follows tells the other one
        finally:
            self._end(near_end)

    async def _carry_both(self, *ways: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
        carrying = [asyncio.create_task(self._carry(*way)) for way in ways]
        try:
            await asyncio.wait(carrying, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in carrying:
                task.cancel()
            await asyncio.gather(*carrying, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await reader.read(_CHUNK_BYTES):
                if self._delay_seconds:
                    await asyncio.sleep(self._delay_seconds)
                await self._passable.wait()
                writer.write(piece)
                await writer.drain()

    def _end(self, writer: asyncio.StreamWriter) -> None:
        self._connections.discard(writer)
        writer.close()


def through(proxy: Proxy, url: str) -> str:
    """Return the address of a server with the proxy before it."""
    parts = urlsplit(url)
    user = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{user}@{_LOOPBACK}:{proxy.port}"))


@asynccontextmanager
async def proxied(target_port: int) -> AsyncIterator[Proxy]:
    """Lend a proxy before a port."""
    proxy = Proxy(target_port)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()
