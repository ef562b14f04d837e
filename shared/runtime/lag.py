"""How far behind the event loop of this process is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from shared.runtime.loops import repeat
from shared.runtime.metrics import EVENT_LOOP_LAG_SECONDS

Seconds = float

_SAMPLES, _SAMPLE_SECONDS = 10, 0.1


async def measured_lag() -> Seconds:
    """Return how late the event loop wakes a sleeper, as the mean of about a second."""
    clock = asyncio.get_running_loop().time
    begun = clock()
    for _ in range(_SAMPLES):
        await asyncio.sleep(_SAMPLE_SECONDS)
    lag = max(0.0, (clock() - begun) / _SAMPLES - _SAMPLE_SECONDS)
    EVENT_LOOP_LAG_SECONDS.set(lag)
    return lag


@asynccontextmanager
async def measuring_lag() -> AsyncIterator[None]:
    """Keep the metric up to date for as long as the block runs."""
    work = asyncio.create_task(repeat(measured_lag, name="event_loop_lag", every=_SAMPLE_SECONDS))
    try:
        yield
    finally:
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work
