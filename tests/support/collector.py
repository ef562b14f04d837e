"""A collector of traces in the test's own process: it takes OTLP over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as ProtoSpan
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared.http.server import Server, listen
from tests.support.waiting import eventually


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A span as it came."""

    service: str
    schema_url: str
    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    links: frozenset[str]
    attributes: dict[str, str | int | float | list[str]]
    is_error: bool


@dataclass(slots=True)
class Collector:
    """What has come; `status` is what it answers."""

    url: str
    status: int = 200
    spans: list[Received] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    async def take(self, request: Request) -> Response:
        body = await request.body()
        self.headers.append(dict(request.headers))
        if self.status == 200:
            self.spans.extend(_received(ExportTraceServiceRequest.FromString(body)))
        return Response(status_code=self.status, media_type="application/x-protobuf")

    def of_trace(self, trace_id: str) -> list[Received]:
        return [span for span in self.spans if span.trace_id == trace_id]


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    """Serve a collector."""
    listening = listen("127.0.0.1", 0)
    collector = Collector(f"http://127.0.0.1:{listening.getsockname()[1]}")
    routes = [Route("/v1/traces", collector.take, methods=["POST"])]
    server = Server(Starlette(routes=routes))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    await eventually(lambda: server.started)
    try:
        yield collector
    finally:
        server.should_exit = True
        await serving


def _received(request: ExportTraceServiceRequest) -> list[Received]:
    return [
        Received(
            service=str(_attributes(resource.resource.attributes)["service.name"]),
            schema_url=scope.schema_url,
            name=span.name,
            kind=ProtoSpan.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
            trace_id=span.trace_id.hex(),
            span_id=span.span_id.hex(),
            parent_id=span.parent_span_id.hex(),
            links=frozenset(link.span_id.hex() for link in span.links),
            attributes=_attributes(span.attributes),
            is_error=span.status.code == span.status.STATUS_CODE_ERROR,
        )
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def _attributes(pairs: "list[KeyValue]") -> dict[str, str | int | float | list[str]]:
    return {pair.key: _value(pair) for pair in pairs}


def _value(pair: KeyValue) -> str | int | float | list[str]:
    value = pair.value
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value
        case "int_value":
            return value.int_value
        case "double_value":
            return value.double_value
        case "array_value":
            return [each.string_value for each in value.array_value.values]
        case other:
            raise AssertionError(other)
