"""The one place where the API service is wired."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from fastapi import APIRouter, FastAPI
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel
from starlette.types import ASGIApp

from api_service import health, metrics
from api_service.config import ApiSettings
from api_service.context import AppContext
from api_service.dead_letters import routes as dead_letters
from api_service.fast_path import FastPath
from api_service.fast_path_check import checked
from api_service.generation_requests import routes as generation_requests
from api_service.generation_requests.submit import Submissions
from api_service.http import problems
from api_service.http.documentation import documentation
from api_service.http.head_method import HeadAsGet
from api_service.http.observed import Observed, RoutePaths
from api_service.http.openapi import DocumentedApi, operation_id
from api_service.http.public_address import PublicAddress
from api_service.http.strict_json import learn_parameters
from api_service.relay import relaying
from shared.kafka.clients import KafkaClients
from shared.kafka.publisher import Publisher
from shared.kafka.topics import Topics
from shared.postgres.database import connect
from shared.postgres.schema import wait_for_schema
from shared.runtime.lag import measuring_lag
from shared.tracing import Tracer
from shared.tracing.opening import tracing
from shared.version import VERSION

DATABASE_SECONDS = 2.5
"""A frozen server is a 503 within 3 s."""

DESCRIPTION = """
Ask for generated entities and poll until they are made. Each takes 20 to 30 seconds of a model's
time, so a submit answers 202 at once; `Location` says where to poll, `Retry-After` when.
"""

OPERATORS_DESCRIPTION = """
What could not be done, whether the process can accept requests, and what it measures.
"""

TAGS = [
    {
        "name": "generation requests",
        "description": "Ask for entities, poll the tracking record, list the records.",
    },
    {"name": "dead letters", "description": "What could not be done, and why."},
    {"name": "health", "description": "For load balancers and monitoring."},
]

_HEALTH = (health.router,)
"""Stands on both ports: a load balancer asks the one that it sends requests to."""

_OPERATORS = (dead_letters.router, *_HEALTH, metrics.router)


@asynccontextmanager
async def opened(settings: ApiSettings) -> AsyncIterator[AppContext]:
    """Open what the routes need and relay, for as long as the block runs.

    Raises:
        SystemExit: the schema is older than the service.
    """
    async with (
        tracing(settings, service="api") as tracer,
        connect(
            settings.database_url,
            password=settings.database_password,
            patience=DATABASE_SECONDS,
            pool_size=settings.database_pool_size,
            pooling=settings.database_pooler,
            application_name="api_service",
        ) as database,
    ):
        await wait_for_schema(database, seconds=settings.schema_wait_seconds)
        topics = Topics.with_prefix(settings.kafka_topic_prefix)
        clients = KafkaClients.of(settings, client_id="api_service")
        publisher = Publisher(clients, topics.names, tracer=tracer)
        async with measuring_lag(), relaying(database, publisher) as relay:
            yield AppContext(
                settings=settings,
                database=database,
                publisher=publisher,
                submissions=Submissions(
                    database,
                    relay,
                    topics=topics,
                    deadline_seconds=settings.request_deadline_seconds,
                ),
                draining=asyncio.Event(),
                tracer=tracer,
            )


class Api(DocumentedApi):
    """Observe each request from outside of what answers an unexpected error."""

    paths: RoutePaths
    tracer: Tracer | None

    def build_middleware_stack(self) -> ASGIApp:
        """Wrap the whole stack."""
        return Observed(super().build_middleware_stack(), paths=self.paths, tracer=self.tracer)


def create_app(context: AppContext) -> FastAPI:
    """Build the application of `API_PORT`, with the operators' routes where they have no other."""
    settings = context.settings
    typed = generation_requests.typed_routes()
    address = PublicAddress.of(settings)
    app = _without_routes(
        context,
        bodies=[*generation_requests.BODIES, *typed.bodies],
        title="Generation requests",
        description=DESCRIPTION,
        address=address,
        requests_address=address,
    )
    own = (generation_requests.router, typed.router)
    _include(app, [*own, *(_OPERATORS if settings.admin_port is None else _HEALTH)], address)
    routes = [*iter_route_contexts(app.routes)]
    endpoints = {**generation_requests.FAST_ENDPOINTS, **typed.endpoints}
    prefix = settings.api_prefix
    table = {(method, prefix + path): called for (method, path), called in endpoints.items()}
    # The last one added is the outermost. Authentication goes outside the fast path: it covers the
    # endpoints of the table, and WebSocket, too.
    app.add_middleware(FastPath, table=checked(table, routes))
    return app


def create_operators_app(context: AppContext) -> FastAPI:
    """Build the application of `ADMIN_PORT`."""
    address = PublicAddress.of_operators(context.settings)
    app = _without_routes(
        context,
        title="Generation requests, for operators",
        description=OPERATORS_DESCRIPTION,
        address=address,
        # A proxy before this port says nothing of the other one.
        requests_address=replace(PublicAddress.of(context.settings), trusted=()),
    )
    _include(app, _OPERATORS, address)
    return app


def _without_routes(
    context: AppContext,
    *,
    title: str,
    description: str,
    address: PublicAddress,
    requests_address: PublicAddress,
    bodies: Sequence[type[BaseModel]] = (),
) -> Api:
    app = Api(
        bodies=bodies,
        title=title,
        version=VERSION,
        description=description,
        redirect_slashes=False,
        license_info={"name": "Apache License 2.0", "identifier": "Apache-2.0"},
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        openapi_url=None,
        generate_unique_id_function=operation_id,
        # FastAPI would look for a collector at each request.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.tracer = context.tracer
    app.state.context = context
    app.state.address, app.state.requests_address = address, requests_address
    problems.install(app)
    app.add_middleware(HeadAsGet)
    return app


def _include(app: Api, routers: Sequence[APIRouter], address: PublicAddress) -> None:
    """Add the routes under the prefix of the address, with those that document them."""
    prefix = address.api_prefix
    for router in routers:
        app.include_router(router, prefix=prefix)
    app.include_router(documentation(app, prefix=prefix))
    routes = [*iter_route_contexts(app.routes)]
    learn_parameters(routes)
    app.paths = RoutePaths(routes)
    used = {tag for router in routers for tag in router.tags}
    app.openapi_tags = [tag for tag in TAGS if tag["name"] in used]
