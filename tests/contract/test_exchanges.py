"""Each exchange with a model server is a call, recorded with what it has cost however it ends."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from tests.support.model_calls import (
    QUICK,
    a_call,
    a_claim,
    attempted,
    completed,
    tools_with,
)
from tests.support.odd_answers import ENTITY
from tests.support.raw_server import Behaviour, Exchange, chunk, raw_server
from tests.support.waiting import eventually
from worker_service.generation.tools import GenerationTools
from worker_service.outcome import Deferred, Outcome, Succeeded
from worker_service.providers import exchange
from worker_service.providers.chat_completions import ChatCompletions
from worker_service.providers.dialect import Answer
from worker_service.providers.failures import FailureKind
from worker_service.providers.limits import ProviderLimits
from worker_service.providers.pieces import Json
from worker_service.providers.server import Address, Server
from worker_service.settlement.provider_calls import ProviderCall

ONCE = replace(QUICK, call_attempts=1, invalid_output_attempts=1)
ANSWER = f"data: {json.dumps(chunk(ENTITY, finish='stop'))}\n\n"


@asynccontextmanager
async def a_server(behave: Behaviour) -> AsyncIterator[Server]:
    async with raw_server(behave) as raw, asked_at(raw.url) as server:
        yield server


@asynccontextmanager
async def asked_at(
    url: str, *, connections: int = 1, dialect: ChatCompletions | None = None
) -> AsyncIterator[Server]:
    server = Server(
        "openai",
        dialect or ChatCompletions(),
        address=Address(base_url=url, model="tiny"),
        limits=ProviderLimits(),
        connections=connections,
    )
    yield server
    await server.close()


async def made_by(tools: GenerationTools, made: list[ProviderCall]) -> Outcome:
    return await attempted(a_claim(), tools=tools, made=made)


# Forms


def picky(*unwanted: str) -> Behaviour:
    """Refuse what is unwanted, one after the other, and serve the rest."""

    async def behave(exchange: Exchange) -> None:
        for word in unwanted:
            if word in json.dumps(exchange.body):
                await exchange.answer({"error": {"message": f"{word} is unknown"}}, status="400 No")
                return
        await exchange.stream(chunk(ENTITY), chunk(finish="stop"))

    return behave


async def test_each_refused_form_is_a_call_and_none_is_a_failure():
    made: list[ProviderCall] = []
    async with raw_server(picky("stream_options", "strict")) as raw, asked_at(raw.url) as server:
        outcome = await made_by(tools_with(server, policy=ONCE), made)

    assert isinstance(outcome, Succeeded)
    assert [call.outcome for call in made] == ["form_refused", "form_refused", "ok"]
    assert len(raw.asked) == len({call.call_id for call in made}) == 3
    assert "stream_options is unknown" in str(made[0].error_message)


async def test_refused_forms_use_nothing_up_of_what_an_item_may_cost():
    made: list[ProviderCall] = []
    policy = replace(ONCE, calls_per_item=1)
    async with a_server(picky("stream_options", "strict")) as server:
        assert isinstance(await made_by(tools_with(server, policy=policy), made), Succeeded)


async def test_a_call_of_a_refused_form_is_recorded_before_the_next_begins():
    recorded: list[ProviderCall] = []
    seen: list[int] = []

    async def behave(exchange: Exchange) -> None:
        seen.append(len(recorded))
        await picky("stream_options")(exchange)

    async with a_server(behave) as server:
        await made_by(tools_with(server, policy=ONCE), recorded)

    assert seen == [0, 1]


async def test_a_server_that_refuses_every_form_is_asked_once_more_and_not_walked_again():
    async def behave(exchange: Exchange) -> None:
        error = {"message": "the response_format is odd"}
        await exchange.answer({"error": error}, status="501 Not Implemented")

    made: list[ProviderCall] = []
    async with raw_server(behave) as raw, asked_at(raw.url) as server:
        outcome = await made_by(tools_with(server, policy=replace(QUICK, call_attempts=3)), made)

    assert isinstance(outcome, Deferred)
    refused, failed = ["form_refused"] * 3, ["provider_unavailable"]
    assert [call.outcome for call in made] == [*refused, *failed * 3]
    assert len(raw.asked) == len(made)


# Connections


class KeptAlive:
    """A server that keeps connections, and hangs up on a request that comes by a used one.

    It answers once `together` requests have come, and works for a while before it hangs up.
    """

    def __init__(self, *, together: int = 1, works_seconds: float = 0.0) -> None:
        self.asked = 0
        self._together = asyncio.Barrier(together)
        self._works_seconds = works_seconds

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._read(reader)
            await self._together.wait()
            head = ("HTTP/1.1 200 OK", "Content-Type: text/event-stream")
            length = f"Content-Length: {len(ANSWER.encode())}"
            writer.write("\r\n".join((*head, length, "", ANSWER)).encode())
            await self._read(reader)
            await asyncio.sleep(self._works_seconds)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        await reader.readexactly(int(head.partition("content-length:")[2].split()[0]))
        self.asked += 1


@asynccontextmanager
async def kept(alive: KeptAlive, *, connections: int) -> AsyncIterator[Server]:
    """Serve, and begin with so many connections that are kept."""
    listening = await asyncio.start_server(alive.serve, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        async with asked_at(f"http://127.0.0.1:{port}", connections=connections) as server:
            await asyncio.gather(*(completed(server, a_call()) for _ in range(connections)))
            yield server


async def test_a_kept_connection_that_was_closed_is_a_call_and_no_failure():
    made: list[ProviderCall] = []
    alive = KeptAlive()
    async with kept(alive, connections=1) as server:
        assert isinstance(await made_by(tools_with(server, policy=ONCE), made), Succeeded)

    assert [call.outcome for call in made] == ["connection_closed", "ok"]
    assert alive.asked == 3


async def test_a_call_goes_out_twice_at_the_most_where_kept_connections_are_closed():
    made: list[ProviderCall] = []
    alive = KeptAlive(together=3)
    async with kept(alive, connections=3) as server:
        outcome = await made_by(tools_with(server, policy=ONCE), made)

    assert isinstance(outcome, Deferred)
    assert [call.outcome for call in made] == ["connection_closed", "provider_unavailable"]
    assert alive.asked == 5


async def test_a_server_that_worked_before_it_hung_up_is_not_asked_again_at_once(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(exchange, "_CLOSED_WITHIN_SECONDS", 0.05)
    made: list[ProviderCall] = []
    alive = KeptAlive(works_seconds=0.1)
    async with kept(alive, connections=1) as server:
        await made_by(tools_with(server, policy=ONCE), made)

    (call,) = made
    assert str(call.error_message).startswith(FailureKind.CONNECTION_LOST)
    assert alive.asked == 2


# Costs


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing(ChatCompletions):
    """The dialect; `heard` are the parts that were read, and not only the texts in them."""

    heard: list[Json] = field(default_factory=list)

    def read(self, part: Json, answer: Answer) -> None:
        ChatCompletions.read(self, part, answer)
        self.heard.append(part)


async def test_a_call_that_is_cancelled_leaves_what_it_has_cost():
    made: list[ProviderCall] = []
    last = chunk(":", role="assistant")
    pieces = [chunk("{"), chunk('"content"'), last]

    async def behave(exchange: Exchange) -> None:
        await exchange.begin("text/event-stream", "x-request-id: req-7")
        await exchange.send(*(f"data: {json.dumps(piece)}\n\n" for piece in pieces))
        await exchange.left()

    dialect = Hearing()
    async with raw_server(behave) as raw, asked_at(raw.url, dialect=dialect) as server:
        calling = asyncio.create_task(made_by(tools_with(server, policy=ONCE), made))
        await eventually(lambda: last in dialect.heard)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling

    (call,) = made
    assert (call.outcome, call.error_message) == ("cancelled", None)
    assert (call.provider_request_id, call.model) == ("req-7", "tiny")
    assert (call.input_tokens, call.output_tokens) == (None, len(pieces))
    assert call.received_bytes == sum(len(f"data: {json.dumps(piece)}\n\n") for piece in pieces)
    assert call.first_token_seconds is not None


async def test_an_answer_without_counts_has_a_token_for_each_piece():
    half = len(ENTITY) // 2
    pieces = [chunk(ENTITY[:half]), chunk(ENTITY[half:]), chunk(finish="stop")]
    made: list[ProviderCall] = []
    async with a_server(lambda exchange: exchange.stream(*pieces)) as server:
        assert isinstance(await made_by(tools_with(server), made), Succeeded)

    (call,) = made
    assert (call.outcome, call.input_tokens, call.output_tokens) == ("ok", None, 2)


@pytest.mark.parametrize("count", [-1, 2**31, "7", True, 1.5, None], ids=str)
async def test_a_count_that_is_not_credible_is_unknown(count: object):
    usage = {"prompt_tokens": count, "completion_tokens": count}
    whole = {"choices": [{"message": {"content": ENTITY}, "finish_reason": "stop"}], "usage": usage}
    made: list[ProviderCall] = []
    async with a_server(lambda exchange: exchange.answer(whole)) as server:
        assert isinstance(await made_by(tools_with(server), made), Succeeded)

    (call,) = made
    assert (call.input_tokens, call.output_tokens, call.reasoning_tokens) == (None, None, None)


# The circuit


async def test_an_empty_answer_leaves_the_circuit_of_the_others_closed():
    """One odd prompt may cause it, though the server serves."""
    async with a_server(lambda exchange: exchange.stream(chunk(finish="stop"))) as server:
        tools = tools_with(server, policy=ONCE)
        outcomes = [await made_by(tools, []) for _ in range(10)]

    assert {type(outcome) for outcome in outcomes} == {Deferred}
    assert not tools.breakers.blocked(asyncio.get_running_loop().time())
