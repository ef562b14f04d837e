"""What servers do that no mock does: drip, hang, flood, refuse to stream, repeat secrets."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from shared.errors import ErrorCode
from tests.support.model_calls import (
    a_call,
    a_claim,
    attempted,
    calls_for,
    completed,
    tools_with,
)
from tests.support.raw_server import Behaviour, Exchange, RawServer, chunk, raw_server
from tests.support.waiting import eventually
from worker_service.claims.run import Run
from worker_service.generation.attempt import attempt
from worker_service.outcome import Failed
from worker_service.providers import (
    CredentialRefused,
    PermanentError,
    ProtocolMismatch,
    ProviderError,
    Spent,
    TransientError,
    transport,
)
from worker_service.providers.chat_completions import ChatCompletions
from worker_service.providers.failures import FailureKind
from worker_service.providers.limits import ProviderLimits
from worker_service.providers.ollama import Ollama
from worker_service.providers.server import Address, Server

KEY = "sk-very-secret"
WHOLE = [chunk("{"), chunk("}"), chunk(finish="stop")]
LINES = "application/x-ndjson"


@pytest.fixture
async def started() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


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


# Time


KEEP_ALIVES = [": still there\n\n", f"data: {json.dumps(chunk())}\n\n"]


@pytest.mark.parametrize("keep_alive", KEEP_ALIVES, ids=["comment", "empty piece"])
async def test_a_server_that_thinks_and_shows_life_is_waited_for(
    started: AsyncExitStack, keep_alive: str
):
    async def behave(exchange: Exchange) -> None:
        await exchange.begin("text/event-stream")
        for _ in range(150):  # a second and a half, five times what a silence may take
            await exchange.send(keep_alive)
            await asyncio.sleep(0.01)
        await exchange.send(*(f"data: {json.dumps(part)}\n\n" for part in WHOLE))

    server, _ = await a_server(
        started, behave, read_seconds=0.3, first_token_seconds=0.3, next_token_seconds=0.3
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


# Size and shape


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

    with pytest.raises(CredentialRefused, match="no such key"):
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


# Connections


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


# Errors inside an answer


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 502, "message": "Provider disconnected"}, FailureKind.UNAVAILABLE),
        ({"code": 429, "message": "Slow down"}, FailureKind.RATE_LIMITED),
        ({"code": 402, "message": "Add credits"}, FailureKind.QUOTA_EXHAUSTED),
        ({"code": "rate_limit_exceeded", "message": "Slow down"}, FailureKind.RATE_LIMITED),
        ({"type": "server_error", "message": "Oops"}, FailureKind.UNAVAILABLE),
        ("something", FailureKind.UNAVAILABLE),
    ],
    ids=str,
)
@pytest.mark.parametrize("before", [[], [chunk("{")]], ids=["at once", "in the middle"])
async def test_an_error_in_a_stream_is_told_apart_by_its_own_number(
    started: AsyncExitStack, error: object, kind: FailureKind, before: list[object]
):
    server, _ = await a_server(
        started, lambda exchange: exchange.stream(*before, {"id": "gen-1", "error": error})
    )

    with pytest.raises(ProviderError, match=kind):
        await completed(server, a_call())


async def test_an_error_in_a_choice_is_told_apart(started: AsyncExitStack):
    broken = {"choices": [{"delta": {}, "finish_reason": "error", "error": {"code": 429}}]}
    server, _ = await a_server(started, lambda exchange: exchange.stream(chunk("{"), broken))

    with pytest.raises(TransientError, match=FailureKind.RATE_LIMITED):
        await completed(server, a_call())


async def test_an_error_in_the_middle_of_ollamas_answer_is_told_apart(started: AsyncExitStack):
    async def behave(exchange: Exchange) -> None:
        await exchange.begin(LINES)
        await exchange.send('{"message": {"content": "{"}, "done": false}\n')
        await exchange.send('{"error": "the model runner has stopped"}\n')

    server, _ = await a_server(started, behave, dialect=Ollama())

    with pytest.raises(
        TransientError, match=f"{FailureKind.UNAVAILABLE}: the model runner has stopped"
    ):
        await completed(server, a_call())


async def test_a_refusal_fails_the_item_with_the_models_words(started: AsyncExitStack):
    server, _ = await a_server(
        started,
        lambda exchange: exchange.stream(
            chunk(refusal="I cannot "), chunk(refusal="help."), chunk(finish="stop")
        ),
    )

    outcome = await attempted(a_claim(), tools=tools_with(server))

    assert isinstance(outcome, Failed)
    assert (outcome.code, outcome.attempts) == (ErrorCode.REFUSED, 1)
    assert outcome.message == f"{FailureKind.REFUSED}: I cannot help."


async def test_ollamas_answer_has_its_counts_its_thoughts_and_its_end(started: AsyncExitStack):
    async def behave(exchange: Exchange) -> None:
        await exchange.begin(LINES)
        await exchange.send(
            '{"model": "tiny", "message": {"content": "", "thinking": "Well"}, "done": false}\n',
            '{"model": "tiny", "message": {"content": "{"}, "done": false}\n\n',
            '{"model": "tiny", "message": {"content": ""}, "done": true, "done_reason": "length",'
            ' "prompt_eval_count": 26, "eval_count": 298}',
        )

    server, _ = await a_server(started, behave, dialect=Ollama())

    spent = Spent()

    completion = await completed(server, a_call(), spent)

    assert (completion.text, completion.finish_reason) == ("{", "length")
    assert (completion.reasoning, spent.model) == ("Well", "tiny")
    assert (spent.tokens.input_tokens, spent.tokens.output_tokens) == (26, 298)


# Servers that do not stream


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


# Secrets


async def test_a_key_that_the_server_repeats_is_not_repeated_here(started: AsyncExitStack):
    error = {"message": f"Incorrect API key provided: {KEY}. Find yours elsewhere."}
    server, _ = await a_server(
        started, lambda exchange: exchange.answer({"error": error}, status="401 Unauthorized")
    )

    with pytest.raises(CredentialRefused) as refused:
        await completed(server, a_call())

    assert KEY not in str(refused.value)
    assert "Incorrect API key provided: [secret]. Find" in str(refused.value)


async def test_a_redirect_does_not_take_the_key_elsewhere(started: AsyncExitStack):
    other = await started.enter_async_context(raw_server(lambda exchange: exchange.answer({})))
    server, _ = await a_server(
        started,
        lambda exchange: exchange.answer(
            {}, f"Location: {other.url}", status="307 Temporary Redirect"
        ),
    )

    with pytest.raises(CredentialRefused, match=f"{FailureKind.REDIRECTED}: {other.url}") as failed:
        await completed(server, a_call())

    assert failed.value.code is ErrorCode.MISCONFIGURED
    assert not other.asked


def test_a_credential_is_told_apart_without_being_revealed():
    def named(key: str | None) -> str:
        address = Address(base_url="http://h", credential=key)
        made = Server("x", Ollama(), address=address, limits=ProviderLimits(), connections=1)
        assert key is None or key not in repr(address)
        return made.credential

    assert named(None) == ""
    assert named("sk-first") != named("sk-other")
    assert "first" not in named("sk-first")
