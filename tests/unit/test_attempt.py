"""An attempt asks a scripted provider: what is repeated, how often, and what is kept of it."""

import asyncio
import gc
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from itertools import chain, repeat

import pytest

from schemas.usage import Tokens
from shared.errors import ACCOUNT_FAULTS, ErrorCode
from tests.support.model_calls import QUICK, a_claim, attempted, calls_for, tools_with
from tests.support.providers import Scripted
from tests.support.waiting import eventually
from worker_service.claims.circuit import Admission, BreakerPolicy, Breakers, State
from worker_service.claims.claim import CallsMade, Claim
from worker_service.claims.run import Run
from worker_service.generation.attempt import attempt
from worker_service.generation.calling import LeaseOver
from worker_service.generation.retry_policy import RetryPolicy
from worker_service.outcome import Deferred, Failed, Outcome, Succeeded
from worker_service.providers import (
    AccountFault,
    Call,
    Completion,
    ProviderError,
    Spent,
    TransientError,
)
from worker_service.providers.failures import TABLE, FailureKind, Reaction, error_of
from worker_service.settlement.provider_calls import ProviderCall

Step = Completion | Exception | None

POLICY = replace(QUICK, call_attempts=3, invalid_output_attempts=3)
BROKEN = Completion(text='{"content": 7}')
DOWN = TransientError(ErrorCode.PROVIDER_UNAVAILABLE, "down")
GOOD = None


def steps(*told: Step) -> Callable[[Call], Step]:
    """Answer each call with its step, and every further one with the last."""
    remaining: Iterator[Step] = chain(told, repeat(told[-1]))
    return lambda _: next(remaining)


def cost(spent: Spent, told: Spent) -> None:
    for name in asdict(told):
        setattr(spent, name, getattr(told, name))


async def asked(provider: Scripted, policy: RetryPolicy = POLICY) -> Outcome:
    claim = a_claim(provider="demo")
    return await attempted(
        replace(claim, constraints="{}"), tools=tools_with(provider, policy=policy)
    )


async def test_output_that_does_not_fit_is_asked_for_again_twice_at_the_most():
    provider = Scripted(steps(BROKEN))

    outcome = await asked(provider)

    assert isinstance(outcome, Failed)
    assert (outcome.code, outcome.attempts) == (ErrorCode.INVALID_OUTPUT, 3)
    assert len(provider.calls) == 3


async def test_each_call_after_the_first_has_the_answer_before_it_and_what_is_wrong_with_it():
    other = Completion(text="I cannot.")
    provider = Scripted(steps(BROKEN, other, GOOD))

    assert isinstance(await asked(provider), Succeeded)

    first, second, third = (call.rejection for call in provider.calls)
    assert first is None
    assert second is not None
    assert second.text == BROKEN.text
    assert "content: Input should be a valid string; translation: Field required" in second.reason
    assert "(and 3 more)" in second.reason
    assert third is not None
    assert (third.text, "Invalid JSON" in third.reason) == ("I cannot.", True)


async def test_what_was_rejected_is_not_repeated_to_the_caller():
    outcome = await asked(Scripted(steps(Completion(text='{"content": "hush"} and so on'))))

    assert isinstance(outcome, Failed)
    assert "hush" not in outcome.message


async def test_failed_calls_and_answers_that_do_not_fit_are_counted_apart():
    provider = Scripted(steps(DOWN, BROKEN, DOWN, BROKEN, GOOD))

    outcome = await asked(provider)

    assert isinstance(outcome, Succeeded)
    assert outcome.attempts == 5


async def test_no_call_is_repeated_once_the_lease_may_be_over():
    run = Run.of(a_claim(provider="demo"))

    def fail_and_lose_the_lease(_: Call) -> Step:
        run.leased_until = 0.0
        return DOWN

    provider = Scripted(fail_and_lose_the_lease)
    tools = tools_with(provider, policy=POLICY)
    with pytest.raises(LeaseOver):
        async with run.interruptible() as block:
            await attempt(run, calls_for(run.claim, tools=tools), tools=tools, block=block)

    assert len(provider.calls) == 1


async def test_a_call_that_is_repeated_leaves_no_cycle_behind():
    """With thousands of calls in flight Python's search for cycles comes late."""
    alive: weakref.WeakSet[TransientError] = weakref.WeakSet()
    raised = 0

    class Down(TransientError):
        def __init__(self) -> None:
            super().__init__(ErrorCode.PROVIDER_UNAVAILABLE, "down")
            alive.add(self)

    def fail_at_first(_: Call) -> Step:
        nonlocal raised
        raised += 1
        if raised == 1:
            raise Down
        return GOOD

    gc.disable()
    try:
        assert isinstance(await asked(Scripted(fail_at_first)), Succeeded)

        assert (raised, len(alive)) == (2, 0)
    finally:
        gc.enable()


async def test_a_failed_call_forgets_nothing_that_has_to_be_mended():
    provider = Scripted(steps(BROKEN, DOWN, GOOD))

    await asked(provider)

    *_, third = provider.calls
    assert third.rejection is not None
    assert third.rejection.text == BROKEN.text


@pytest.mark.parametrize("last", [DOWN, BROKEN], ids=["down", "broken"])
async def test_together_they_still_end(last: Step):
    provider = Scripted(steps(DOWN, BROKEN, DOWN, BROKEN, last))

    outcome = await asked(provider)

    assert isinstance(outcome, Deferred if last is DOWN else Failed)
    assert len(provider.calls) == 5


async def test_every_call_is_kept_with_what_it_took():
    good = Completion(
        text='{"content": "Il lit.", "translation": "He reads.", "pronoun": "il",'
        ' "tense": "present", "direct_object": "none", "indirect_object": "none",'
        ' "negation": "none", "is_correct": true, "explanation": null}',
        reasoning="a NUL \x00 and a surrogate \ud800",
    )
    costs = iter(
        [
            Spent(
                tokens=Tokens(input_tokens=9, output_tokens=3),
                provider_request_id="req-1",
                received_bytes=17,
            ),
            Spent(tokens=Tokens(input_tokens=5, output_tokens=2)),
            Spent(
                tokens=Tokens(input_tokens=9, output_tokens=4, reasoning_tokens=1),
                model="tiny-2026",
                provider_request_id="req-2",
                first_token_seconds=0.25,
                received_bytes=300,
            ),
        ]
    )
    late_then_good = steps(TransientError(ErrorCode.TIMEOUT, "late"), BROKEN, good)
    provider = Scripted(late_then_good, lambda spent: cost(spent, next(costs)))
    made: list[ProviderCall] = []
    claim = replace(a_claim(provider="demo", model="asked", epoch=3, round=2), constraints="{}")

    outcome = await attempted(claim, 4, tools=tools_with(provider, policy=POLICY), made=made)

    assert isinstance(outcome, Succeeded)
    late, broken, last = made
    assert {(call.generation_request_id, call.ordinal) for call in made} == {(claim.request_id, 4)}
    assert {(call.epoch, call.round, call.provider) for call in made} == {(3, 2, "demo")}
    assert late.call_id < broken.call_id < last.call_id
    assert (late.error_message, late.model, late.received_bytes) == ("late", "asked", 17)
    assert (late.input_tokens, late.output_tokens) == (9, 3)
    assert (last.error_message, last.received_bytes) == (None, 300)
    assert (late.outcome, late.provider_request_id) == ("timeout", "req-1")
    assert (broken.outcome, broken.output_tokens) == ("invalid_output", 2)
    assert (last.outcome, last.model, last.provider_request_id) == ("ok", "tiny-2026", "req-2")
    assert last.reasoning == "a NUL � and a surrogate ?"
    assert last.first_token_seconds == 0.25


async def test_a_bug_of_a_provider_is_a_call_too():
    made: list[ProviderCall] = []
    claim = a_claim(provider="demo")

    outcome = await attempted(claim, tools=tools_with(Scripted(steps(KeyError("x")))), made=made)

    assert isinstance(outcome, Failed)
    assert (outcome.code, outcome.attempts) == (ErrorCode.UNEXPECTED, 1)
    assert [(call.outcome, call.error_message) for call in made] == [
        ("unexpected", "an unexpected KeyError; it was logged")
    ]


async def test_what_was_never_sent_is_no_call_and_says_nothing_about_the_provider():
    made: list[ProviderCall] = []
    claim = a_claim(provider="demo")
    told = steps(DOWN, error_of(FailureKind.NO_MODEL), DOWN)
    tools = replace(
        tools_with(Scripted(told), policy=replace(QUICK, call_attempts=1)),
        breakers=Breakers(BreakerPolicy(failures=2)),
    )

    await attempted(claim, tools=tools)
    outcome = await attempted(claim, tools=tools, made=made)
    await attempted(claim, tools=tools)

    assert isinstance(outcome, Failed)
    assert (outcome.code, outcome.attempts, made) == (ErrorCode.UNSUPPORTED, 0, [])
    assert tools.circuit(claim).state(time.monotonic()) is State.OPEN


@pytest.mark.parametrize("finish", ["length", "content_filter", "refusal"])
async def test_an_answer_that_is_not_finished_is_not_paid_for_twice(finish: str):
    unfinished = Completion(text="{", finish_reason=finish)
    provider = Scripted(steps(unfinished))

    outcome = await asked(provider)

    assert isinstance(outcome, Failed)
    assert outcome.code in {ErrorCode.TRUNCATED, ErrorCode.REFUSED}
    assert len(provider.calls) == 1


async def test_a_provider_that_wishes_for_a_long_pause_is_not_waited_for():
    wish = TransientError(ErrorCode.RATE_LIMITED, "later", retry_after=61.0)
    provider = Scripted(steps(wish))

    outcome = await asked(provider, RetryPolicy())

    assert isinstance(outcome, Deferred)
    assert len(provider.calls) == 1
    assert outcome.retry_after >= 60.0


@pytest.mark.parametrize(
    "code", [ErrorCode.AUTH, ErrorCode.QUOTA_EXHAUSTED, ErrorCode.MISCONFIGURED]
)
async def test_a_fault_of_account_address_or_model_opens_the_circuit_at_once(code: ErrorCode):
    provider = Scripted(steps(AccountFault("no", code=code)))
    tools = tools_with(provider, policy=POLICY)
    claim = replace(a_claim(provider="demo"), constraints="{}")

    outcomes = [await attempted(claim, tools=tools) for _ in range(3)]

    assert all(isinstance(outcome, Deferred) for outcome in outcomes)
    assert len(provider.calls) == 1


async def test_a_cancelled_attempt_ends_its_call():
    provider = Scripted()
    provider.gate.clear()
    attempting = asyncio.create_task(asked(provider))
    await eventually(lambda: provider.waiting)

    attempting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await attempting
    assert provider.aborted == 1


def claimed_after(made: CallsMade) -> Claim:
    return replace(a_claim(provider="demo", called={0: made}), constraints="{}")


@pytest.mark.parametrize(
    "refused", [AccountFault("no"), TransientError(ErrorCode.RATE_LIMITED, "slow")], ids=repr
)
async def test_a_call_that_is_turned_away_unpaid_uses_nothing_up(refused: ProviderError):
    provider = Scripted(lambda _: refused)

    outcome = await asked(provider, replace(POLICY, calls_per_item=1))

    assert isinstance(outcome, Deferred)
    assert not outcome.counted


async def test_a_repetition_is_put_off_with_the_code_that_has_opened_the_circuit_meanwhile():
    provider = Scripted(lambda _: TransientError(ErrorCode.TIMEOUT, "late", retry_after=2.0))
    claim = replace(a_claim(provider="demo"), constraints="{}")
    tools = tools_with(provider, policy=POLICY)
    attempting = asyncio.create_task(attempted(claim, tools=tools))
    await eventually(lambda: provider.calls)

    circuit, now = tools.circuit(claim), time.monotonic()
    admission = circuit.admit(now)
    assert isinstance(admission, Admission)
    circuit.refused(admission, ErrorCode.AUTH, now=now)
    outcome = await attempting

    assert isinstance(outcome, Deferred)
    assert (outcome.code, outcome.counted, len(provider.calls)) == (ErrorCode.AUTH, False, 1)


async def test_calls_before_that_do_not_count_use_nothing_up():
    claim = claimed_after(CallsMade(9, 0, "auth", "no"))
    tools = tools_with(Scripted(), policy=replace(POLICY, calls_per_item=1))

    outcome = await attempted(claim, tools=tools)

    assert isinstance(outcome, Succeeded)
    assert outcome.attempts == 10


@pytest.mark.parametrize(
    ("recorded", "code"), [("timeout", "timeout"), ("a_code_of_tomorrow", "unexpected")]
)
async def test_an_item_at_its_bound_fails_with_the_last_code_if_this_worker_knows_it(
    recorded: str, code: str
):
    policy = replace(POLICY, calls_per_item=25)
    claim = claimed_after(CallsMade(26, 25, recorded, "it was odd"))

    outcome = await attempted(claim, tools=tools_with(Scripted(), policy=policy))

    assert outcome == Failed(
        code=ErrorCode(code),
        message="25 provider calls were made for the item, which is the limit; "
        "the last failure: it was odd",
        attempts=26,
    )


async def test_a_cancelled_attempt_leaves_what_its_call_has_cost():
    made: list[ProviderCall] = []
    provider = Scripted(spend=lambda spent: cost(spent, Spent(received_bytes=17)))
    provider.gate.clear()
    claim, tools = a_claim(provider="demo"), tools_with(provider)
    attempting = asyncio.create_task(attempted(claim, tools=tools, made=made))
    await eventually(lambda: provider.waiting)

    attempting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await attempting
    assert [(call.outcome, call.received_bytes) for call in made] == [("cancelled", 17)]


def test_what_opens_the_circuit_at_once_is_what_does_not_count():
    opening = {rule.code for rule in TABLE.values() if rule.reaction is Reaction.OPEN}

    assert opening == ACCOUNT_FAULTS
