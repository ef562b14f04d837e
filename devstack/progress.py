"""Say on standard error what happens, and that it goes on where it takes longer."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

SILENCE_SECONDS = 2.5


class Progress:
    """The line that was said last, and when: nothing is silent for longer than a few seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._line = ""
        self._since = self._said_at = time.monotonic()

    def report(self, line: str) -> None:
        """Say what happens now."""
        with self._lock:
            self._line = line
            self._since = time.monotonic()
            self._say(line)

    def step(self, line: str) -> None:
        """Note what happens now; it is said only if it takes long."""
        with self._lock:
            self._line = line
            self._since = time.monotonic()

    def remind(self) -> None:
        """Say again what happens if nothing was said for some time."""
        with self._lock:
            if self._line and time.monotonic() - self._said_at >= SILENCE_SECONDS:
                self._say(f"  {time.monotonic() - self._since:.0f} s: {self._line}")

    def _say(self, line: str) -> None:
        self._said_at = time.monotonic()
        print(line, file=sys.stderr, flush=True)


@contextmanager
def reminding(progress: Progress) -> Iterator[None]:
    """Remind for as long as the block runs."""
    over = threading.Event()

    def remind() -> None:
        while not over.wait(SILENCE_SECONDS / 5):
            progress.remind()

    thread = threading.Thread(target=remind, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
