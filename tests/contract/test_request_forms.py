"""A server that refuses the form of a call is asked in another one."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.support.model_calls import a_call, completed
from tests.support.raw_server import Exchange, RawServer, chunk, raw_server
from worker_service.providers import PermanentError, ProviderError, TransientError
from worker_service.providers.chat_completions import ChatCompletions
from worker_service.providers.failures import FailureKind
from worker_service.providers.limits import ProviderLimits
from worker_service.providers.ollama import Ollama
from worker_service.providers.server import Address, Server

Body = dict[str, Any]
BAD, UNPROCESSABLE = "400 Bad Request", "422 Unprocessable Entity"


def message(words: str, **more: object) -> Body:
    return {"error": {"message": words, **more}}


def forbidden(*place: str) -> Body:
    words = "Extra inputs are not permitted"
    return {"detail": [{"type": "extra_forbidden", "loc": ["body", *place], "msg": words}]}


def format_of(body: Body) -> str | None:
    wished = body.get("response_format", {})
    strict = wished.get("json_schema", {}).get("strict")
    return "strict" if strict else wished.get("type")


def shows_the_schema(body: Body) -> bool:
    return '"properties"' in json.dumps(body["messages"]).replace("\\", "")


def has_system(body: Body) -> bool:
    return any(said["role"] == "system" for said in body["messages"])


@asynccontextmanager
async def a_server(
    refuses: Callable[[Body], Body | None],
    *,
    status: str = BAD,
    dialect: ChatCompletions | Ollama | None = None,
) -> AsyncIterator[tuple[Server, RawServer]]:
    """Serve every call that `refuses` has no error for."""

    async def behave(exchange: Exchange) -> None:
        error = refuses(exchange.body)
        if error is not None:
            await exchange.answer(error, status=status)
        elif isinstance(dialect, Ollama):
            await exchange.answer({"message": {"content": "{}"}, "done": True})
        else:
            await exchange.stream(chunk("{}"), chunk(finish="stop"))

    async with raw_server(behave) as raw:
        server = Server(
            "openai",
            dialect or ChatCompletions(),
            address=Address(base_url=raw.url, credential="sk-form", model="tiny"),
            limits=ProviderLimits(),
            connections=1,
        )
        yield server, raw
        await server.close()


@pytest.mark.parametrize(
    ("error", "status", "kept"),
    [
        (message("This response_format type is unavailable now"), BAD, (None, "json_object")),
        (message("json_schema is not supported"), BAD, (None, "json_object")),
        (message("Invalid schema for response_format 'sentence'"), BAD, (None,)),
        (
            message("Unknown name 'additionalProperties' at 'generation_config.response_schema'"),
            BAD,
            (None, "json_object", "json_schema"),
        ),
        (message("'strict' is not allowed"), BAD, (None, "json_object", "json_schema")),
        (
            forbidden("response_format", "json_schema", "strict"),
            UNPROCESSABLE,
            (None, "json_object", "json_schema"),
        ),
        ({"detail": "structured outputs are disabled here"}, BAD, (None,)),
        ({"object": "error", "message": "Failed to parse grammar"}, BAD, (None, "json_object")),
        (
            message("No endpoints found that can handle the requested parameters."),
            "404 Not Found",
            (None,),
        ),
        ({"error": "json mode: not implemented"}, "501 Not Implemented", (None,)),
    ],
    ids=str,
)
async def test_the_format_steps_down_until_the_server_takes_it(
    error: Body, status: str, kept: tuple[str | None, ...]
):
    def refuses(body: Body) -> Body | None:
        return None if format_of(body) in kept else error

    async with a_server(refuses, status=status) as (server, raw):
        for _ in range(2):
            assert (await completed(server, a_call())).text == "{}"

    tried = [format_of(exchange.body) for exchange in raw.asked]
    ladder = ["strict", "json_schema", "json_object", None]
    end = next(place for place, name in enumerate(ladder) if name in kept)
    assert tried == [*ladder[: end + 1], ladder[end]]
    assert shows_the_schema(raw.asked[-1].body) is (ladder[end] in {"json_object", None})


@pytest.mark.parametrize(
    "error",
    [
        message("System role not supported", type="BadRequestError"),
        message("Unsupported value: 'messages[0].role' does not support 'system' with this model."),
        message("Developer instruction is not enabled for models/tiny"),
        {"detail": "Only user and assistant roles are supported!"},
        {"message": "Conversation roles must alternate user/assistant/user"},
    ],
    ids=str,
)
async def test_a_system_message_becomes_the_beginning_of_the_users(error: Body):
    def refuses(body: Body) -> Body | None:
        return error if has_system(body) else None

    call = a_call()
    async with a_server(refuses) as (server, raw):
        for _ in range(2):
            await completed(server, call)

    assert [has_system(exchange.body) for exchange in raw.asked] == [True, False, False]
    (said,) = raw.asked[-1].body["messages"]
    assert said["content"].startswith(call.prompt.system)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (message("Unrecognized request argument supplied: stream_options"), BAD),
        (forbidden("stream_options"), UNPROCESSABLE),
        (
            {"message": {"detail": forbidden("stream_options")["detail"]}, "type": "invalid"},
            UNPROCESSABLE,
        ),
        ({"errors": ["include_usage is unknown"]}, BAD),
        ([message("Unknown name 'stream_options'")], BAD),
    ],
    ids=str,
)
async def test_the_counts_are_given_up_whatever_the_shape_of_the_error(error: Any, status: str):
    async with a_server(
        lambda body: error if "stream_options" in body else None, status=status
    ) as (server, raw):
        await completed(server, a_call())

    assert [exchange.body.get("stream") for exchange in raw.asked] == [True, True]


@pytest.mark.parametrize(
    "words",
    [
        "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.",
        "max_tokens: Extra inputs are not permitted",
        "Unrecognized argument: max_tokens",
    ],
)
async def test_the_limit_of_the_output_is_sent_by_the_name_that_the_server_takes(words: str):
    def refuses(body: Body) -> Body | None:
        return message(words) if "max_tokens" in body else None

    async with a_server(refuses, dialect=ChatCompletions(max_output_tokens=300)) as (server, raw):
        await completed(server, a_call())

    assert raw.asked[-1].body["max_completion_tokens"] == 300


async def test_a_server_that_requires_a_limit_gets_one():
    def refuses(body: Body) -> Body | None:
        return None if "max_tokens" in body else message("max_tokens: Field required")

    async with a_server(refuses) as (server, raw):
        await completed(server, a_call())

    assert raw.asked[-1].body["max_tokens"] > 1000


async def test_ollama_that_refuses_a_schema_is_asked_for_json():
    def refuses(body: Body) -> Body | None:
        return {"error": "invalid format"} if body.get("format") != "json" else None

    async with a_server(refuses, dialect=Ollama()) as (server, raw):
        await completed(server, a_call())

    assert shows_the_schema(raw.asked[-1].body)


async def test_several_forms_are_given_up_together_and_each_is_logged_once():
    def refuses(body: Body) -> Body | None:
        if "stream_options" in body:
            return message("stream_options is unknown; sk-form")
        if has_system(body):
            return message("no system role here")
        return message("no json_schema") if format_of(body) == "strict" else None

    async with a_server(refuses) as (server, raw):
        with capture_logs() as logged:
            await completed(server, a_call())
            await completed(server, a_call())

    assert len(raw.asked) == 5
    events = [entry for entry in logged if entry["event"] == "provider_form_refused"]
    assert [(entry["refused"], entry["instead"]) for entry in events] == [
        ("a stream with counts", "a stream"),
        ("a system message", "the user's message"),
        ("a strict JSON Schema", "a JSON Schema"),
    ]
    assert events[0]["model"] == "tiny"
    assert "[secret]" in events[0]["reason"]


async def test_what_one_model_refuses_is_not_given_up_for_another():
    def refuses(body: Body) -> Body | None:
        is_small = body["model"] == "small"
        return message("no json_schema") if is_small and format_of(body) == "strict" else None

    async with a_server(refuses) as (server, raw):
        await completed(server, a_call(model="small"))
        await completed(server, a_call(model="large"))

    assert format_of(raw.asked[-1].body) == "strict"


async def test_a_server_that_refuses_every_form_has_refused_something_else():
    async with a_server(lambda _: message("the response_format is odd")) as (server, raw):
        for _ in range(2):
            with pytest.raises(PermanentError, match=FailureKind.BAD_REQUEST):
                await completed(server, a_call())

    assert format_of(raw.asked[4].body) == "strict"


@pytest.mark.parametrize(
    "error",
    [
        message("Failed to generate JSON of the json_schema", code="json_validate_failed"),
        message("The stream of requests: rate limit exceeded"),
        message("Invalid API key for the json_schema feature"),
        message("maximum context length exceeded by the schema"),
    ],
    ids=str,
)
async def test_what_has_a_meaning_of_its_own_is_no_refusal_of_a_form(error: Body):
    async with a_server(lambda _: error) as (server, raw):
        with pytest.raises(ProviderError):
            await completed(server, a_call())

    assert len(raw.asked) == 1


async def test_a_form_may_be_refused_inside_an_answer_of_status_200():
    async with a_server(
        lambda body: message("no json_schema here") if format_of(body) == "strict" else None,
        status="200 OK",
    ) as (server, raw):
        await completed(server, a_call())

    assert [format_of(exchange.body) for exchange in raw.asked] == ["strict", "json_schema"]


async def test_an_outage_is_no_refusal_of_a_form():
    async with a_server(lambda _: message("no stream"), status="500 Error") as (server, raw):
        with pytest.raises(TransientError, match=FailureKind.UNAVAILABLE):
            await completed(server, a_call())

    assert len(raw.asked) == 1


@pytest.mark.parametrize(
    "words",
    [
        "stream error",
        "stream error: stream ID 5; INTERNAL_ERROR; received from peer",
        "stream disconnected before completion",
        "the stream was closed unexpectedly",
        "error while streaming: connection reset by peer",
        "unexpected EOF while reading the stream",
        "failed to read stream: context canceled",
        "unknown error in stream",
        "upstream stream ended without a message",
        "Upstream error from tiny: stream aborted",
        "Stream timed out",
        "stream idle timeout",
        "The system encountered an unexpected error, message: retry",
        "system error; request id 7",
        "internal error: response format of the upstream was malformed",
        "unexpected format of the upstream's reply",
        "schema registry did not answer",
        "database schema migration in progress",
        "grammar worker crashed",
        "Internal server error while compiling the grammar",
        "streaming response interrupted",
        "the system message queue is full",
    ],
)
async def test_an_outage_inside_an_answer_gives_no_form_up(words: str):
    async with a_server(lambda _: message(words), status="200 OK") as (server, raw):
        with pytest.raises(TransientError, match=words[:20]):
            await completed(server, a_call())

    assert len(raw.asked) == 1


@pytest.mark.parametrize(
    "words",
    ["stream error: upstream reset", "connection lost while streaming", "stream interrupted"],
)
async def test_an_outage_in_a_400_gives_no_form_up(words: str):
    async with a_server(lambda _: message(words)) as (server, raw):
        with pytest.raises(ProviderError):
            await completed(server, a_call())

    assert len(raw.asked) == 1


@pytest.mark.parametrize(
    "words",
    [
        "stream_options is not supported",
        "Unrecognized request argument supplied: stream_options",
        "Streaming is not supported for this model",
        "This model does not support streaming",
        "streaming is disabled for this deployment",
        "Unsupported value: 'stream' must be false",
        "This model doesn't support structured outputs",
        "response_format is not supported by this model",
        "json_schema: Extra inputs are not permitted",
        "Invalid schema for response_format 'sentence'",
        "guided_json is not enabled on this server",
        "grammar is not implemented for this backend",
        "response_format only supports text",
        "'strict' is not allowed",
        "unknown parameter: response_format",
        "System role not supported",
        "the system message can't be used with this model",
        "Only user and assistant roles are supported!",
        "this template does not support system messages",
        "Conversation roles must alternate user/assistant/user",
    ],
)
@pytest.mark.parametrize("status", ["200 OK", BAD])
async def test_a_refusal_that_says_what_is_unwanted_steps_down(words: str, status: str):
    asked: list[Body] = []

    def refuses(body: Body) -> Body | None:
        asked.append(body)
        return message(words) if len(asked) == 1 else None

    async with a_server(refuses, status=status) as (server, _):
        assert (await completed(server, a_call())).text == "{}"

    assert len(asked) == 2


@pytest.mark.parametrize(
    "words",
    [
        "Failed to parse grammar",
        "JSON schema conversion failed: Unrecognized schema: {}",
        "Grammar error: Unimplemented keys: minLength",
        "failed to load model vocabulary required for format",
        "Jinja Exception: System role not supported",
    ],
)
async def test_a_server_that_fails_of_a_form_is_asked_in_another_one(words: str):
    asked: list[Body] = []

    def refuses(body: Body) -> Body | None:
        asked.append(body)
        return message(words, code=500) if len(asked) == 1 else None

    async with a_server(refuses, status="500 Internal Server Error") as (server, _):
        assert (await completed(server, a_call())).text == "{}"

    assert len(asked) == 2
