"""Begin and end the traces of a process, where its settings ask for them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module

from shared.runtime.logging import get_log
from shared.tracing import Tracer
from shared.tracing.settings import TracingSettings

log = get_log()


@asynccontextmanager
async def tracing(settings: TracingSettings, *, service: str) -> AsyncIterator[Tracer | None]:
    """Lend the tracer of a process, or None; what it has made is exported at the end.

    Platforms name a collector to every program that they run. So what keeps this one from tracing
    is a line in the log, and never the end of a service.
    """
    if (endpoint := settings.traces_endpoint) is None:
        yield None
        return
    if obstacle := settings.traces_obstacle:
        log.warning("tracing_unavailable", reason=obstacle)
        yield None
        return
    try:
        module = import_module("shared.tracing.export")  # with the SDK, which nothing else imports
        export = module.Export(endpoint, headers=settings.traces_headers, service=service)
    except ModuleNotFoundError as error:
        reason = f"{error.name} is not installed: `pip install 'generation-service[otel]'`"
        log.warning("tracing_unavailable", reason=reason)
        yield None
        return
    except Exception as error:  # noqa: BLE001 - a variable that the SDK reads by itself is wrong
        # Its text may hold the address, with the key in it.
        reason = f"{type(error).__name__}; see the variables whose names begin with OTEL_"
        log.warning("tracing_unavailable", reason=reason)
        yield None
        return
    try:
        yield export.tracer
    finally:
        await export.close()
