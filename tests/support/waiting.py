"""Wait for a condition, never for a time."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

Answer = TypeVar("Answer")


async def eventually(
    ask: Callable[[], Answer | Awaitable[Answer]], *, within: float = 20.0, what: str = ""
) -> Answer:
    """Ask again and again until the answer is true, and return it."""
    deadline = time.monotonic() + within
    while True:
        answer = ask()
        settled: Answer = await answer if inspect.isawaitable(answer) else answer
        if settled:
            return settled
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s: {what or inspect.getsource(ask).strip()}")
        await asyncio.sleep(0.02)
