"""One attempt at an item: ask the provider, validate what it answers, end with an outcome."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Protocol

from pydantic import ValidationError
from uuid_utils.compat import uuid7

from schemas.entities import ENTITY_TYPES
from schemas.entity import ConstraintsBase, EntityBase, EntityType
from schemas.usage import ItemUsage
from shared.errors import ErrorCode
from shared.runtime.logging import get_log
from shared.runtime.metrics import ATTEMPT_SECONDS
from worker_service.claims.circuit import Admission, Breakers, Circuit, Refusal, State
from worker_service.claims.claim import Claim
from worker_service.generation.calls import Calls
from worker_service.generation.permits import PrioritySemaphore
from worker_service.generation.retry import repeated
from worker_service.generation.retry_policy import RetryPolicy, jittered
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
from worker_service.providers.failures import UNFINISHED, FailureKind, error_of

log = get_log()

_TOLD_FAULTS = 5
_CONSTRAINTS_KEPT = 1_000
"""The items of a request share one reading of its constraints, which are frozen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationTools:
    """What entities are made with in this process."""

    generators: Mapping[str, Generator]
    providers: Mapping[str, Provider]
    policy: RetryPolicy
    breakers: Breakers
    permits: PrioritySemaphore

    def provider(self, claim: Claim) -> Provider:
        """Return the provider of a claim.

        Raises:
            PermanentError: this process has none of that name.
        """
        try:
            return self.providers[claim.provider]
        except KeyError:
            message = f"no provider {claim.provider!r} here"
            raise PermanentError(ErrorCode.UNSUPPORTED, message) from None

    def circuit(self, claim: Claim) -> Circuit:
        """Return the circuit of a claim's calls."""
        provider = self.provider(claim)
        return self.breakers.circuit(
            provider.name, credential=provider.credential, model=claim.model
        )


class Lease(Protocol):
    """The right to work on a request."""

    @property
    def is_leased(self) -> bool:
        """Tell whether it lasts for certain."""


class LeaseOver(Exception):
    """The request may have another owner by now: no further call is made for it."""


async def attempt(claim: Claim, ordinal: int, *, tools: GenerationTools, lease: Lease) -> Outcome:
    """Try to make the entity of an ordinal, repeating calls that may succeed soon.

    The lease is looked at before each call. An exception that no provider declares is a bug, logged
    with its traceback, and the item fails as `unexpected`.

    Raises:
        LeaseOver: a call was due, and the lease did not last for certain.
    """
    begun = time.monotonic()
    calls = Calls(request_id=claim.request_id, ordinal=ordinal, provider=claim.provider)
    try:
        asking = _asking(claim, ordinal, tools=tools, calls=calls, lease=lease)
        if isinstance(asking, Deferred):
            outcome: Outcome = asking
        else:
            with asking:
                entity = await repeated(asking.ask, policy=tools.policy, may_call=asking.may_call)
            outcome = Succeeded(entity=entity, attempts=len(calls), usage=calls.usage)
    except LeaseOver:
        raise
    except ProviderError as error:
        outcome = _ended_by(error, claim, tools=tools, usage=calls.usage)
    except Exception as error:
        log.exception("attempt_raised", request_id=str(claim.request_id), ordinal=ordinal)
        outcome = _unexpected(error, calls)
    _tell(claim, ordinal, outcome, seconds=time.monotonic() - begun)
    return outcome


def _ended_by(
    error: ProviderError, claim: Claim, *, tools: GenerationTools, usage: ItemUsage
) -> Failed | Deferred:
    """Return what the policy says; releases do not count while the circuit is open."""
    outcome = tools.policy.outcome(error, usage=usage)
    if isinstance(outcome, Failed):
        return outcome
    state = tools.circuit(claim).state(time.monotonic())
    return replace(outcome, counted=state is State.CLOSED)


def _unexpected(error: Exception, calls: Calls) -> Failed:
    return Failed(
        code=ErrorCode.UNEXPECTED,
        message=f"an unexpected {type(error).__name__}; it was logged",
        attempts=len(calls),
        usage=calls.usage,
    )


def _tell(claim: Claim, ordinal: int, outcome: Outcome, *, seconds: float) -> None:
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


@dataclass(slots=True, kw_only=True, eq=False)
class _Asking:
    """What an attempt asks its provider; as a block, it tells the circuit how that ended.

    One object and no closures: thousands of them wait at a time.
    """

    call: Call
    provider: Provider
    circuit: Circuit
    admission: Admission
    calls: Calls
    lease: Lease

    def may_call(self) -> bool:
        """Tell whether the circuit is as it was when it let the attempt through."""
        return self.circuit.is_current(self.admission)

    async def ask(self) -> dict[str, Any]:
        """Call the provider once and return the entity, ready to be recorded."""
        if not self.lease.is_leased:
            raise LeaseOver
        if not self.may_call():
            raise TransientError(ErrorCode.PROVIDER_UNAVAILABLE, "the circuit has opened")
        with self.calls.noted() as noted:
            completion = noted.completion = await self.provider.complete(self.call)
            try:
                entity = _validated(ENTITY_TYPES[self.call.entity_type], completion)
            except InvalidOutput as error:
                rejection = Rejection(text=completion.text, reason=str(error))
                self.call = replace(self.call, rejection=rejection)
                raise
        return _identified(entity, self.call.constraints)

    def __enter__(self) -> None:
        """Begin; the circuit has let the attempt through."""

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        now = time.monotonic()
        match error:
            case TransientError() | CredentialRefused():
                self.circuit.failed(self.admission, error.code, now=now)
            case None:
                self.circuit.answered(self.admission, now=now)
            case ProviderError() if self.calls:
                self.circuit.answered(self.admission, now=now)
            case _:
                self.circuit.abandoned(self.admission)


def _asking(
    claim: Claim, ordinal: int, *, tools: GenerationTools, calls: Calls, lease: Lease
) -> _Asking | Deferred:
    """Prepare the call and ask the circuit for leave; Deferred where it gives none."""
    call, circuit = _call(claim, ordinal, tools), tools.circuit(claim)
    admission = circuit.admit(time.monotonic())
    if isinstance(admission, Refusal):
        wait = jittered(admission.retry_after)
        return Deferred(code=admission.code, retry_after=wait, attempts=0, counted=False)
    return _Asking(
        call=call,
        provider=tools.provider(claim),
        circuit=circuit,
        admission=admission,
        calls=calls,
        lease=lease,
    )


def _call(claim: Claim, ordinal: int, tools: GenerationTools) -> Call:
    entity_type = ENTITY_TYPES[claim.entity_type]
    constraints = _constraints(entity_type.constraints, claim.constraints)
    return Call(
        entity_type=claim.entity_type,
        constraints=constraints,
        ordinal=ordinal,
        seed=claim.request_id.int,
        prompt=tools.generators[claim.entity_type].prompt(constraints, ordinal=ordinal),
        json_schema=entity_type.json_schema,
        model=claim.model,
    )


@lru_cache(maxsize=_CONSTRAINTS_KEPT)
def _constraints(model: type[ConstraintsBase], constraints: str) -> ConstraintsBase:
    """Read what the API validated; rules may have become stricter since."""
    try:
        return model.model_validate_json(constraints)
    except ValidationError as error:
        raise PermanentError(ErrorCode.UNSUPPORTED, _faults(error)) from error


def _validated(entity_type: EntityType, completion: Completion) -> EntityBase:
    if kind := UNFINISHED.get(completion.finish_reason):
        raise error_of(kind, completion.text if kind is FailureKind.REFUSED else "")
    try:
        return entity_type.entity.model_validate_json(completion.text)
    except ValidationError as error:
        raise error_of(FailureKind.UNFIT, _faults(error)) from error


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
