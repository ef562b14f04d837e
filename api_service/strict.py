"""Strict routes: the parameters that they know, once each, and JSON of a bounded size.

FastAPI looks anew at each request for what an endpoint wants, and searches the routes twice, which
costs more than most endpoints do. An endpoint that wants no more than path parameters, headers, a
body and the request, and makes its own `Response`, is called directly: its signature is read once,
and FastAPI makes the OpenAPI document of it.
"""

import inspect
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeAlias

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from api_service import body, query

Handler: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]


class StrictRoute(APIRoute):
    """A route that checks its query, and calls its endpoint directly where it can."""

    @property
    def is_direct(self) -> bool:
        """Whether FastAPI has no part in the calls of the endpoint."""
        signature, wanted = inspect.signature(self.endpoint), self.dependant
        fields = [*wanted.path_params, *wanted.header_params, *wanted.body_params]
        names = {wanted.request_param_name, *(field.name for field in fields)}
        return signature.return_annotation is Response and names == {*signature.parameters}

    def get_route_handler(self) -> Handler:
        """Put the check of the query before the call."""
        call = self._direct_call() if self.is_direct else super().get_route_handler()
        known = {field.alias for field in self.dependant.query_params}

        async def handle(request: Request) -> Response:
            query.check(request.scope["query_string"], known)
            return await call(request)

        return handle

    def _direct_call(self) -> Handler:
        wanted, endpoint = self.dependant, self.endpoint
        request_name = wanted.request_param_name or ""
        header_names = [
            (field, field.alias.replace("_", "-").encode()) for field in wanted.header_params
        ]

        async def call(request: Request) -> Response:
            arguments: dict[str, Any] = {request_name: request}
            faults: list[Any] = []
            headers = dict(reversed(request.scope["headers"]))
            for field in wanted.path_params:
                given = request.path_params[field.alias]
                arguments[field.name], found = field.validate(given, loc=("path", field.alias))
                faults += found
            for field, name in header_names:
                if name in headers:
                    arguments[field.name] = headers[name].decode("latin-1")
            for field in wanted.body_params:
                document = await body.read(request, headers)
                arguments[field.name], found = field.validate(document, loc=("body",))
                faults += found
            if faults:
                raise RequestValidationError(faults)
            response: Response = await endpoint(**arguments)
            return response

        return call


class Shortcut(BaseRoute):
    """The way to direct routes: they are looked up, where FastAPI tries one after the other.

    Whatever is not found here takes FastAPI's way, which knows what is wrong with it.
    """

    def __init__(self, routes: Iterable[BaseRoute], *, prefix: str) -> None:
        self._exact: dict[tuple[str, str], Handler] = {}
        self._parents: dict[tuple[str, str], tuple[str, Handler]] = {}
        for route in routes:
            if isinstance(route, StrictRoute) and route.is_direct:
                for method in route.methods or ():
                    self._add(method, prefix + route.path, route.get_route_handler())

    def _add(self, method: str, path: str, handler: Handler) -> None:
        parent, is_open, parameter = path.removesuffix("}").partition("/{")
        if not is_open:
            self._exact[method, path] = handler
        elif "/" not in parameter:
            self._parents[method, parent] = parameter, handler

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Find a path without parameters, or one whose last part is its only parameter."""
        if scope["type"] != "http":
            return Match.NONE, {}
        method, path = scope["method"], scope["path"]
        if (method, path) in self._exact:
            return Match.FULL, {"endpoint": self._exact[method, path]}
        parent, _, value = path.rpartition("/")
        if value and (method, parent) in self._parents:
            parameter, handler = self._parents[method, parent]
            return Match.FULL, {"endpoint": handler, "path_params": {parameter: value}}
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with what the endpoint says."""
        response = await scope["endpoint"](Request(scope, receive))
        await response(scope, receive, send)
