"""The API behind a socket, as its process serves it, for many requests that share it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from api_service.app import create_app, opened
from api_service.context import AppContext
from shared.http.server import Server, listen
from tests.services import api_settings
from tests.stack import Stack, a_database, a_stack
from tests.support.waiting import eventually


@dataclass(frozen=True, kw_only=True)
class Served:
    """Where the API listens, and how to count what it has accepted."""

    port: int
    context: AppContext

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def accepted(self) -> int:
        row = await self.context.database.fetchrow("SELECT count(*) FROM generation_requests")
        assert row is not None
        return int(row["count"])


@asynccontextmanager
async def the_api_served(**settings: Any) -> AsyncIterator[Served]:
    """Serve on a database and topics of its own."""
    async with a_database() as url, a_stack(url) as stack, served_on(stack, **settings) as served:
        yield served


@asynccontextmanager
async def served_on(stack: Stack, **settings: Any) -> AsyncIterator[Served]:
    """Serve on a stack that others use too."""
    async with opened(api_settings(stack, **settings)) as context:
        listening = listen("127.0.0.1", 0)
        server = Server(create_app(context))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        await eventually(lambda: server.started and context.publisher.reachable)
        yield Served(port=listening.getsockname()[1], context=context)
        server.should_exit = True
        await serving
