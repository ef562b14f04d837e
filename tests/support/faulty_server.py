"""A server that does what a test tells it, and the provider that calls it."""

from contextlib import AsyncExitStack

from tests.support.raw_server import Behaviour, RawServer, chunk, raw_server
from worker_service.providers.chat_completions import ChatCompletions
from worker_service.providers.limits import ProviderLimits
from worker_service.providers.ollama import Ollama
from worker_service.providers.server import Address, Server

KEY = "sk-very-secret"
WHOLE = [chunk("{"), chunk("}"), chunk(finish="stop")]
LINES = "application/x-ndjson"


async def a_server(
    started: AsyncExitStack,
    behave: Behaviour,
    *,
    dialect: ChatCompletions | Ollama | None = None,
    **limits: float,
) -> tuple[Server, RawServer]:
    raw = await started.enter_async_context(raw_server(behave))
    server = Server(
        "openai",
        dialect or ChatCompletions(),
        address=Address(base_url=raw.url, credential=KEY, model="tiny"),
        limits=ProviderLimits(**limits),  # type: ignore[arg-type]
        connections=1,
    )
    started.push_async_callback(server.close)
    return server, raw
