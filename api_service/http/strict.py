"""Strict routes: the parameters that they know, once each, and JSON of a bounded size.

FastAPI looks anew at each request for what an endpoint wants, which costs more than most endpoints
do. An endpoint that `direct_handler` knows how to call is called without it: its signature is read
once, and FastAPI makes the OpenAPI document of it. Bodies are read nowhere else, so a strict route
that takes one and is not direct is refused.
"""

import inspect
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, TypeAlias

from fastapi import Request, Response
from fastapi._compat import ModelField, field_annotation_is_scalar
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.params import Body
from fastapi.routing import APIRoute, RouteContext, _effective_route_context_var
from starlette.types import ASGIApp, Receive, Scope, Send

from api_service.http import body, problems, query

Endpoint: TypeAlias = Callable[..., Awaitable[Response]]
_SAME_AS_ONCE = frozenset({b"content-encoding", b"content-type"})
"""Headers that may be repeated as they are, as some clients and proxies do."""

Handler: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]


class StrictRoute(APIRoute):
    """A route that checks its query, and calls its endpoint directly where it can."""

    def get_route_handler(self) -> Handler:
        """Put the check of the query before the call.

        Raises:
            TypeError: the route takes a body, which FastAPI would parse by laxer rules.
        """
        context = _as_included(self)
        if (handler := direct_handler(context)) is not None:
            return handler
        if context.body_field is not None:
            raise TypeError(
                f"{context.path} ({self.name}) takes a body, so its endpoint must be one that "
                "is called directly, see `direct_handler`"
            )
        return _checked(super().get_route_handler(), context.dependant)


def _as_included(route: APIRoute) -> RouteContext:
    """Return the route with the prefix and the dependencies of its inclusion, if it has one.

    FastAPI asks a route for its handler once more for each inclusion, and tells of it here alone.
    """
    included = _effective_route_context_var.get()
    is_ours = included is not None and included.original_route is route
    return RouteContext(route, included if is_ours else None)


def direct_handler(context: RouteContext) -> Handler | None:
    """Return what calls the endpoint of a strict route directly; None where FastAPI has a part.

    Direct is a coroutine function that says it returns `Response`, on a route without dependencies,
    its own, its router's or its inclusion's. It takes the request, and beside it nothing but

    - path parameters,
    - headers of one value whose defaults are constants, and
    - at most one body: required, JSON, not embedded.
    """
    endpoint, wanted = context.endpoint, context.dependant
    request_name = wanted.request_param_name
    if endpoint is None or request_name is None or not _is_direct(endpoint, wanted):
        return None
    return _checked(_direct_call(endpoint, wanted, request_name=request_name), wanted)


def _is_direct(endpoint: Callable[..., Any], wanted: Dependant) -> bool:
    signature = inspect.signature(endpoint)
    fields = [*wanted.path_params, *wanted.header_params, *wanted.body_params]
    names = {wanted.request_param_name, *(field.name for field in fields)}
    return (
        inspect.iscoroutinefunction(endpoint)
        and signature.return_annotation is Response
        and names == {*signature.parameters}
        and not wanted.dependencies
        and all(map(_is_plain_header, wanted.header_params))
        and len(wanted.body_params) <= 1
        and all(map(_is_plain_body, wanted.body_params))
    )


def _is_plain_header(field: ModelField) -> bool:
    info = field.field_info
    has_constant_default = info.default_factory is None and not info.validate_default
    return has_constant_default and field_annotation_is_scalar(info.annotation)


def _is_plain_body(field: ModelField) -> bool:
    info = field.field_info
    return isinstance(info, Body) and not info.embed and info.is_required()


def _checked(call: Handler, wanted: Dependant) -> Handler:
    known = {field.alias for field in wanted.query_params}

    async def handle(request: Request) -> Response:
        query.check(request.scope["query_string"], known)
        return await call(request)

    return handle


def _direct_call(endpoint: Endpoint, wanted: Dependant, *, request_name: str) -> Handler:
    headers_wanted = [
        (field, field.alias.lower().encode(), ("header", field.alias))
        for field in wanted.header_params
    ]
    defaults = {
        field.name: field.default
        for field in wanted.header_params
        if not field.field_info.is_required()
    }

    async def call(request: Request) -> Response:
        arguments: dict[str, Any] = {**defaults, request_name: request}
        faults: list[Any] = []
        headers = _headers(request.scope["headers"])
        for field in wanted.path_params:
            given = request.path_params[field.alias]
            arguments[field.name], found = field.validate(given, loc=("path", field.alias))
            faults += found
        for field, name, place in headers_wanted:
            if name in headers:
                given = headers[name].decode("latin-1")
                arguments[field.name], found = field.validate(given, loc=place)
                faults += found
            elif field.name not in defaults:
                faults.append({"loc": place, "msg": "Field required"})
        for field in wanted.body_params:
            document = await body.read(request, headers)
            arguments[field.name], found = field.validate(document, loc=("body",))
            faults += found
        if faults:
            raise RequestValidationError(faults)
        return await endpoint(**arguments)

    return call


def _headers(lines: list[tuple[bytes, bytes]]) -> body.RawHeaders:
    headers = dict(lines)
    return headers if len(headers) == len(lines) else _together(lines)


def _together(lines: list[tuple[bytes, bytes]]) -> body.RawHeaders:
    """Make one list of the lines of each name, as RFC 9110 section 5.3 has it.

    Of a header that has but one value, it makes one that is no such value.
    """
    together: dict[bytes, list[bytes]] = {}
    for name, value in lines:
        together.setdefault(name, []).append(value)
    return {
        name: values[0] if name in _SAME_AS_ONCE and len({*values}) == 1 else b", ".join(values)
        for name, values in together.items()
    }


class Shortcut:
    """The way to direct routes: they are looked up before anything else of the application.

    Whatever is not found here takes FastAPI's way, which tries one route after the other and knows
    what is wrong with a request that fits none.
    """

    def __init__(self, app: ASGIApp, *, routes: Iterable[RouteContext]) -> None:
        """Take all routes of the application as they are included; the first of a path counts."""
        self._app = app
        self._exact: dict[tuple[str, str], Handler | None] = {}
        self._parents: dict[tuple[str, str], tuple[str, Handler] | None] = {}
        for route in routes:
            is_strict = isinstance(route.original_route, StrictRoute)
            handler = direct_handler(route) if is_strict else None
            for method in route.methods or ():
                self._add(method, route.path or "", handler)

    def _add(self, method: str, path: str, handler: Handler | None) -> None:
        """Add a path without parameters, or one whose last part is its only parameter.

        None stands for what FastAPI answers, so that no direct route answers in its place.
        """
        parent, _, last = path.rpartition("/")
        if "{" in parent:
            return
        if "{" not in last:
            is_hidden = (method, parent) in self._parents
            self._exact.setdefault((method, path), None if is_hidden else handler)
            return
        parameter = last[1:-1]
        is_plain = parameter.isidentifier()
        found = (parameter, handler) if is_plain and handler is not None else None
        self._parents.setdefault((method, parent), found)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass the request on as it is."""
        handler = self._find(scope) if scope["type"] == "http" else None
        if handler is None:
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            response = await handler(request)
        except Exception as error:  # noqa: BLE001 - what is no problem is raised again
            response = await problems.answer_to(request, error)
        await response(scope, receive, send)

    def _find(self, scope: Scope) -> Handler | None:
        method, path = scope["method"], scope["path"]
        if (method, path) in self._exact:
            return self._exact[method, path]
        parent, _, value = path.rpartition("/")
        found = self._parents.get((method, parent)) if value else None
        if found is None:
            return None
        parameter, handler = found
        scope["path_params"] = {parameter: value}
        return handler
