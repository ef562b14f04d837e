"""Bodies without an end, packed, nested or cut, and what they cost."""

import asyncio
import gzip
import json
from contextlib import AsyncExitStack

import pytest

from shared.errors import ErrorCode
from tests.support.faulty_server import LINES, WHOLE, a_server
from tests.support.model_calls import a_call, a_claim, calls_for, completed, tools_with
from tests.support.raw_server import Exchange, chunk
from worker_service.claims.run import Run
from worker_service.generation.attempt import attempt
from worker_service.providers import (
    AccountFault,
    PermanentError,
    ProtocolMismatch,
    Spent,
    TransientError,
    transport,
)
from worker_service.providers.chat_completions import ChatCompletions
from worker_service.providers.failures import FailureKind
from worker_service.providers.ollama import Ollama


@pytest.mark.parametrize("content_type", ["text/event-stream", LINES, "application/json"])
async def test_a_body_without_end_is_cut_off(started: AsyncExitStack, content_type: str):
    async def behave(exchange: Exchange) -> None:
        await exchange.begin(content_type)
        while True:
            await exchange.send("x" * 10_000)

    server, raw = await a_server(started, behave, answer_bytes=1_000_000)

    with pytest.raises(PermanentError, match=FailureKind.OVERSIZED) as failed:
        await completed(server, a_call())

    assert failed.value.code is ErrorCode.TRUNCATED
    await raw.left.wait()


@pytest.mark.parametrize(
    ("usage", "output_tokens"),
    [({}, 2), ({"usage": {"prompt_tokens": 11, "completion_tokens": 7}}, 7)],
    ids=["not counted", "counted"],
)
async def test_a_call_that_was_cut_off_tells_what_has_come(
    started: AsyncExitStack, usage: dict[str, object], output_tokens: int
):
    """It may have to be paid for: a piece stands for a token until the provider counts them."""
    sent = "".join(f"data: {json.dumps(part)}\n\n" for part in (chunk("{"), chunk("x") | usage))

    async def behave(exchange: Exchange) -> None:
        await exchange.begin("text/event-stream")
        await exchange.send(sent)

    server, _ = await a_server(started, behave)

    spent = Spent()

    with pytest.raises(TransientError, match=FailureKind.CONNECTION_LOST):
        await completed(server, a_call(), spent)

    assert (spent.received_bytes, spent.tokens.output_tokens) == (len(sent), output_tokens)


async def test_an_answer_tells_how_many_bytes_it_took(started: AsyncExitStack):
    server, _ = await a_server(started, lambda exchange: exchange.stream(*WHOLE))

    spent = Spent()

    await completed(server, a_call(), spent)

    assert spent.received_bytes > len(json.dumps(WHOLE))


@pytest.mark.parametrize("status", ["200 OK", "503 Busy"])
async def test_the_bytes_of_a_call_are_those_that_came_over_the_wire(
    started: AsyncExitStack, status: str
):
    sent = gzip.compress(json.dumps({"error": {"message": "busy" * 999, "code": 503}}).encode())

    async def behave(exchange: Exchange) -> None:
        await exchange.begin("application/json", "Content-Encoding: gzip", status=status)
        exchange.writer.write(sent)
        await exchange.writer.drain()

    server, _ = await a_server(started, behave)

    spent = Spent()

    with pytest.raises(TransientError, match="busy"):
        await completed(server, a_call(), spent)

    assert spent.received_bytes == len(sent)


async def test_an_error_without_end_is_still_told_by_its_status(started: AsyncExitStack):
    async def behave(exchange: Exchange) -> None:
        await exchange.begin("text/html", status="503 Busy")
        while True:
            await exchange.send("x" * 10_000)

    server, _ = await a_server(started, behave)

    with pytest.raises(TransientError, match=FailureKind.UNAVAILABLE):
        await completed(server, a_call())


async def test_no_packed_answer_is_asked_for(started: AsyncExitStack):
    server, raw = await a_server(started, lambda exchange: exchange.stream(*WHOLE))

    await completed(server, a_call())

    assert "accept-encoding: identity" in raw.asked[0].head.lower()


async def test_a_packed_answer_is_bounded_by_what_it_holds(started: AsyncExitStack):
    async def behave(exchange: Exchange) -> None:
        await exchange.begin("text/event-stream", "Content-Encoding: gzip")
        exchange.writer.write(gzip.compress(b": " + b"x" * 20_000_000))
        await exchange.writer.drain()

    server, _ = await a_server(started, behave, answer_bytes=1_000_000)

    with pytest.raises(PermanentError, match=FailureKind.OVERSIZED):
        await completed(server, a_call())


async def test_json_that_is_nested_too_deeply_is_told_apart(started: AsyncExitStack):
    async def behave(exchange: Exchange) -> None:
        await exchange.begin("application/json")
        await exchange.send("[" * 200_000)

    server, _ = await a_server(started, behave)

    with pytest.raises(ProtocolMismatch, match=FailureKind.UNREADABLE):
        await completed(server, a_call())


@pytest.mark.parametrize("dialect", [ChatCompletions(), Ollama()], ids=["openai", "ollama"])
async def test_a_stream_that_ends_early_without_an_error_is_told_apart(
    started: AsyncExitStack, dialect: ChatCompletions | Ollama
):
    async def behave(exchange: Exchange) -> None:
        if isinstance(dialect, Ollama):
            await exchange.begin(LINES)
            await exchange.send('{"message": {"content": "{"}, "done": false}\n')
        else:
            await exchange.stream(chunk("{"))

    server, _ = await a_server(started, behave, dialect=dialect)

    with pytest.raises(TransientError, match=FailureKind.CONNECTION_LOST):
        await completed(server, a_call())


async def test_a_stream_without_its_last_line_is_whole_once_it_has_a_finish_reason(
    started: AsyncExitStack,
):
    server, _ = await a_server(started, lambda exchange: exchange.stream(*WHOLE))

    assert (await completed(server, a_call())).text == "{}"


async def test_a_server_that_says_stop_with_every_part_is_heard_to_its_end(
    started: AsyncExitStack,
):
    async def behave(exchange: Exchange) -> None:
        await exchange.stream(chunk("{", finish="stop"))
        await asyncio.sleep(1.5)
        await exchange.send(f"data: {json.dumps(chunk('}', finish='stop'))}\n\n")
        await exchange.left()

    server, _ = await a_server(started, behave)

    assert (await completed(server, a_call())).text == "{}"


async def test_an_error_whose_body_has_no_end_keeps_its_meaning(
    started: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
):
    async def behave(exchange: Exchange) -> None:
        await exchange.answer({"error": {"message": "no such key"}}, status="401 Unauthorized")
        await exchange.left()

    monkeypatch.setattr(transport, "_ERROR_SECONDS", 0.2)
    server, _ = await a_server(started, behave)

    with pytest.raises(AccountFault, match="no such key"):
        await completed(server, a_call())


async def test_tokens_that_came_before_a_fault_of_the_account_are_charged(
    started: AsyncExitStack,
):
    async def behave(exchange: Exchange) -> None:
        refused = {"error": {"code": 402, "message": "no credits"}}
        await exchange.stream(chunk("{"), chunk("}"), refused)

    server, _ = await a_server(started, behave)
    claim, tools = a_claim(), tools_with(server)
    run, calls = Run.of(claim), calls_for(claim, 0, tools=tools)
    async with run.interruptible() as block:
        await attempt(run, calls, tools=tools, block=block)

    assert calls.last_failure is not None
    assert (calls.last_failure[0], calls.charged) == (ErrorCode.QUOTA_EXHAUSTED, 1)
