"""Builders of calls and of the claims that lead to them."""

import json
from math import inf
from typing import Any

from uuid_utils.compat import uuid7

from schemas.entities import ENTITY_TYPES
from schemas.entity import ConstraintsBase
from schemas.states import Priority
from shared.tracing import Tracer
from worker_service import generators
from worker_service.claims.circuit import BreakerPolicy, Breakers
from worker_service.claims.claim import Claim
from worker_service.claims.run import Run
from worker_service.generation.attempt import attempt
from worker_service.generation.calls import Calls
from worker_service.generation.permits import PrioritySemaphore
from worker_service.generation.retry_policy import RetryPolicy
from worker_service.generation.spans import AttemptSpans
from worker_service.generation.tools import GenerationTools
from worker_service.generators.contract import Item
from worker_service.generators.language import LanguageGenerator
from worker_service.outcome import Outcome
from worker_service.prompt import Prompt
from worker_service.providers import Call, CallAgain, Completion, Provider, Rejection, Spent
from worker_service.settlement.provider_calls import CallBatch, ProviderCall

QUICK = RetryPolicy(first_wait=0.0, longest_wait=0.0)


def prompt_of(entity_type: str, constraints: ConstraintsBase, *, ordinal: int = 0) -> Prompt:
    """Return what the generator of a language type tells a model."""
    generator = generators.load()[entity_type]
    assert isinstance(generator, LanguageGenerator)
    return generator.prompt(
        Item(request_id=uuid7(), ordinal=ordinal, entity_type=entity_type, constraints=constraints)
    )


def a_call(
    about: str = "la mer",
    *,
    entity_type: str = "sentence",
    model: str | None = None,
    rejection: Rejection | None = None,
) -> Call:
    """Return the call of a real prompt; `about` stands in the last message of the user."""
    constraints = ENTITY_TYPES[entity_type].constraints(topic_tags=[about])
    return Call(
        entity_type=entity_type,
        constraints=constraints,
        ordinal=0,
        seed=1,
        prompt=prompt_of(entity_type, constraints),
        json_schema=ENTITY_TYPES[entity_type].entity.model_json_schema(),
        model=model,
        rejection=rejection,
    )


async def completed(provider: Provider, call: Call, spent: Spent | None = None) -> Completion:
    """Make a call as often as the provider asks for; `spent` is what the last one has cost."""
    while True:
        try:
            return await provider.complete(call, spent or Spent())
        except CallAgain as again:
            call = again.call


def a_claim(
    about: str = "la mer",
    *,
    entity_type: str = "sentence",
    provider: str = "openai",
    **changes: Any,
) -> Claim:
    told: dict[str, Any] = {
        "request_id": uuid7(),
        "epoch": 1,
        "round": 1,
        "requested_count": 1,
        "recorded": frozenset(),
        "model": None,
        "traceparent": "00-1-1-00",
        "priority": Priority.NORMAL,
        "crashes": 0,
        "leased_until": inf,
        **changes,
    }
    return Claim(
        entity_type=entity_type,
        constraints=json.dumps({"topic_tags": [about]}),
        provider=provider,
        **told,
    )


def tools_with(provider: Provider, *, policy: RetryPolicy = QUICK) -> GenerationTools:
    return GenerationTools(
        generators=generators.load(),
        providers={provider.name: provider},
        policy=policy,
        breakers=Breakers(BreakerPolicy()),
        permits=PrioritySemaphore(100),
    )


def calls_for(
    claim: Claim,
    ordinal: int = 0,
    *,
    tools: GenerationTools,
    made: list[ProviderCall] | None = None,
) -> Calls:
    """Return the calls of an attempt; those that are recorded before its end come into `made`."""
    recorded = [] if made is None else made

    async def write(batch: CallBatch) -> None:
        recorded.extend(batch)

    return Calls(claim=claim, ordinal=ordinal, write=write, most=tools.policy.calls_per_item)


async def attempted(
    claim: Claim,
    ordinal: int = 0,
    *,
    tools: GenerationTools,
    made: list[ProviderCall] | None = None,
    tracer: Tracer | None = None,
) -> Outcome:
    """Attempt an item of a claim under the lease that the claim came with; list its calls."""
    run, calls = Run.of(claim), calls_for(claim, ordinal, tools=tools, made=made)
    if tracer is not None:
        calls.spans = AttemptSpans(tracer=tracer, claim=claim, ordinal=ordinal)
    try:
        async with run.interruptible() as block:
            return await attempt(run, calls, tools=tools, block=block)
    finally:
        if made is not None:
            made.extend(calls.unrecorded)
