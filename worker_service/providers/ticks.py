"""Pauses in reading that end together, so that the loop wakes up once for many streams."""

import asyncio
from typing import Final

_TICK_SECONDS: Final = 0.025


class Ticks:
    """Resumes the transports whose pause is over, forty times a second while there are any."""

    def __init__(self) -> None:
        self._paused: dict[int, list[asyncio.ReadTransport]] = {}

    def pause(self, transport: asyncio.ReadTransport, *, now: float, seconds: float) -> None:
        """Read nothing for about so long; the kernel gathers meanwhile what comes.

        `now` is by the clock of the loop. A pause ends on a tick; one that reaches none is none.
        """
        tick = int((now + seconds) / _TICK_SECONDS)
        if tick * _TICK_SECONDS <= now:
            return
        transport.pause_reading()
        if (paused := self._paused.get(tick)) is None:
            paused = self._paused[tick] = []
            asyncio.get_running_loop().call_at(tick * _TICK_SECONDS, self._resume, tick)
        paused.append(transport)

    def _resume(self, tick: int) -> None:
        for transport in self._paused.pop(tick):
            if not transport.is_closing():
                transport.resume_reading()
