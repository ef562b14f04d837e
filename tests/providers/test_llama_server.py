"""The client against a real model server: llama.cpp's, with models of random weights.

Their answers obey the JSON Schema by grammar and make no sense, so what the schema cannot say, as
that exactly one statement is right, holds by chance.
"""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema_rs import Draft202012Validator

from schemas.entities import ENTITY_TYPES
from shared.errors import ErrorCode
from tests.support.llama_server import LlamaServer, is_built, running_llama
from tests.support.mock_server import KEY as MOCK_KEY
from tests.support.mock_server import running_mock
from tests.support.model_calls import QUICK, a_call, a_claim, attempted, completed, tools_with
from tests.support.waiting import eventually
from worker_service.outcome import Failed, Succeeded
from worker_service.prompt import Prompt
from worker_service.providers import (
    AccountFault,
    PermanentError,
    ProviderError,
    Spent,
    TransientError,
)
from worker_service.providers.chat_completions import ChatCompletions
from worker_service.providers.failures import FailureKind
from worker_service.providers.json_schema import strict
from worker_service.providers.limits import ProviderLimits
from worker_service.providers.ollama import Ollama
from worker_service.providers.server import Address, Server
from worker_service.settlement.provider_calls import ProviderCall

pytestmark = pytest.mark.skipif(not is_built(), reason="`make test-providers` builds the server")

ANSWERS = 20
KEY = "sk-tiny"
FEW = 80
"""A whole problem takes 150 tokens and more."""


@asynccontextmanager
async def a_client(llama: LlamaServer, **limits: float) -> AsyncIterator[Server]:
    server = Server(
        "openai",
        ChatCompletions(),
        address=Address(base_url=f"{llama.url}/v1", credential=KEY, model="tiny"),
        limits=ProviderLimits(**limits),  # type: ignore[arg-type]
        connections=4,
    )
    yield server
    await server.close()


@pytest.fixture
async def tidy(tmp_path: Path) -> AsyncIterator[LlamaServer]:
    async with running_llama("tidy", tmp_path) as llama:
        yield llama


@pytest.fixture
async def slow(tmp_path: Path) -> AsyncIterator[LlamaServer]:
    """A model that takes tens of seconds for an answer."""
    async with running_llama("slow", tmp_path) as llama:
        yield llama


@pytest.mark.parametrize("entity_type", ENTITY_TYPES)
async def test_every_answer_fits_the_schema_that_was_sent(tidy: LlamaServer, entity_type: str):
    validator = Draft202012Validator(strict(ENTITY_TYPES[entity_type].entity.model_json_schema()))

    async with a_client(tidy) as server:
        for _ in range(ANSWERS):
            spent = Spent()
            completion = await completed(server, a_call(entity_type=entity_type), spent)

            assert completion.finish_reason == "stop"
            validator.validate(json.loads(completion.text))
            assert (spent.model, completion.reasoning) == ("tiny", None)
            assert (spent.tokens.input_tokens or 0) > 100
            assert (spent.tokens.output_tokens or 0) > 10
            assert str(spent.provider_request_id).startswith("chatcmpl-")


@pytest.mark.parametrize("entity_type", ["sentence", "vocabulary"])
async def test_entities_are_made(tidy: LlamaServer, entity_type: str):
    patient = replace(QUICK, invalid_output_attempts=ANSWERS)
    claim, made = a_claim(entity_type=entity_type), list[ProviderCall]()

    async with a_client(tidy) as server:
        outcome = await attempted(claim, tools=tools_with(server, policy=patient), made=made)

    assert isinstance(outcome, Succeeded)
    assert made[-1].outcome == "ok"
    assert all(call.output_tokens for call in made)


async def test_a_problem_that_makes_no_sense_is_asked_for_again_and_then_fails(tidy: LlamaServer):
    made: list[ProviderCall] = []
    async with a_client(tidy) as server:
        outcome = await attempted(
            a_claim(entity_type="problem"), tools=tools_with(server, policy=QUICK), made=made
        )

    if isinstance(outcome, Failed):  # by chance it may make sense
        assert (outcome.code, outcome.attempts) == (ErrorCode.INVALID_OUTPUT, 3)
        assert sum(call.input_tokens or 0 for call in made) > 3 * 100


async def test_nul_and_lone_surrogates_are_output_that_does_not_fit(tmp_path: Path):
    """The grammar lets both through as legal escapes; PostgreSQL would keep neither."""
    seen: list[str] = []
    async with running_llama("wild", tmp_path) as llama, a_client(llama) as server:
        for _ in range(ANSWERS * 3):
            completion = await completed(server, a_call(entity_type="vocabulary"))
            is_nasty = any(
                escape in completion.text.lower() for escape in (r"\u0000", r"\ud800", r"\udc00")
            )
            if not is_nasty:
                continue
            seen.append(completion.text)
            with pytest.raises(ValueError, match="validation error"):
                ENTITY_TYPES["vocabulary"].entity.model_validate_json(completion.text)

    assert any(r"\u0000" in text for text in seen)
    assert any(r"\ud800" in text or r"\udc00" in text for text in seen)


async def test_a_wild_model_never_makes_what_cannot_be_stored(tmp_path: Path):
    once = replace(QUICK, invalid_output_attempts=1)
    async with running_llama("wild", tmp_path) as llama, a_client(llama) as server:
        tools = tools_with(server, policy=once)
        outcomes = [
            await attempted(a_claim(entity_type="vocabulary"), n, tools=tools)
            for n in range(ANSWERS)
        ]

    for outcome in outcomes:
        if isinstance(outcome, Succeeded):
            assert "\x00" not in json.dumps(outcome.entity, ensure_ascii=False)
            json.dumps(outcome.entity, ensure_ascii=False).encode()
        else:
            assert isinstance(outcome, Failed)
            assert outcome.code is ErrorCode.INVALID_OUTPUT


async def test_a_call_is_repeated_behind_a_gateway_that_fails_once(
    tidy: LlamaServer, tmp_path: Path
):
    made: list[ProviderCall] = []
    patient = replace(QUICK, invalid_output_attempts=ANSWERS)
    with running_mock(tmp_path, upstream=tidy.url) as gateway:
        server = Server(
            "openai",
            ChatCompletions(),
            address=Address(base_url=f"{gateway.url}/v1", credential=MOCK_KEY, model="tiny"),
            limits=ProviderLimits(),
            connections=1,
        )
        gateway.fail_once(503)
        outcome = await attempted(a_claim(), tools=tools_with(server, policy=patient), made=made)
        await server.close()

    assert isinstance(outcome, Succeeded)
    first, *_, last = made
    assert (first.outcome, first.output_tokens) == ("provider_unavailable", None)
    assert (last.outcome, last.model) == ("ok", "tiny")


# What ends the spending


async def until_it_generates(llama: LlamaServer) -> None:
    async def is_busy() -> bool:
        return await llama.answering() > 0

    await eventually(is_busy, within=60)


async def what_was_generated(llama: LlamaServer) -> float:
    """Return how many tokens the server made until it was idle."""

    async def is_idle() -> bool:
        return await llama.answering() == 0

    await eventually(is_idle, within=60, what="the slot is free")
    return await llama.generated_tokens()


async def test_a_cancelled_call_frees_its_slot(slow: LlamaServer):
    async with a_client(slow) as server:
        calling = asyncio.create_task(completed(server, a_call(entity_type="problem")))
        await until_it_generates(slow)

        calling.cancel()

        with pytest.raises(asyncio.CancelledError):
            await calling
        assert await what_was_generated(slow) < FEW


@pytest.mark.parametrize(
    ("limits", "kind"),
    [
        ({"call_seconds": 1.0}, FailureKind.CALL_TIMEOUT),
        ({"first_token_seconds": 0.05}, FailureKind.FIRST_TOKEN_TIMEOUT),
        ({"next_token_seconds": 0.0001}, FailureKind.NEXT_TOKEN_TIMEOUT),
    ],
    ids=["whole", "first", "next"],
)
async def test_a_call_that_takes_too_long_frees_its_slot(
    slow: LlamaServer, limits: dict[str, float], kind: FailureKind
):
    async with a_client(slow, **limits) as server:
        with pytest.raises(TransientError, match=kind) as late:
            await completed(server, a_call(entity_type="problem"))

        assert late.value.code is ErrorCode.TIMEOUT
        assert await what_was_generated(slow) < FEW


# What fails


async def test_an_answer_that_is_cut_at_the_servers_limit_is_truncated(tmp_path: Path):
    made: list[ProviderCall] = []
    async with running_llama("tidy", tmp_path, "-n", "8") as llama, a_client(llama) as server:
        outcome = await attempted(a_claim(), tools=tools_with(server), made=made)

    assert isinstance(outcome, Failed)
    assert (outcome.code, outcome.attempts) == (ErrorCode.TRUNCATED, 1)
    assert [call.output_tokens for call in made] == [8]


async def test_a_key_that_the_server_does_not_know_is_refused(tmp_path: Path):
    async with (
        running_llama("tidy", tmp_path, "--api-key", "sk-other") as llama,
        a_client(llama) as server,
    ):
        with pytest.raises(AccountFault) as refused:
            await completed(server, a_call())

    assert refused.value.code is ErrorCode.AUTH
    assert KEY not in str(refused.value)


async def test_a_prompt_that_is_longer_than_the_context_is_told_apart(tidy: LlamaServer):
    call = replace(a_call(), prompt=Prompt(system="", user="tea " * 5000))

    async with a_client(tidy) as server:
        with pytest.raises(PermanentError, match=FailureKind.CONTEXT_TOO_LONG) as refused:
            await completed(server, call)

    assert refused.value.code is ErrorCode.CONTEXT_TOO_LONG


async def test_a_server_of_another_protocol_is_told_apart(tidy: LlamaServer):
    address = Address(base_url=tidy.url, model="tiny")
    server = Server("ollama", Ollama(), address=address, limits=ProviderLimits(), connections=1)

    with pytest.raises(AccountFault, match=FailureKind.NOT_FOUND):
        await completed(server, a_call())

    await server.close()


async def test_a_server_that_stands_still_and_one_that_dies_are_told_apart(slow: LlamaServer):
    async with a_client(slow, read_seconds=1.0, next_token_seconds=60) as server:
        slow.send(signal.SIGSTOP)
        with pytest.raises(TransientError, match=FailureKind.FIRST_TOKEN_TIMEOUT):
            await completed(server, a_call())
        slow.send(signal.SIGCONT)

    async with a_client(slow) as server:
        calling = asyncio.create_task(completed(server, a_call(entity_type="problem")))
        await until_it_generates(slow)
        slow.send(signal.SIGKILL)
        with pytest.raises(ProviderError, match=FailureKind.CONNECTION_LOST):
            await calling
        slow.child.reap()
        with pytest.raises(TransientError, match=FailureKind.UNREACHABLE):
            await completed(server, a_call())
