"""Spans of OpenTelemetry; imported only where there are traces."""

import time
from collections.abc import Sequence
from typing import Final

from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import (
    INVALID_SPAN_CONTEXT,
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)
from opentelemetry.trace import Span as ApiSpan
from opentelemetry.util.types import AttributeValue

from shared.runtime.trace_context import is_traceparent
from shared.tracing import Attributes, Kind, Share
from shared.tracing.conventions import BATCH_SIZE, ERROR_TYPE, SCHEMA_URL
from shared.version import VERSION

_KINDS: Final[dict[Kind, SpanKind]] = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
}


class OtelSpan:
    """A span that has begun; to end it twice changes nothing."""

    __slots__ = ("_has_ended", "_span")

    def __init__(self, span: ApiSpan) -> None:
        self._span = span
        self._has_ended = False

    @property
    def traceparent(self) -> str:
        """The context that its children and other processes go on from."""
        return _traceparent_of(self._span)

    def add(self, attributes: Attributes) -> None:
        """Add attributes."""
        if self._span.is_recording():
            self._span.set_attributes(_given(attributes))

    def end(self, *, name: str | None = None, error: str | None = None) -> None:
        """End it; `error` is a code, and `name` replaces the one that it began with."""
        if self._has_ended:
            return
        self._has_ended = True
        if name is not None:
            self._span.update_name(name)
        if error is not None:
            self._span.set_attribute(ERROR_TYPE, error)
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


class OtelTracer:
    """Makes spans; they are exported by the processors of the provider."""

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("generation-service", VERSION, schema_url=SCHEMA_URL)

    def start(
        self, name: str, *, parent: str | None, attributes: Attributes, kind: Kind = "internal"
    ) -> OtelSpan:
        """Begin a span under the context `parent`, or a trace where there is none."""
        span = self._tracer.start_span(
            name, _context(parent), _KINDS[kind], attributes=_given(attributes)
        )
        return OtelSpan(span)

    def note(
        self, step: str, shares: Sequence[Share], *, begun_ns: int, kind: Kind = "internal"
    ) -> list[str]:
        """Make the spans of a step that has just ended, and return their contexts."""
        ended_ns = time.time_ns()
        links = self._link_to_batch(step, shares, begun_ns=begun_ns, ended_ns=ended_ns)
        noted = []
        for share in shares:
            span = self._tracer.start_span(
                share.name,
                _context(share.traceparent),
                _KINDS[kind],
                attributes=_given(share.attributes),
                links=links,
                start_time=begun_ns,
            )
            if share.error is not None:
                span.set_attribute(ERROR_TYPE, share.error)
                span.set_status(Status(StatusCode.ERROR))
            span.end(ended_ns)
            noted.append(_traceparent_of(span))
        return noted

    def _link_to_batch(
        self, step: str, shares: Sequence[Share], *, begun_ns: int, ended_ns: int
    ) -> list[Link]:
        """Make the span of a batch and return the link to it; a batch of one has none.

        The traces that are not sampled are no reason for one.
        """
        contexts = (_span_context(share.traceparent) for share in shares)
        sampled = [Link(each) for each in contexts if each.trace_flags.sampled]
        if len(shares) == 1 or not sampled:
            return []
        batch = self._tracer.start_span(
            f"{step} batch",
            Context(),
            attributes={BATCH_SIZE: len(shares)},
            links=sampled,
            start_time=begun_ns,
        )
        batch.end(ended_ns)
        return [Link(batch.get_span_context())]


def _given(attributes: Attributes) -> dict[str, AttributeValue]:
    return {name: value for name, value in attributes.items() if value is not None}


def _context(traceparent: str | None) -> Context:
    """Return the context to begin a span in; never what happens to be current in this task."""
    if traceparent is None:
        return Context()
    return set_span_in_context(NonRecordingSpan(_span_context(traceparent)), Context())


def _span_context(traceparent: str) -> SpanContext:
    if not is_traceparent(traceparent):
        return INVALID_SPAN_CONTEXT
    _, trace_id, span_id, flags = traceparent.split("-")
    return SpanContext(
        int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16))
    )


def _traceparent_of(span: ApiSpan) -> str:
    context = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
