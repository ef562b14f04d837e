"""A lazy sequence read by position, so that a series of ordinals is worked out once."""

from collections.abc import Iterator
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class Stream(Generic[T]):
    """An iterator that remembers what it yielded. Threads may share it."""

    def __init__(self, source: Iterator[T]) -> None:
        self._source = source
        self._yielded: list[T] = []
        self._failure: Exception | None = None
        self._lock = Lock()

    def find(self, ordinal: int) -> T | None:
        """Find the ordinal-th element (from 0); None when the source ends before it.

        What ends the source with an exception is raised to everybody who asks for more.
        """
        with self._lock:
            while len(self._yielded) <= ordinal:
                if self._failure:
                    raise self._failure.with_traceback(None)
                try:
                    self._yielded.append(next(self._source))
                except StopIteration:
                    return None
                except Exception as failure:
                    self._failure = failure
                    raise
            return self._yielded[ordinal]
