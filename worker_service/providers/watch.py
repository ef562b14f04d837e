"""One coarse clock for the timers of all calls: none of them costs anything while tokens come."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

_EVERY_SECONDS: Final = 0.25


class Watched(Protocol):
    """Something that ends by itself when its time is over."""

    def check_timers(self, now: float) -> None: ...


class Watch:
    """Checks the timers of everything that is watched four times a second, while there is any."""

    def __init__(self) -> None:
        self._watched: set[Watched] = set()
        self._next: asyncio.TimerHandle | None = None

    @contextmanager
    def watching(self, it: Watched) -> Iterator[None]:
        """Check the timers of `it` while the block runs."""
        self._watched.add(it)
        if self._next is None:
            self._check_later()
        try:
            yield
        finally:
            self._watched.discard(it)

    def _check_later(self) -> None:
        self._next = asyncio.get_running_loop().call_later(_EVERY_SECONDS, self._check_all)

    def _check_all(self) -> None:
        self._next = None
        now = asyncio.get_running_loop().time()
        for it in self._watched:
            it.check_timers(now)
        if self._watched:
            self._check_later()
