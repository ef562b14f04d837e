"""Errors and refusals inside an answer."""

from contextlib import AsyncExitStack

import pytest

from shared.errors import ErrorCode
from tests.support.faulty_server import LINES, a_server
from tests.support.model_calls import a_call, a_claim, attempted, completed, tools_with
from tests.support.raw_server import Exchange, chunk
from worker_service.outcome import Failed
from worker_service.providers import ProviderError, Spent, TransientError
from worker_service.providers.failures import FailureKind
from worker_service.providers.ollama import Ollama


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
