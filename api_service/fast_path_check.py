"""The check of the fast path's table at the start: it may answer only what the router would."""

from collections.abc import Iterable

from fastapi.routing import RouteContext

from api_service.fast_path import Table


def checked(table: Table, routes: Iterable[RouteContext]) -> Table:
    """Return the table if each endpoint is that of its route and takes nothing but the request.

    Raises:
        TypeError: the fast path would answer what the router does not, pass a dependency by, or
            leave a parameter out.
    """
    by_path = {(method, route.path): route for route in routes for method in route.methods or ()}
    for (method, path), endpoint in table.items():
        route = by_path.get((method, path))
        if route is None or route.endpoint is not endpoint:
            raise TypeError(f"{method} {path} has another endpoint on the fast path than its route")
        wanted = route.dependant
        if wanted.dependencies:
            raise TypeError(f"{method} {path} has dependencies, so it cannot be on the fast path")
        parameters = wanted.path_params + wanted.query_params + wanted.header_params
        if parameters or wanted.cookie_params or wanted.body_params:
            raise TypeError(f"{method} {path} has parameters, so it cannot be on the fast path")
    return table
