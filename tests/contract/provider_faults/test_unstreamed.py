"""Servers that do not stream."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from tests.support.faulty_server import WHOLE, a_server
from tests.support.model_calls import a_call, completed
from tests.support.raw_server import Exchange
from worker_service.providers import PermanentError
from worker_service.providers.chat_completions import ChatCompletions
from worker_service.providers.failures import FailureKind
from worker_service.providers.ollama import Ollama


async def test_a_server_that_refuses_the_counts_streams_without_them(started: AsyncExitStack):
    async def behave(exchange: Exchange) -> None:
        if "stream_options" in exchange.body:
            message = "Unrecognized request argument supplied: stream_options"
            await exchange.answer({"error": {"message": message}}, status="400 Bad Request")
        else:
            await exchange.stream(*WHOLE)

    server, raw = await a_server(started, behave)

    for _ in range(2):
        assert (await completed(server, a_call())).text == "{}"

    asked = [("stream" in each.body, "stream_options" in each.body) for each in raw.asked]
    assert asked == [(True, True), (True, False), (True, False)]


@pytest.mark.parametrize("dialect", [ChatCompletions(), Ollama()], ids=["openai", "ollama"])
async def test_a_server_that_refuses_to_stream_is_asked_for_the_whole(
    started: AsyncExitStack, dialect: ChatCompletions | Ollama
):
    async def behave(exchange: Exchange) -> None:
        if exchange.body.get("stream"):
            error = {"message": "Unsupported value", "param": "stream"}
            await exchange.answer({"error": error}, status="400 Bad Request")
        elif isinstance(dialect, Ollama):
            await exchange.answer({"message": {"content": "{}"}, "done": True})
        else:
            await exchange.answer(
                {"choices": [{"message": {"content": "{}"}, "finish_reason": "stop"}]}
            )

    server, raw = await a_server(started, behave, dialect=dialect)

    for _ in range(2):
        assert (await completed(server, a_call())).text == "{}"

    assert not raw.asked[-1].body.get("stream")
    assert len(raw.asked) == len(dialect.ladder.response) + 1


async def test_a_whole_answer_may_be_silent_for_as_long_as_the_call_may_take(
    started: AsyncExitStack,
):
    async def behave(exchange: Exchange) -> None:
        if exchange.body.get("stream"):
            error = {"message": "no streaming here"}
            await exchange.answer({"error": error}, status="400 Bad Request")
            return
        await asyncio.sleep(2.5)
        await exchange.answer(
            {"choices": [{"message": {"content": "{}"}, "finish_reason": "stop"}]}
        )

    server, _ = await a_server(started, behave, read_seconds=1.5, first_token_seconds=1.5)

    assert (await completed(server, a_call())).text == "{}"


async def test_a_server_that_does_not_heed_the_wish_to_stream_is_read_all_the_same(
    started: AsyncExitStack,
):
    body = {"choices": [{"message": {"content": "{}"}, "finish_reason": "stop"}]}
    server, raw = await a_server(started, lambda exchange: exchange.answer(body))

    assert (await completed(server, a_call())).text == "{}"
    assert raw.asked[0].body["stream"] is True


async def test_trouble_upstream_is_no_refusal_to_stream(started: AsyncExitStack):
    error = {"message": "upstream rejected the request"}
    server, raw = await a_server(
        started, lambda exchange: exchange.answer({"error": error}, status="400 Bad Request")
    )

    with pytest.raises(PermanentError, match=FailureKind.BAD_REQUEST):
        await completed(server, a_call())

    assert len(raw.asked) == 1
