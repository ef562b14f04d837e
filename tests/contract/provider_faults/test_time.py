"""How long a server may be silent, drip or hang."""

import asyncio
import json
from contextlib import AsyncExitStack

import pytest

from shared.errors import ErrorCode
from tests.support.faulty_server import WHOLE, a_server
from tests.support.model_calls import a_call, completed
from tests.support.raw_server import Exchange, chunk
from tests.support.waiting import eventually
from worker_service.providers import TransientError
from worker_service.providers.failures import FailureKind

KEEP_ALIVES = [": still there\n\n", f"data: {json.dumps(chunk())}\n\n"]


@pytest.mark.parametrize("keep_alive", KEEP_ALIVES, ids=["comment", "empty piece"])
async def test_a_server_that_thinks_and_shows_life_is_waited_for(
    started: AsyncExitStack, keep_alive: str
):
    async def behave(exchange: Exchange) -> None:
        await exchange.begin("text/event-stream")
        for _ in range(300):  # three seconds, three times what a silence may take
            await exchange.send(keep_alive)
            await asyncio.sleep(0.01)
        await exchange.send(*(f"data: {json.dumps(part)}\n\n" for part in WHOLE))

    server, _ = await a_server(
        started, behave, read_seconds=1.0, first_token_seconds=1.0, next_token_seconds=1.0
    )

    assert (await completed(server, a_call())).text == "{}"


@pytest.mark.parametrize("keep_alive", KEEP_ALIVES, ids=["comment", "empty piece"])
async def test_a_server_that_thinks_for_ever_is_given_up_when_the_call_has_taken_too_long(
    started: AsyncExitStack, keep_alive: str
):
    async def behave(exchange: Exchange) -> None:
        await exchange.begin("text/event-stream")
        while True:
            await exchange.send(keep_alive)
            await asyncio.sleep(0.01)

    server, raw = await a_server(started, behave, call_seconds=0.3)

    with pytest.raises(TransientError, match=FailureKind.CALL_TIMEOUT):
        await completed(server, a_call())

    await raw.left.wait()


@pytest.mark.parametrize("silence", ["first_token_seconds", "read_seconds"])
async def test_a_silence_before_the_first_token_is_bounded(started: AsyncExitStack, silence: str):
    async def behave(exchange: Exchange) -> None:
        await exchange.begin("text/event-stream")
        await exchange.left()

    server, _ = await a_server(started, behave, **{silence: 0.2})  # type: ignore[arg-type]

    with pytest.raises(TransientError, match=FailureKind.FIRST_TOKEN_TIMEOUT):
        await completed(server, a_call())


async def test_a_server_that_drips_is_given_up_when_the_call_has_taken_too_long(
    started: AsyncExitStack,
):
    async def behave(exchange: Exchange) -> None:
        await exchange.stream()
        while True:
            await exchange.send(f"data: {json.dumps(chunk('.'))}\n\n")
            await asyncio.sleep(0.01)

    server, raw = await a_server(started, behave, call_seconds=0.3)

    with pytest.raises(TransientError, match=FailureKind.CALL_TIMEOUT):
        await completed(server, a_call())

    await raw.left.wait()


@pytest.mark.parametrize("silence", ["next_token_seconds", "read_seconds"])
async def test_a_silence_between_tokens_is_bounded(started: AsyncExitStack, silence: str):
    async def behave(exchange: Exchange) -> None:
        await exchange.stream(chunk("{"))
        await exchange.left()

    server, _ = await a_server(started, behave, **{silence: 1.5})  # type: ignore[arg-type]

    with pytest.raises(TransientError, match=FailureKind.NEXT_TOKEN_TIMEOUT) as stalled:
        await completed(server, a_call())

    assert stalled.value.code is ErrorCode.TIMEOUT


async def test_a_server_that_accepts_and_says_nothing_is_given_up(started: AsyncExitStack):
    server, _ = await a_server(started, Exchange.left, read_seconds=0.2)

    with pytest.raises(TransientError, match=FailureKind.FIRST_TOKEN_TIMEOUT):
        await completed(server, a_call())


async def test_an_answer_is_whole_though_its_connection_stays_open(started: AsyncExitStack):
    async def behave(exchange: Exchange) -> None:
        await exchange.stream(*WHOLE)
        await exchange.send("data: [DONE]\n\n")
        await exchange.left()

    server, _ = await a_server(started, behave)

    async with asyncio.timeout(30):  # and not for as long as the wire may be silent
        assert (await completed(server, a_call())).text == "{}"


async def test_a_cancelled_call_leaves_its_server_at_once(started: AsyncExitStack):
    async def behave(exchange: Exchange) -> None:
        await exchange.stream(chunk("{"))
        await exchange.left()

    server, raw = await a_server(started, behave)
    calling = asyncio.create_task(completed(server, a_call()))
    await eventually(lambda: raw.asked)

    calling.cancel()

    with pytest.raises(asyncio.CancelledError):
        await calling
    async with asyncio.timeout(20):
        await raw.left.wait()
