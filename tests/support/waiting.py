"""Wait for a condition, never for a time."""

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any


async def eventually(ask: Callable[[], Any], *, within: float = 20.0, what: str = "") -> Any:
    """Ask again and again until the answer (awaited if need be) is true, and return it."""
    deadline = time.monotonic() + within
    while True:
        answer = ask()
        if inspect.isawaitable(answer):
            answer = await answer
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s: {what or inspect.getsource(ask).strip()}")
        await asyncio.sleep(0.02)
