"""The connection of one call: whether it is new, what comes over it, and pauses in reading it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Final

import aiohttp

from worker_service.providers.ticks import Ticks

_CURRENT: Final[ContextVar["Connection"]] = ContextVar("connection")


@dataclass(slots=True)
class Connection:
    """What the transport has told of the connection of a call."""

    is_new: bool = False
    """Whether it was made for this call, and not kept from one before."""

    received_bytes: int = 0

    _response: aiohttp.ClientResponse | None = None

    async def read(self) -> bytes:
        """Take all that has come of the body, and wait where that is nothing; empty at its end.

        It is read where it comes in: the five iterators between a body and the caller of httpx
        cost more than the reading of a token.

        Raises:
            aiohttp.ClientError: the body ended too early, or is no HTTP.
        """
        assert self._response is not None, "the response has begun"  # noqa: S101
        came = await self._response.content.readany()
        self.received_bytes += len(came)
        return came

    def pause_reading(self, seconds: float, ticks: Ticks) -> None:
        """Read nothing for a while, so that the kernel gathers several events for one read.

        Not once the body has come: its connection may already be another call's.
        """
        kept = self._response.connection if self._response else None
        if kept is not None and kept.transport is not None:
            now = asyncio.get_running_loop().time()
            ticks.pause(kept.transport, now=now, seconds=seconds)


@contextmanager
def observed_connection() -> Iterator[Connection]:
    """Observe the connection of the one call that is made inside."""
    connection = Connection()
    token = _CURRENT.set(connection)
    try:
        yield connection
    finally:
        _CURRENT.reset(token)


def observer() -> aiohttp.TraceConfig:
    """Return what tells the connections of a session to those who observe them."""
    tracing = aiohttp.TraceConfig()
    tracing.on_connection_create_start.append(_note_new)
    tracing.on_request_end.append(_note_response)
    return tracing


async def _note_new(_: object, __: SimpleNamespace, ___: object) -> None:
    _CURRENT.get().is_new = True


async def _note_response(
    _: object, __: SimpleNamespace, answered: aiohttp.TraceRequestEndParams
) -> None:
    response = answered.response
    _CURRENT.get()._response = response  # noqa: SLF001 - of this module
    # The bytes of a reason phrase may be of any letters; the transport for httpx knows UTF-8 alone.
    response.reason = (response.reason or "").encode("utf-8", "replace").decode()
