"""Strict routes: the parameters that they know, once each, and JSON of a bounded size.

FastAPI looks anew at each request for what an endpoint wants, which costs more than most endpoints
do. An endpoint that wants no more than path parameters, headers, a body and the request, and makes
its own `Response`, is called directly: its signature is read once, and FastAPI makes the OpenAPI
document of it.
"""

import inspect
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeAlias

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from api_service import body, problems, query

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


class Shortcut:
    """The way to direct routes: they are looked up before anything else of the application.

    Whatever is not found here takes FastAPI's way, which tries one route after the other and knows
    what is wrong with a request that fits none.
    """

    def __init__(self, app: ASGIApp, *, routes: Iterable[BaseRoute], prefix: str) -> None:
        self._app = app
        self._exact: dict[tuple[str, str], Handler] = {}
        self._parents: dict[tuple[str, str], tuple[str, Handler]] = {}
        for route in routes:
            if isinstance(route, StrictRoute) and route.is_direct:
                for method in route.methods or ():
                    self._add(method, prefix + route.path, route.get_route_handler())

    def _add(self, method: str, path: str, handler: Handler) -> None:
        """Add a path without parameters, or one whose last part is its only parameter."""
        parent, is_open, parameter = path.removesuffix("}").partition("/{")
        if not is_open:
            self._exact[method, path] = handler
        elif "/" not in parameter:
            self._parents[method, parent] = parameter, handler

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
        if (exact := self._exact.get((method, path))) is not None:
            return exact
        parent, _, value = path.rpartition("/")
        if not value or (method, parent) not in self._parents:
            return None
        parameter, handler = self._parents[method, parent]
        scope["path_params"] = {parameter: value}
        return handler
