"""The way of spans to the collector; imported only where there are traces.

A thread of the SDK sends them in batches. A collector that is away costs a line in the log, the
spans of that time, and nothing else.
"""

import asyncio
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

import requests
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.util.re import parse_env_headers

from shared.runtime.logging import get_log
from shared.runtime.loops import pause
from shared.tracing.conventions import SERVICE_INSTANCE_ID, SERVICE_NAME, SERVICE_VERSION
from shared.tracing.spans import OtelTracer
from shared.version import VERSION

log = get_log()

FLUSH_SECONDS: Final = 3.0
"""How long the end of a process may wait for its last spans to be taken."""


class CollectorSession(requests.Session):
    """Remember why the collector did not take what was sent; the exporter does not tell."""

    fault = "not exported"

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send as any session does, but to nowhere else: a redirect would take the key along."""
        try:
            response = super().send(request, **options | {"allow_redirects": False})
        except Exception as error:
            self.fault = type(error).__name__  # its text may hold the whole address
            raise
        self.fault = f"HTTP {response.status_code}"
        return response


class WatchedExporter(SpanExporter):
    """Export, and log once when the collector is lost, and when it is reached again."""

    def __init__(self, exporter: SpanExporter, session: CollectorSession, *, address: str) -> None:
        self._exporter = exporter
        self._session = session
        self._address = address
        self._lost_spans = 0
        self._has_given_up = False

    @property
    def is_lost(self) -> bool:
        """Whether the last spans were not taken."""
        return self._lost_spans > 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans, in the thread of the processor."""
        if self._has_given_up:
            return SpanExportResult.FAILURE
        self._session.fault = "not exported"
        result = self._exporter.export(spans)
        if result is SpanExportResult.SUCCESS:
            if self._lost_spans:
                log.info("collector_reached", address=self._address, spans_lost=self._lost_spans)
            self._lost_spans = 0
        else:
            if not self._lost_spans and not self._has_given_up:
                log.warning("collector_lost", address=self._address, reason=self._session.fault)
            self._lost_spans += len(spans)
        return result

    def give_up(self) -> None:
        """Send nothing more, and end the pause before a repetition."""
        if not self._has_given_up:
            self._has_given_up = True
            self._exporter.shutdown()

    def shutdown(self) -> None:
        """Close the connection."""
        self.give_up()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing waits here."""
        return self._exporter.force_flush(timeout_millis)


class Export:
    """A tracer, and the export of its spans."""

    def __init__(self, endpoint: str, *, headers: str, service: str) -> None:
        session = CollectorSession()
        self._exporter = WatchedExporter(
            OTLPSpanExporter(
                endpoint, headers=parse_env_headers(headers, liberal=True), session=session
            ),
            session,
            address=_without_secrets(endpoint),
        )
        self._provider = TracerProvider(resource=_resource(service), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self.tracer = OtelTracer(self._provider)

    async def close(self) -> None:
        """Export what is left, within FLUSH_SECONDS; a collector that is lost is not waited for."""
        ended, loop = asyncio.Event(), asyncio.get_running_loop()

        def shut_down() -> None:
            self._provider.shutdown()
            with suppress(RuntimeError):  # the loop has gone on and is closed
                loop.call_soon_threadsafe(ended.set)

        if self._exporter.is_lost:
            self._exporter.give_up()
        # A thread that nothing joins: a connection that hangs must not hold up the process.
        threading.Thread(target=shut_down, name="traces_flush", daemon=True).start()
        await pause(ended, FLUSH_SECONDS)
        self._exporter.give_up()


def _resource(service: str) -> Resource:
    """Say who sends; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say it better."""
    ours = Resource(
        {
            SERVICE_NAME: f"generation-{service}",
            SERVICE_VERSION: VERSION,
            SERVICE_INSTANCE_ID: str(uuid4()),
        }
    )
    return Resource.create().merge(ours).merge(OTELResourceDetector().detect())


def _without_secrets(endpoint: str) -> str:
    return urlsplit(endpoint).netloc.rpartition("@")[2]
