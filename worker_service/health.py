"""The worker's health endpoint."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from shared.database import APPLIED, SCHEMA_VERSION, Database
from shared.errors import DatabaseUnavailable
from shared.kafka import Publisher
from worker_service.in_flight import InFlight


def create_app(database: Database, publisher: Publisher, in_flight: InFlight) -> Starlette:
    """Answer /livez while the process runs, and /readyz with 200 while it reaches PostgreSQL."""

    async def livez(_: Request) -> JSONResponse:
        return JSONResponse({"status": "alive"})

    async def readyz(_: Request) -> JSONResponse:
        kafka = "up" if publisher.reachable else "down"
        state = {"kafka": kafka, "requests_in_flight": len(in_flight)}
        try:
            await database.fetchrow(APPLIED, SCHEMA_VERSION)
        except DatabaseUnavailable:
            return JSONResponse({"status": "unavailable", "database": "down", **state}, 503)
        status = "ready" if publisher.reachable else "degraded"
        return JSONResponse({"status": status, "database": "up", **state})

    return Starlette(routes=[Route("/livez", livez), Route("/readyz", readyz)])
