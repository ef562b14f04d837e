"""The way to the hot endpoints: one look into a table instead of the router.

The router tries one route after the other and solves dependencies, which costs more than these
endpoints do. Each is declared as an ordinary route too, for OpenAPI and for every path that the
table does not know, such as an id in another spelling; `fast_path_check` compares both.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from fastapi import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api_service.http import problems, query
from api_service.http.strict_json import StrictRequest

Endpoint: TypeAlias = Callable[[StrictRequest], Awaitable[Response]]
Table: TypeAlias = Mapping[tuple[str, str], Endpoint]
"""Endpoints by method and path; a path that ends in a parameter takes a UUID there."""

_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NO_PARAMETERS: frozenset[str] = frozenset()


class FastPath:
    """Answer requests to the endpoints of the table; pass everything else on as it is."""

    def __init__(self, app: ASGIApp, *, table: Table) -> None:
        self._app = app
        self._exact = {
            (method, path): (path, endpoint)
            for (method, path), endpoint in table.items()
            if "{" not in path
        }
        self._by_id = {
            (method, path.partition("{")[0]): (path, endpoint)
            for (method, path), endpoint in table.items()
            if "{" in path
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection scope; only `http` may be fast."""
        endpoint = self._find(scope) if scope["type"] == "http" else None
        if endpoint is None:
            await self._app(scope, receive, send)
            return
        request = StrictRequest(scope, receive)
        try:
            query.check(scope["query_string"], _NO_PARAMETERS)
            response = await endpoint(request)
        except Exception as error:  # noqa: BLE001 - an unexpected one is raised again
            response = await problems.answer_to(request, error)
        await response(scope, receive, send)

    def _find(self, scope: Scope) -> Endpoint | None:
        method, path = scope["method"], scope["path"]
        found = self._exact.get((method, path))
        if found is None:
            value = path[-36:]
            found = self._by_id.get((method, path[:-36]))
            if found is None or not _UUID.fullmatch(value):
                return None
            scope["path_params"] = {found[0].partition("{")[2][:-1]: value}
        scope["route_path"], endpoint = found
        return endpoint
