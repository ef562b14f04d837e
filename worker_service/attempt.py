"""One attempt at an item: ask the provider, validate what it answers, end with an outcome."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type
from uuid_utils.compat import uuid7

from schemas.entities import ENTITY_TYPES
from schemas.entity import ConstraintsBase, EntityBase, EntityType
from shared.errors import ErrorCode
from shared.logging import get_log
from shared.metrics import ATTEMPT_SECONDS, PROVIDER_CALLS
from worker_service.breaker import Breakers, Refusal, State
from worker_service.claim import Claim
from worker_service.generators import Generator
from worker_service.outcome import Deferred, Failed, Outcome, Succeeded, Usage
from worker_service.providers import (
    Call,
    Completion,
    CredentialRefused,
    InvalidOutput,
    PermanentError,
    Provider,
    ProviderError,
    TransientError,
)
from worker_service.retry import RetryPolicy, jittered

log = get_log()

_UNFINISHED = {
    "length": (ErrorCode.TRUNCATED, "the answer was cut off at the length limit"),
    "content_filter": (ErrorCode.REFUSED, "the answer was withheld by a content filter"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Makers:
    """What entities are made with in this process."""

    generators: Mapping[str, Generator]
    providers: Mapping[str, Provider]
    policy: RetryPolicy
    breakers: Breakers


async def attempt(claim: Claim, ordinal: int, *, makers: Makers) -> Outcome:
    """Try to make the entity of an ordinal, repeating calls that may succeed soon.

    Never raises but for cancellation: an exception that no provider declares is a bug, logged
    with its traceback, and the item fails as `unexpected`.
    """
    usage: Usage = {"calls": 0}
    begun = time.monotonic()
    try:
        outcome = await _admitted(claim, ordinal, makers=makers, usage=usage)
    except ProviderError as error:
        outcome = makers.policy.outcome(error, calls=usage["calls"], usage=usage)
    except Exception as error:
        log.exception("attempt_raised", request_id=str(claim.request_id), ordinal=ordinal)
        outcome = Failed(
            code=ErrorCode.UNEXPECTED,
            message=f"an unexpected {type(error).__name__}; it was logged",
            attempts=usage["calls"],
            usage=usage,
        )
    seconds = time.monotonic() - begun
    ended = type(outcome).__name__.lower()
    ATTEMPT_SECONDS.labels(claim.entity_type, ended).observe(seconds)
    log.info(
        "attempt_finished",
        request_id=str(claim.request_id),
        epoch=claim.epoch,
        ordinal=ordinal,
        outcome=ended,
        code=getattr(outcome, "code", None),
        calls=outcome.attempts,
        seconds=round(seconds, 3),
    )
    return outcome


async def _admitted(claim: Claim, ordinal: int, *, makers: Makers, usage: Usage) -> Outcome:
    """Attempt the item if the provider's circuit lets it through, and tell the circuit."""
    provider = makers.providers.get(claim.provider)
    if provider is None:
        raise PermanentError(ErrorCode.UNSUPPORTED, f"no provider {claim.provider!r} here")
    circuit = makers.breakers.circuit(
        provider.name, credential=provider.credential, model=claim.model
    )
    admission = circuit.admit(time.monotonic())
    if isinstance(admission, Refusal):
        wait = jittered(admission.retry_after)
        return Deferred(code=admission.code, retry_after=wait, attempts=0, counted=False)

    def may_call() -> bool:
        return circuit.is_current(admission)

    try:
        outcome = await _attempt(
            claim, ordinal, provider, makers=makers, usage=usage, may_call=may_call
        )
    except (TransientError, CredentialRefused) as error:
        circuit.failed(admission, error.code, now=time.monotonic())
        deferred = makers.policy.outcome(error, calls=usage["calls"], usage=usage)
        is_open = circuit.state(time.monotonic()) is not State.CLOSED
        return (
            replace(deferred, counted=not is_open) if isinstance(deferred, Deferred) else deferred
        )
    except ProviderError:
        if usage["calls"]:
            circuit.answered(admission, now=time.monotonic())
        else:
            circuit.abandoned(admission)
        raise
    except BaseException:
        circuit.abandoned(admission)
        raise
    circuit.answered(admission, now=time.monotonic())
    return outcome


async def _attempt(
    claim: Claim,
    ordinal: int,
    provider: Provider,
    *,
    makers: Makers,
    usage: Usage,
    may_call: Callable[[], bool],
) -> Succeeded:
    """Call the provider until it makes the entity, as often as the policy and `may_call` allow."""
    entity_type = ENTITY_TYPES[claim.entity_type]
    constraints = _constraints(entity_type, claim)
    call = Call(
        entity_type=claim.entity_type,
        constraints=constraints,
        ordinal=ordinal,
        seed=claim.request_id.int,
        prompt=makers.generators[claim.entity_type].prompt(constraints, ordinal=ordinal),
        json_schema=entity_type.json_schema,
        model=claim.model,
    )

    async def ask() -> EntityBase:
        if not may_call():
            raise TransientError(ErrorCode.PROVIDER_UNAVAILABLE, "the circuit has opened")
        usage["calls"] += 1
        with _counted(provider.name):
            completion = await provider.complete(call)
            _add(usage, completion)
            return _validated(entity_type, completion)

    entity: EntityBase = await _retrying(makers.policy, may_call)(ask)
    return Succeeded(entity=_identified(entity, constraints), attempts=usage["calls"], usage=usage)


@contextmanager
def _counted(provider: str) -> Iterator[None]:
    """Count a call by how it ends; one that is cancelled is not counted."""
    try:
        yield
    except ProviderError as error:
        PROVIDER_CALLS.labels(provider, error.code).inc()
        raise
    PROVIDER_CALLS.labels(provider, "ok").inc()


def _constraints(entity_type: EntityType, claim: Claim) -> ConstraintsBase:
    """Read what the API validated; rules may have become stricter since."""
    try:
        return entity_type.constraints.model_validate(claim.constraints)
    except ValidationError as error:
        raise PermanentError(ErrorCode.UNSUPPORTED, _first_fault(error)) from error


def _retrying(policy: RetryPolicy, may_call: Callable[[], bool]) -> AsyncRetrying:
    """Put the policy's decisions into the one retry layer.

    Each kind of failure has its own number of calls: a provider that was busy twice has not
    answered wrongly yet. The allow-list matters: `retry_if_not_exception_type` would swallow
    cancellation.
    """
    ended: Counter[type[BaseException]] = Counter()

    def note(state: RetryCallState) -> None:
        ended[type(_error(state))] += 1

    def stop(state: RetryCallState) -> bool:
        error = _error(state)
        is_in_vain = isinstance(error, TransientError) and not may_call()
        return is_in_vain or not policy.repeats(error, calls=ended[type(error)])

    def wait(state: RetryCallState) -> float:
        error = _error(state)
        return policy.wait(error, calls=ended[type(error)])

    return AsyncRetrying(
        retry=retry_if_exception_type((TransientError, InvalidOutput)),
        after=note,
        stop=stop,
        wait=wait,
        reraise=True,
    )


def _error(state: RetryCallState) -> BaseException:
    error = state.outcome.exception() if state.outcome else None
    return error or RuntimeError("tenacity asked about a call that did not fail")


def _add(usage: Usage, completion: Completion) -> None:
    counted = completion.usage
    for name in ("input_tokens", "output_tokens", "reasoning_tokens"):
        usage[name] = usage.get(name, 0) + getattr(counted, name)


def _validated(entity_type: EntityType, completion: Completion) -> EntityBase:
    if completion.finish_reason != "stop":
        raise PermanentError(*_UNFINISHED[completion.finish_reason])
    try:
        return entity_type.entity.model_validate_json(completion.text)
    except ValidationError as error:
        raise InvalidOutput(_first_fault(error)) from error


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in fault["loc"]) or "the answer"
    more = error.error_count() - 1
    return f"{place}: {fault['msg']}" + (f" (and {more} more)" if more else "")


def _identified(entity: EntityBase, constraints: ConstraintsBase) -> dict[str, Any]:
    return {
        "id": str(uuid7()),
        "target_language_code": constraints.target_language_code,
        **entity.model_dump(mode="json"),
    }
