"""One coarse clock for the timers of all calls: none of them costs anything while tokens come."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

_EVERY_SECONDS: Final = 0.25


class Watched(Protocol):
    """Something that ends by itself when its time is over."""

    def look(self, now: float) -> None: ...


class Watch:
    """Looks at everything that is watched four times a second, while there is anything."""

    def __init__(self) -> None:
        self._watched: set[Watched] = set()
        self._next: asyncio.TimerHandle | None = None

    @contextmanager
    def watching(self, it: Watched) -> Iterator[None]:
        """Look at `it` while the block runs."""
        self._watched.add(it)
        if self._next is None:
            self._look_later()
        try:
            yield
        finally:
            self._watched.discard(it)

    def _look_later(self) -> None:
        self._next = asyncio.get_running_loop().call_later(_EVERY_SECONDS, self._look)

    def _look(self) -> None:
        self._next = None
        now = asyncio.get_running_loop().time()
        for it in self._watched:
            it.look(now)
        if self._watched:
            self._look_later()
