"""The worker's health endpoint."""

import time

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shared.errors import DatabaseUnavailable
from shared.kafka.publisher import Publisher
from shared.postgres.database import Database
from shared.postgres.schema import APPLIED, SCHEMA_VERSION
from shared.runtime.metrics import (
    MEDIA_TYPE,
    PROVIDER_CIRCUITS,
    REQUESTS_IN_FLIGHT,
    WORKER,
    exposition,
)
from shared.runtime.surroundings import show_surroundings
from worker_service.claims.circuit import Breakers, State
from worker_service.claims.slots import Slots


def create_app(
    database: Database, publisher: Publisher, *, slots: Slots, breakers: Breakers
) -> Starlette:
    """Answer /metrics, /livez while the process runs, /readyz with 200 while it has PostgreSQL."""

    async def livez(_: Request) -> JSONResponse:
        return JSONResponse({"status": "alive"})

    async def readyz(_: Request) -> JSONResponse:
        kafka = "up" if publisher.reachable else "down"
        state = {"kafka": kafka, "requests_in_flight": len(slots)}
        try:
            await APPLIED.fetchrow(database, version=SCHEMA_VERSION)
        except DatabaseUnavailable:
            return JSONResponse({"status": "unavailable", "database": "down", **state}, 503)
        status = "ready" if publisher.reachable else "degraded"
        return JSONResponse({"status": status, "database": "up", **state})

    async def metrics(_: Request) -> Response:
        show_surroundings(database, publisher)
        REQUESTS_IN_FLIGHT.set(len(slots))
        _show_circuits(breakers)
        return Response(exposition(WORKER), media_type=MEDIA_TYPE)

    return Starlette(
        routes=[Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", metrics)]
    )


def _show_circuits(breakers: Breakers) -> None:
    circuits = breakers.by_state(time.monotonic())
    for provider in {provider for provider, _ in circuits}:
        for state in State:
            count = circuits[provider, state]
            PROVIDER_CIRCUITS.labels(provider, state.name.lower()).set(count)
