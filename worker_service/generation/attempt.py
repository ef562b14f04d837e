"""One attempt at an item: run its generator, and end with an outcome."""

import time
from dataclasses import replace
from functools import cache, lru_cache
from typing import Any

from pydantic import ValidationError
from uuid_utils.compat import uuid7

from schemas.entities import ENTITY_TYPES
from schemas.entity import ConstraintsBase
from shared.errors import UNCHARGED, ErrorCode
from shared.runtime.logging import get_log
from shared.runtime.metrics import ATTEMPT_SECONDS
from worker_service.claims.circuit import State
from worker_service.claims.claim import Claim
from worker_service.claims.run import Interruptible, Run
from worker_service.generation.calling import (
    CircuitOpen,
    ItemRecorded,
    LeaseOver,
    faults_of,
)
from worker_service.generation.calls import Calls
from worker_service.generation.item_tools import CallsExhausted, ItemTools
from worker_service.generation.retry_policy import jittered
from worker_service.generation.tools import GenerationTools
from worker_service.generators.contract import Content, Item
from worker_service.outcome import Deferred, Failed, Outcome, Succeeded
from worker_service.providers import PermanentError, ProviderError
from worker_service.providers.failures import FailureKind, error_of

log = get_log()
_seconds = cache(ATTEMPT_SECONDS.labels)

_CONSTRAINTS_KEPT = 1_000
"""The items of a request share one reading of its constraints, which are frozen."""


async def attempt(
    run: Run, calls: Calls, *, tools: GenerationTools, block: Interruptible
) -> Outcome:
    """Try to make the entity of an item, inside the block by which the run may end it early.

    An exception that no provider declares is a bug, logged with its traceback, and the item fails
    as `unexpected`.

    Raises:
        LeaseOver: a call was due, and the lease did not last for certain.
        ItemRecorded: the item needs no attempt any more.
    """
    claim = run.claim
    outcome: Outcome | None = None
    try:
        item = _item(claim, calls.ordinal)
        item_tools = ItemTools(run=run, item=item, tools=tools, calls=calls, block=block)
        content = await tools.generators[claim.entity_type].generate(item, item_tools)
        entity = _entity(item, content)
        outcome = Succeeded(entity=entity, attempts=calls.made)
    except (LeaseOver, ItemRecorded):
        raise
    except CallsExhausted:
        outcome = _exhausted(calls)
    except (CircuitOpen, ProviderError, ValidationError) as error:
        outcome = _ended_by(error, claim, tools=tools, calls=calls)
    except Exception as error:
        log.exception("attempt_raised", request_id=str(claim.request_id), ordinal=calls.ordinal)
        outcome = _unexpected(error, calls)
    finally:
        if calls.spans is not None:
            calls.spans.end(outcome, calls=len(calls))
    _log_end(claim, outcome, calls=calls)
    return outcome


def _ended_by(
    error: CircuitOpen | ProviderError | ValidationError,
    claim: Claim,
    *,
    tools: GenerationTools,
    calls: Calls,
) -> Failed | Deferred:
    """Decide by the policy.

    Releases do not count while the circuit is open, nor after a call that was turned away unpaid.
    """
    if isinstance(error, CircuitOpen):
        wait = jittered(error.refusal.retry_after)
        return Deferred(
            code=error.refusal.code, retry_after=wait, attempts=calls.made, counted=False
        )
    if isinstance(error, ValidationError):  # the generator assembled what is no entity of its type
        error = error_of(FailureKind.SCHEMA_INVALID, faults_of(error))
    outcome = tools.policy.outcome(error, calls=calls.made)
    if isinstance(outcome, Failed):
        return outcome
    if calls.are_exhausted:
        return _exhausted(calls)
    is_closed = tools.circuit(claim).state(time.monotonic()) is State.CLOSED
    return replace(outcome, counted=is_closed and outcome.code not in UNCHARGED)


def _unexpected(error: Exception, calls: Calls) -> Failed:
    return Failed(
        code=ErrorCode.UNEXPECTED,
        message=f"an unexpected {type(error).__name__}; it was logged",
        attempts=calls.made,
    )


def _exhausted(calls: Calls) -> Failed:
    """Fail with what the last call that failed has failed with, in whichever attempt."""
    code, message = calls.last_failure or (ErrorCode.UNEXPECTED, "none of them ended")
    return Failed(
        code=_known(code),
        message=f"{calls.charged} provider calls were made for the item, which is the limit; "
        f"the last failure: {message}",
        attempts=calls.made,
    )


def _known(code: str) -> ErrorCode:
    """Read a recorded code; a worker of another version may have written one that is unknown."""
    try:
        return ErrorCode(code)
    except ValueError:
        return ErrorCode.UNEXPECTED


def _log_end(claim: Claim, outcome: Outcome, *, calls: Calls) -> None:
    ended = type(outcome).__name__.lower()
    seconds = time.monotonic() - calls.begun
    _seconds(claim.entity_type, ended).observe(seconds)
    log.info(
        "attempt_finished",
        request_id=str(claim.request_id),
        epoch=claim.epoch,
        ordinal=calls.ordinal,
        outcome=ended,
        code=getattr(outcome, "code", None),
        stage=calls.stage,
        calls=len(calls),
        seconds=round(seconds, 3),
    )


def _item(claim: Claim, ordinal: int) -> Item:
    model = ENTITY_TYPES[claim.entity_type].constraints
    return Item(
        request_id=claim.request_id,
        ordinal=ordinal,
        entity_type=claim.entity_type,
        constraints=_constraints(model, claim.constraints),
    )


@lru_cache(maxsize=_CONSTRAINTS_KEPT)
def _constraints(model: type[ConstraintsBase], constraints: str) -> ConstraintsBase:
    """Read what the API validated; rules may have become stricter since."""
    try:
        return model.model_validate_json(constraints)
    except ValidationError as error:
        raise PermanentError(ErrorCode.UNSUPPORTED, faults_of(error)) from error


def _entity(item: Item, content: Content) -> dict[str, Any]:
    """Validate what was made, and give it the identity that it is recorded with.

    An answer that a call has validated as the entity is not validated twice.
    """
    entity = ENTITY_TYPES[item.entity_type].entity.model_validate(content)
    return {
        "id": str(uuid7()),
        "target_language_code": item.constraints.target_language_code,
        **entity.model_dump(mode="json"),
    }
