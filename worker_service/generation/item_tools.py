"""What a generator gets for one item: calls with permits, the circuit, retries and usage."""

import time
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Generic

from pydantic import BaseModel, ValidationError

from shared.errors import ErrorCode
from shared.runtime.logging import get_log
from worker_service.claims.circuit import Admission, Circuit, Refusal
from worker_service.claims.run import Interruptible, Run
from worker_service.generation.calls import Calls
from worker_service.generation.retry import repeated
from worker_service.generation.tools import GenerationTools
from worker_service.generators.contract import Answer, Item
from worker_service.prompt import Prompt
from worker_service.providers import (
    Call,
    Completion,
    CredentialRefused,
    InvalidOutput,
    Provider,
    ProviderError,
    Rejection,
    TransientError,
)
from worker_service.providers.answer_text import (
    error_after_reading,
    error_before_reading,
    json_of,
)

log = get_log()

_MOST_FAULTS = 5


class LeaseOver(Exception):
    """The request may have another owner by now: no further call is made for it."""


class ItemRecorded(Exception):
    """The item was recorded while it waited for its first permit."""


class CallsExhausted(Exception):
    """As many calls were made for the item as it may cost."""


class CircuitOpen(Exception):
    """No call is made for now; `refusal` says why and until when."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__()
        self.refusal = refusal


@dataclass(slots=True, kw_only=True, eq=False)
class ItemTools:
    """The tools of one attempt, which runs inside `block`.

    The block begins with the first permit: until then a run that stops ends the attempt, afterwards
    only one that is aborted.
    """

    run: Run
    item: Item
    tools: GenerationTools
    calls: Calls
    block: Interruptible

    async def call(self, prompt: Prompt, *, answer: type[Answer]) -> Answer:
        """Call the request's provider as the contract says.

        Raises:
            ProviderError: as the provider fails, when it is not called again.
            CallsExhausted: the item may cost no further call.
            CircuitOpen: the provider is left alone for now.
            LeaseOver: a call was due, and the lease did not last for certain.
            ItemRecorded: it was the first call, and the item needs none any more.
        """
        if self.calls.are_exhausted:
            raise CallsExhausted
        await self.calls.keep()  # what a call before this one has cost, however the item ends
        circuit = self.tools.circuit(self.run.claim)
        calling = _Calling(self, self._call(prompt, answer), answer=answer, circuit=circuit)
        await calling.acquire()
        with calling:
            return await repeated(
                calling.call_once, policy=self.tools.policy, may_repeat=calling.may_repeat
            )

    def progress(self, done: int, total: int, stage: str) -> None:
        """Log the stage; what ends the attempt is logged with it."""
        self.calls.stage = stage
        log.debug(
            "item_progressed",
            request_id=str(self.item.request_id),
            ordinal=self.item.ordinal,
            stage=stage,
            done=done,
            total=total,
        )

    async def wait_for_permit(self) -> None:
        """Take a permit; the first one begins the attempt."""
        claim, permits = self.run.claim, self.tools.permits
        await permits.acquire(claim.priority, claim.request_id)
        # A late success of an older claim may have filled the ordinal during the first wait.
        if not self.block.has_begun and self.item.ordinal in self.run.recorded:
            permits.release()
            raise ItemRecorded
        if not self.block.has_begun:
            self.block.has_begun = True
            self.calls.begun = time.monotonic()

    def _call(self, prompt: Prompt, answer: type[BaseModel]) -> Call:
        return Call(
            entity_type=self.item.entity_type,
            constraints=self.item.constraints,
            ordinal=self.item.ordinal,
            seed=self.item.request_id.int,
            prompt=prompt,
            json_schema=_json_schema(answer),
            model=self.run.claim.model,
        )


class _Calling(Generic[Answer]):
    """One call with its repetitions; as a block, it tells the circuit how that ended.

    It begins with a permit, which each failure gives back. One object and no closures: thousands of
    them wait at a time.
    """

    __slots__ = ("_admission", "_answer", "_call", "_circuit", "_has_permit", "_item")

    def __init__(
        self, item: ItemTools, call: Call, *, answer: type[Answer], circuit: Circuit
    ) -> None:
        self._item = item
        self._call = call
        self._answer = answer
        self._circuit = circuit
        self._has_permit = False
        self._admission: Admission

    async def acquire(self) -> None:
        """Wait for the permit of the next repetition."""
        await self._item.wait_for_permit()
        self._has_permit = True

    def __enter__(self) -> None:
        """Ask the circuit for leave."""
        admission = self._circuit.admit(time.monotonic())
        if isinstance(admission, Refusal):
            self._release()
            raise CircuitOpen(admission)
        self._admission = admission

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self._release()
        now, circuit = time.monotonic(), self._circuit
        match error:
            case TransientError() | CredentialRefused():
                circuit.failed(self._admission, error.code, now=now)
            case None | ProviderError():
                circuit.answered(self._admission, now=now)
            case _:
                circuit.abandoned(self._admission)

    def _release(self) -> None:
        if self._has_permit:
            self._has_permit = False
            self._item.tools.permits.release()

    def may_repeat(self, error: BaseException) -> bool:
        """Whether the item may cost another call, and the provider get one after such a failure."""
        if self._item.calls.are_exhausted:
            return False
        return self._is_let_through() or not isinstance(error, TransientError)

    def _is_let_through(self) -> bool:
        """Whether the circuit is as it was when it let the call through."""
        return self._circuit.is_current(self._admission)

    async def call_once(self) -> Answer:
        """Call the provider once, with a permit for as long as that takes.

        A failed call is recorded at once: what follows may be a pause and further calls.
        """
        if not self._has_permit:
            await self.acquire()
        try:
            return await self._answered()
        except ProviderError:
            self._release()
            await self._item.calls.keep()
            raise
        finally:
            self._release()

    async def _answered(self) -> Answer:
        provider = self._checked_provider()
        with self._item.calls.noted() as noted:
            noted.completion = await provider.complete(self._call)
            return self._accepted(noted.completion)

    def _checked_provider(self) -> Provider:
        """Look at what may have changed during the wait for a permit."""
        run = self._item.run
        if not run.is_leased:
            raise LeaseOver
        if not self._is_let_through():
            raise TransientError(ErrorCode.PROVIDER_UNAVAILABLE, "the circuit has opened")
        return self._item.tools.provider(run.claim)

    def _accepted(self, completion: Completion) -> Answer:
        """Validate an answer; the next call shows the model the one that does not fit."""
        try:
            return _validated(self._answer, completion)
        except InvalidOutput as error:
            rejection = Rejection(text=completion.text, reason=str(error))
            self._call = replace(self._call, rejection=rejection)
            raise


@lru_cache
def _json_schema(answer: type[BaseModel]) -> dict[str, Any]:
    return answer.model_json_schema()


def _validated(answer: type[Answer], completion: Completion) -> Answer:
    text = json_of(completion.text)
    if unusable := error_before_reading(completion, text):
        raise unusable
    try:
        return answer.model_validate_json(text)
    except ValidationError as error:
        raise error_after_reading(completion, text, faults=faults_of(error)) from error


def faults_of(error: ValidationError) -> str:
    """Say what the validator says, without repeating what it was given."""
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    said = [
        f"{'.'.join(map(str, fault['loc'])) or '(root)'}: {fault['msg']}"
        for fault in faults[:_MOST_FAULTS]
    ]
    more = len(faults) - len(said)
    return "; ".join(said) + (f" (and {more} more)" if more else "")
