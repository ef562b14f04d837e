"""What is seen of an HTTP request: its ids in its log lines, metrics, a line of a refusal, a span.

A submit has a span where there are traces, as any POST has; polls have none.
"""

import re
import secrets
import time
from collections.abc import Iterable
from functools import cache

from fastapi.routing import RouteContext
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from shared.runtime.logging import get_log
from shared.runtime.metrics import HTTP_REQUEST_SECONDS, HTTP_REQUESTS
from shared.runtime.trace_context import is_traceparent, trace_id_of, traceparent
from shared.tracing import Span, Tracer
from shared.tracing.conventions import (
    HTTP_REQUEST_ID,
    HTTP_REQUEST_METHOD,
    HTTP_RESPONSE_STATUS_CODE,
    HTTP_ROUTE,
    PROBLEM_CODE,
    URL_PATH,
    URL_SCHEME,
)

log = get_log()
_requests = cache(HTTP_REQUESTS.labels)
_seconds = cache(HTTP_REQUEST_SECONDS.labels)

_HEADER = b"x-request-id"
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._~:/+=@-]{1,128}")

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER_METHOD = "other"
_NO_ROUTE = "none"
_TRACED_METHOD = "POST"
_SERVER_ERRORS = range(500, 600)
_SPAN = "span"
_UNANSWERED = 499
"""The status of a request whose client left before the answer began; the number is nginx's."""


class RoutePaths:
    """The templates of the routes: a path itself may hold anything, and is no label."""

    def __init__(self, routes: Iterable[RouteContext]) -> None:
        self._by_route: dict[int, str] = {}
        self._plain: set[str] = set()
        for route in routes:
            self._by_route[id(route.original_route)] = route.path or ""
            self._plain.add(route.path or "")

    def of(self, scope: Scope) -> str:
        """Return the template of the route that a request has found."""
        if (path := scope.get("route_path")) is not None:
            return str(path)
        if (route := scope.get("route")) is not None:
            return self._by_route.get(id(route), _NO_ROUTE)
        return scope["path"] if scope["path"] in self._plain else _NO_ROUTE


class Observed:
    """Bind the ids of each request, answer with its `X-Request-Id`, count it, log a refusal."""

    def __init__(self, app: ASGIApp, *, paths: RoutePaths, tracer: Tracer | None = None) -> None:
        self._app = app
        self._paths = paths
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection scope; only `http` is observed."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        request_id = _bind_ids(scope, self._tracer)
        status = _UNANSWERED

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (_HEADER, request_id)]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            self._note_end(scope, status=status, seconds=time.perf_counter() - begun)

    def _note_end(self, scope: Scope, *, status: int, seconds: float) -> None:
        route = self._paths.of(scope)
        method = scope["method"] if scope["method"] in _METHODS else _OTHER_METHOD
        _requests(method, route, status).inc()
        _seconds(method, route).observe(seconds)
        if (code := scope.get("problem_code")) is not None:
            log.info("request_refused", method=method, route=route, status=status, code=code)
        if (span := scope.get(_SPAN)) is not None:
            _end_span(span, route, status=status, code=code)


def _bind_ids(scope: Scope, tracer: Tracer | None) -> bytes:
    """Give every log line of the request its ids; return the one that its caller knows.

    They stay bound: the task ends with the request, and the server logs an unexpected error after
    it.
    """
    given: dict[bytes, list[bytes]] = {_HEADER: [], b"traceparent": []}
    for name, value in scope["headers"]:
        if name in given:
            given[name].append(value)
    request_id = b", ".join(given[_HEADER])
    if not _REQUEST_ID.fullmatch(request_id):
        request_id = secrets.token_hex(16).encode()
    # Joining a repeated header makes it invalid, so that validation rejects it.
    parent = b", ".join(given[b"traceparent"]).decode("latin-1")
    if tracer is None or scope["method"] != _TRACED_METHOD:
        trace = traceparent(parent)
    else:
        scope[_SPAN] = span = _begin_span(tracer, scope, parent=parent, request_id=request_id)
        trace = span.traceparent
    scope["traceparent"] = trace
    bind_contextvars(http_request_id=request_id.decode(), trace_id=trace_id_of(trace))
    return request_id


def _begin_span(tracer: Tracer, scope: Scope, *, parent: str, request_id: bytes) -> Span:
    return tracer.start(
        _TRACED_METHOD,
        parent=parent if is_traceparent(parent) else None,
        kind="server",
        attributes={
            HTTP_REQUEST_METHOD: _TRACED_METHOD,
            URL_PATH: scope["path"],
            URL_SCHEME: scope["scheme"],
            HTTP_REQUEST_ID: request_id.decode(),
        },
    )


def _end_span(span: Span, route: str, *, status: int, code: str | None) -> None:
    """End the span of a request; by the conventions a refusal (4xx) is no error of the server."""
    span.add({HTTP_RESPONSE_STATUS_CODE: status, PROBLEM_CODE: code})
    name = None
    if route != _NO_ROUTE:
        span.add({HTTP_ROUTE: route})
        name = f"{_TRACED_METHOD} {route}"
    is_error = status in _SERVER_ERRORS or status == _UNANSWERED
    span.end(name=name, error=code or str(status) if is_error else None)


def span_of(request: Request) -> Span | None:
    """Return the span of a request, if it has one."""
    return request.scope.get(_SPAN)


def traceparent_of(request: Request) -> str:
    """Return the trace context of a request: its caller's, or the one that was made for it."""
    return str(request.scope["traceparent"])
