"""Connections that were closed, and the proxy."""

import json
from contextlib import AsyncExitStack

import pytest

from tests.support.faulty_server import WHOLE, a_server
from tests.support.model_calls import a_call, completed
from tests.support.raw_server import Exchange, raw_server
from worker_service.providers import TransientError
from worker_service.providers.chat_completions import ChatCompletions
from worker_service.providers.failures import FailureKind
from worker_service.providers.limits import ProviderLimits
from worker_service.providers.server import Address, Server


async def test_a_connection_that_the_server_closed_meanwhile_costs_no_call(
    started: AsyncExitStack,
):
    async def behave(exchange: Exchange) -> None:
        body = json.dumps({"choices": [{"message": {"content": "{}"}, "finish_reason": "stop"}]})
        await exchange.send(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        )
        await exchange.reader.readuntil(b"\r\n\r\n")  # and closes, without an answer

    server, raw = await a_server(started, behave)

    for _ in range(3):
        assert (await completed(server, a_call())).text == "{}"

    assert len(raw.asked) == 3


async def test_a_call_goes_through_the_proxy_of_the_environment(
    started: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
):
    proxy = await started.enter_async_context(raw_server(lambda exchange: exchange.stream(*WHOLE)))
    monkeypatch.setenv("http_proxy", proxy.url)
    server = Server(
        "openai",
        ChatCompletions(),
        address=Address(base_url="http://model.invalid/v1", model="tiny"),
        limits=ProviderLimits(),
        connections=1,
    )
    started.push_async_callback(server.close)

    assert (await completed(server, a_call())).text == "{}"

    assert proxy.asked[0].head.startswith("POST http://model.invalid/v1/chat/completions ")


async def test_a_call_that_was_seen_is_not_made_twice(started: AsyncExitStack):
    async def behave(_: Exchange) -> None:
        """Close the connection without an answer."""

    server, raw = await a_server(started, behave)

    with pytest.raises(TransientError, match=FailureKind.CONNECTION_LOST):
        await completed(server, a_call())

    assert len(raw.asked) == 1
