"""One attempt at an item: ask the provider, validate what it answers, end with an outcome."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from pydantic import ValidationError
from uuid_utils.compat import uuid7

from schemas.entities import ENTITY_TYPES
from schemas.entity import ConstraintsBase, EntityBase, EntityType
from shared.errors import ErrorCode
from shared.logging import get_log
from shared.metrics import ATTEMPT_SECONDS
from worker_service.breaker import Breakers, Refusal, State
from worker_service.calls import Calls
from worker_service.claim import Claim
from worker_service.generators import Generator
from worker_service.outcome import Deferred, Failed, Outcome, Succeeded
from worker_service.providers import (
    Call,
    Completion,
    CredentialRefused,
    InvalidOutput,
    PermanentError,
    Provider,
    ProviderError,
    Rejection,
    TransientError,
)
from worker_service.providers.taxonomy import UNFINISHED, Sign, error_of
from worker_service.repeats import Repeats, retrying
from worker_service.retry import RetryPolicy, jittered

log = get_log()

_TOLD_FAULTS = 5
_CONSTRAINTS_KEPT = 1_000
"""The items of a request share one reading of its constraints, which are frozen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Makers:
    """What entities are made with in this process."""

    generators: Mapping[str, Generator]
    providers: Mapping[str, Provider]
    policy: RetryPolicy
    breakers: Breakers


class LeaseOver(Exception):
    """The request may have another owner by now: no further call is made for it."""


def _always() -> bool:
    return True


async def attempt(
    claim: Claim, ordinal: int, *, makers: Makers, is_leased: Callable[[], bool] = _always
) -> Outcome:
    """Try to make the entity of an ordinal, repeating calls that may succeed soon.

    `is_leased` is asked before each call. An exception that no provider declares is a bug, logged
    with its traceback, and the item fails as `unexpected`.

    Raises:
        LeaseOver: a call was due, and `is_leased` said no.
    """
    calls = Calls(request_id=claim.request_id, ordinal=ordinal, provider=claim.provider)
    begun = time.monotonic()
    try:
        outcome = await _admitted(claim, ordinal, makers=makers, calls=calls, is_leased=is_leased)
    except LeaseOver:
        raise
    except ProviderError as error:
        outcome = makers.policy.outcome(error, usage=calls.usage)
    except Exception as error:
        log.exception("attempt_raised", request_id=str(claim.request_id), ordinal=ordinal)
        outcome = Failed(
            code=ErrorCode.UNEXPECTED,
            message=f"an unexpected {type(error).__name__}; it was logged",
            attempts=len(calls),
            usage=calls.usage,
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


async def _admitted(
    claim: Claim, ordinal: int, *, makers: Makers, calls: Calls, is_leased: Callable[[], bool]
) -> Outcome:
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
            claim,
            ordinal,
            provider,
            makers=makers,
            calls=calls,
            may_call=may_call,
            is_leased=is_leased,
        )
    except (TransientError, CredentialRefused) as error:
        circuit.failed(admission, error.code, now=time.monotonic())
        deferred = makers.policy.outcome(error, usage=calls.usage)
        is_open = circuit.state(time.monotonic()) is not State.CLOSED
        return (
            replace(deferred, counted=not is_open) if isinstance(deferred, Deferred) else deferred
        )
    except ProviderError:
        if calls:
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
    calls: Calls,
    may_call: Callable[[], bool],
    is_leased: Callable[[], bool],
) -> Succeeded:
    """Call the provider until it makes the entity, as often as the policy and `may_call` allow."""
    entity_type = ENTITY_TYPES[claim.entity_type]
    constraints = _constraints(entity_type.constraints, claim.constraints)
    call = Call(
        entity_type=claim.entity_type,
        constraints=constraints,
        ordinal=ordinal,
        seed=claim.request_id.int,
        prompt=makers.generators[claim.entity_type].prompt(constraints, ordinal=ordinal),
        json_schema=entity_type.json_schema,
        model=claim.model,
    )

    async def ask(_: Repeats) -> EntityBase:
        nonlocal call
        if not is_leased():
            raise LeaseOver
        if not may_call():
            raise TransientError(ErrorCode.PROVIDER_UNAVAILABLE, "the circuit has opened")
        with calls.noted() as noted:
            completion = noted.completion = await provider.complete(call)
            try:
                return _validated(entity_type, completion)
            except InvalidOutput as error:
                call = replace(call, rejection=Rejection(text=completion.text, reason=str(error)))
                raise

    entity: EntityBase = await retrying(ask, Repeats(policy=makers.policy, may_call=may_call))
    return Succeeded(
        entity=_identified(entity, constraints), attempts=len(calls), usage=calls.usage
    )


@lru_cache(maxsize=_CONSTRAINTS_KEPT)
def _constraints(model: type[ConstraintsBase], constraints: str) -> ConstraintsBase:
    """Read what the API validated; rules may have become stricter since."""
    try:
        return model.model_validate_json(constraints)
    except ValidationError as error:
        raise PermanentError(ErrorCode.UNSUPPORTED, _faults(error)) from error


def _validated(entity_type: EntityType, completion: Completion) -> EntityBase:
    if sign := UNFINISHED.get(completion.finish_reason):
        raise error_of(sign, completion.text if sign is Sign.REFUSED else "")
    try:
        return entity_type.entity.model_validate_json(completion.text)
    except ValidationError as error:
        raise error_of(Sign.UNFIT, _faults(error)) from error


def _faults(error: ValidationError) -> str:
    """Say what the validator says, without repeating what it was given."""
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    said = [
        f"{'.'.join(map(str, fault['loc'])) or 'the whole'}: {fault['msg']}"
        for fault in faults[:_TOLD_FAULTS]
    ]
    more = len(faults) - len(said)
    return "; ".join(said) + (f" (and {more} more)" if more else "")


def _identified(entity: EntityBase, constraints: ConstraintsBase) -> dict[str, Any]:
    return {
        "id": str(uuid7()),
        "target_language_code": constraints.target_language_code,
        **entity.model_dump(mode="json"),
    }
