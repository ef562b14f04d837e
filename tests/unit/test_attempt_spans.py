"""An attempt and each of its calls are spans, ended whatever happens, without a word of content."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind

from schemas.usage import Tokens
from shared.errors import ErrorCode
from tests.support.model_calls import a_claim, attempted, tools_with
from tests.support.providers import Scripted
from tests.support.spans import (
    SPAN_ID,
    TRACE_ID,
    TRACEPARENT,
    Recorded,
    attributes_of,
    context_of,
    parent_of,
)
from tests.support.waiting import eventually
from worker_service.outcome import Failed, Outcome, Succeeded
from worker_service.providers import Completion, PermanentError, Spent, TransientError

BROKEN = Completion(text='{"content": "hush"}', finish_reason="length", reasoning="hush")


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


async def traced(
    recorded: Recorded, provider: Scripted, *, constraints: str = "{}", **changes: Any
) -> Outcome:
    told = {"provider": "demo", "traceparent": TRACEPARENT, **changes}
    claim = replace(a_claim(**told), constraints=constraints)
    return await attempted(claim, 4, tools=tools_with(provider), tracer=recorded.tracer)


def split(recorded: Recorded) -> tuple[ReadableSpan, list[ReadableSpan]]:
    *calls, attempt = recorded.spans
    assert attempt.name == "attempt sentence"
    return attempt, calls


async def test_an_attempt_is_a_child_of_its_claim_and_its_calls_are_children_of_it(
    recorded: Recorded,
):
    def spend(spent: Spent) -> None:
        spent.tokens = Tokens(input_tokens=9, output_tokens=3, reasoning_tokens=1)
        spent.requested_model, spent.model = "small", "small-2026"
        spent.provider_request_id, spent.first_token_seconds = "req-1", 0.25

    provider = Scripted(spend=spend)

    assert isinstance(await traced(recorded, provider, epoch=3, round=2), Succeeded)

    attempt, (call,) = split(recorded)
    assert (context_of(attempt)[0], parent_of(attempt)) == (TRACE_ID, SPAN_ID)
    told = attributes_of(attempt)
    assert (told["generation.ordinal"], told["generation.epoch"]) == (4, 3)
    assert (told["generation.outcome"], told["generation.calls"]) == ("succeeded", 1)
    assert attempt.status.is_unset
    assert (call.name, call.kind) == ("chat small", SpanKind.CLIENT)
    assert parent_of(call) == context_of(attempt)[1]
    of_call = attributes_of(call)
    assert of_call["gen_ai.operation.name"] == "chat"
    assert of_call["gen_ai.provider.name"] == "demo"
    assert of_call["gen_ai.request.model"] == "small"
    assert of_call["gen_ai.response.model"] == "small-2026"
    assert of_call["gen_ai.response.finish_reasons"] == ("stop",)
    assert of_call["gen_ai.response.time_to_first_chunk"] == 0.25
    assert of_call["generation.provider_request_id"] == "req-1"


async def test_each_repetition_is_a_span_with_the_code_that_it_failed_with(recorded: Recorded):
    answers = iter([TransientError(ErrorCode.RATE_LIMITED, "hush"), BROKEN, None])
    provider = Scripted(lambda _: next(answers))

    await traced(recorded, provider)

    attempt, calls = split(recorded)
    assert [attributes_of(call).get("error.type") for call in calls] == [
        "rate_limited",
        "truncated",
    ]
    assert {parent_of(call) for call in calls} == {context_of(attempt)[1]}


@pytest.mark.parametrize(
    ("error", "code"),
    [(PermanentError(ErrorCode.REFUSED, "hush"), "refused"), (KeyError("hush"), "unexpected")],
)
async def test_an_attempt_that_fails_has_the_code(recorded: Recorded, error: Exception, code: str):
    outcome = await traced(recorded, Scripted(lambda _: error))

    assert isinstance(outcome, Failed)
    for span in recorded.spans:
        assert attributes_of(span)["error.type"] == code
        assert not span.status.is_unset


async def test_a_call_that_nothing_answered_names_no_model_that_has(recorded: Recorded):
    def spend(spent: Spent) -> None:
        spent.requested_model = spent.model = "small"

    provider = Scripted(lambda _: PermanentError(ErrorCode.REFUSED, "no"), spend=spend)
    await traced(recorded, provider)

    _, (call,) = split(recorded)
    assert attributes_of(call)["gen_ai.request.model"] == "small"
    assert "gen_ai.response.model" not in attributes_of(call)


async def test_what_is_cut_off_is_ended_as_cancelled(recorded: Recorded):
    provider = Scripted()
    provider.gate.clear()
    running = asyncio.create_task(traced(recorded, provider))
    await eventually(lambda: provider.waiting == 1)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    attempt, (call,) = split(recorded)
    assert attributes_of(attempt)["error.type"] == "cancelled"
    assert attributes_of(call)["error.type"] == "cancelled"


async def test_no_span_holds_a_word_of_prompts_answers_or_errors(recorded: Recorded):
    answers: Any = iter([TransientError(ErrorCode.RATE_LIMITED, "hush"), BROKEN])
    hush = '{"topic_tags": ["hush"]}'
    await traced(recorded, Scripted(lambda _: next(answers)), constraints=hush)
    await traced(recorded, Scripted(lambda _: KeyError("hush")), constraints=hush)

    assert len(recorded.spans) == 5
    assert all("hush" not in span.to_json() for span in recorded.spans)


async def test_a_call_goes_on_from_its_own_span_and_without_traces_from_the_request(
    recorded: Recorded,
):
    provider = Scripted()

    await traced(recorded, provider)
    await attempted(
        replace(a_claim(provider="demo", traceparent=TRACEPARENT), constraints="{}"),
        tools=tools_with(provider),
    )

    of_span, of_request = (call.traceparent for call in provider.calls)
    _, (call,) = split(recorded)
    assert of_span == f"00-{TRACE_ID}-{context_of(call)[1]}-01"
    assert of_request == TRACEPARENT
