"""Let one process at a time do what must not be done twice."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devstack.errors import DevstackError


@contextmanager
def held_lock(path: Path) -> Iterator[None]:
    """Wait for the lock, and hold it; it goes with this process, however that ends."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("a")
    except OSError as error:
        raise DevstackError(f"{path.parent} cannot be used: {error.strerror}") from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
