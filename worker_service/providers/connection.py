"""The connection of one call: whether it is new, and pauses in reading it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Final

import aiohttp

_CURRENT: Final[ContextVar["Connection"]] = ContextVar("connection")
_TICK_SECONDS: Final = 0.025


@dataclass(slots=True)
class Connection:
    """What the transport has told of the connection of a call."""

    is_new: bool = False
    """Whether it was made for this call, and not kept from one before."""

    _response: aiohttp.ClientResponse | None = None

    async def pause_reading(self, seconds: float) -> None:
        """Read nothing for a while, so that the kernel gathers several events for one read.

        Not once the body has come: its connection may already be another call's.
        """
        kept = self._response.connection if self._response else None
        if kept is None or kept.transport is None:
            return
        transport = kept.transport
        transport.pause_reading()
        try:
            await asyncio.sleep(_until_a_tick(seconds))
        finally:
            if not transport.is_closing():
                transport.resume_reading()


def _until_a_tick(seconds: float) -> float:
    """Shorten a pause so that it ends on a tick: the loop wakes up once for many streams."""
    now = asyncio.get_running_loop().time()
    tick = (now + seconds) // _TICK_SECONDS * _TICK_SECONDS
    return tick - now if tick > now else seconds


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
