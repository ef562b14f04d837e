"""Loops that outlive what they meet: an outage is waited out, a bug is loud and tried again."""

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NoReturn

from shared.errors import DatabaseUnavailable
from shared.runtime.logging import get_log

log = get_log()

Seconds = float


async def repeat(
    step: Callable[[], Awaitable[object]],
    *,
    name: str,
    every: Seconds,
    sooner: asyncio.Event | None = None,
) -> NoReturn:
    """Run `step` about every `every` seconds until cancelled, whatever it raises.

    The next iteration comes as soon as the event `sooner` is set, which is cleared then. The
    database logs its outages. Anything else is a bug in one iteration: it is logged with its
    traceback, and must not end those after it.
    """
    while True:
        try:
            await step()
        except DatabaseUnavailable as error:
            log.debug("loop_iteration_failed", loop=name, reason=str(error))
        except Exception:
            log.exception("loop_iteration_failed", loop=name)
        wake = sooner or asyncio.Event()
        await pause(wake, every * random.uniform(0.8, 1.2))
        wake.clear()


async def pause(event: asyncio.Event, seconds: Seconds) -> None:
    """Wait for so many seconds, or until the event is set."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def on_signals(react: Callable[[], None]) -> None:
    """Call `react` in the loop on every SIGTERM and SIGINT."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, react)
