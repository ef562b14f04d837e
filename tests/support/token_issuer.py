"""An address that gives tokens for the credentials of a client."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared.http.server import Server, listen
from tests.support.waiting import eventually


class Issuer:
    """Answers with `token`, or what it is told to; `asked` has the credentials and the forms."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.asked: list[tuple[str, str]] = []
        self.answer: Response | None = None

    async def respond(self, request: Request) -> Response:
        body = (await request.body()).decode()
        self.asked.append((request.headers["authorization"], body))
        given = f'{{"access_token": "{self.token}", "expires_in": 60}}'
        return self.answer or Response(given)

    @asynccontextmanager
    async def served(self) -> AsyncIterator[str]:
        """Lend the address."""
        listening = listen("127.0.0.1", 0)
        server = Server(Starlette(routes=[Route("/token", self.respond, methods=["POST"])]))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        await eventually(lambda: server.started)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/token"
        finally:
            server.should_exit = True
            await serving
