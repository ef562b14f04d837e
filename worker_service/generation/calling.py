"""One call of a generator with its repetitions, under a permit and the circuit."""

import time
from dataclasses import dataclass, replace
from typing import Generic

from pydantic import ValidationError

from worker_service.claims.circuit import Admission, Circuit, Refusal
from worker_service.claims.run import Interruptible, Run
from worker_service.generation.calls import Calls
from worker_service.generation.tools import GenerationTools
from worker_service.generators.contract import Answer, Item
from worker_service.providers import (
    AccountFault,
    Call,
    CallAgain,
    Completion,
    InvalidOutput,
    NotSent,
    Provider,
    ProviderError,
    Rejection,
    TransientError,
    UnusableAnswer,
)
from worker_service.providers.answer_text import (
    error_after_reading,
    error_before_reading,
    json_of,
)

_MOST_FAULTS = 5


class LeaseOver(Exception):
    """The request may have another owner by now: no further call is made for it."""


class ItemRecorded(Exception):
    """The item was recorded while it waited for its first permit."""


class CircuitOpen(Exception):
    """No call is made for now; `refusal` says why and until when."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__()
        self.refusal = refusal


@dataclass(slots=True, kw_only=True, eq=False)
class Attempt:
    """One attempt at an item, which runs inside `block`.

    The block begins with the first permit: until then a run that stops ends the attempt, afterwards
    only one that is aborted.
    """

    run: Run
    item: Item
    tools: GenerationTools
    calls: Calls
    block: Interruptible

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
            self.calls.begin()


class Calling(Generic[Answer]):
    """One call with its repetitions; as a block, it tells the circuit how that ended.

    It begins with a permit, which each failure gives back. One object and no closures: thousands of
    them wait at a time.
    """

    __slots__ = ("_admission", "_answer", "_attempt", "_call", "_circuit", "_has_permit")

    def __init__(
        self, attempt: Attempt, call: Call, *, answer: type[Answer], circuit: Circuit
    ) -> None:
        self._attempt = attempt
        self._call = call
        self._answer = answer
        self._circuit = circuit
        self._has_permit = False
        self._admission: Admission

    async def acquire(self) -> None:
        """Wait for the permit of the next repetition."""
        await self._attempt.wait_for_permit()
        self._has_permit = True

    def __enter__(self) -> None:
        """Ask the circuit for leave."""
        try:
            self._ask_leave()
        except CircuitOpen:
            self._release()
            raise

    def _ask_leave(self) -> None:
        admission = self._circuit.admit(time.monotonic())
        if isinstance(admission, Refusal):
            raise CircuitOpen(admission)
        self._admission = admission

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self._release()
        now, circuit = time.monotonic(), self._circuit
        match error:
            case NotSent():  # which says nothing about the provider
                circuit.abandoned(self._admission)
            case UnusableAnswer():  # one odd prompt may cause it; the provider serves
                circuit.answered(self._admission, now=now)
            case TransientError():
                circuit.failed(self._admission, error.code, now=now)
            case AccountFault():
                circuit.refused(self._admission, error.code, now=now)
            case None | ProviderError():
                circuit.answered(self._admission, now=now)
            case _:
                circuit.abandoned(self._admission)

    def _release(self) -> None:
        if self._has_permit:
            self._has_permit = False
            self._attempt.tools.permits.release()

    def may_repeat(self, error: BaseException) -> bool:
        """Whether the item may cost another call, and the provider get one after such a failure."""
        if self._attempt.calls.are_exhausted:
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
            await self._attempt.calls.keep()
            raise
        finally:
            self._release()

    async def _answered(self) -> Answer:
        """Make the exchanges that one call takes, and record each before the next.

        The provider bounds their number; they hold one permit, and there is no pause.
        """
        call = self._call
        while True:
            try:
                return await self._exchanged(call)
            except CallAgain as again:
                call = again.call
            await self._attempt.calls.keep()

    async def _exchanged(self, call: Call) -> Answer:
        provider = self._checked_provider()
        with self._attempt.calls.noted() as noted:
            noted.completion = await provider.complete(noted.traced(call), noted.spent)
            return self._accepted(noted.completion)

    def _checked_provider(self) -> Provider:
        """Look at what may have changed during the wait for a permit."""
        run = self._attempt.run
        if not run.is_leased:
            raise LeaseOver
        if not self._is_let_through():
            self._ask_leave()
        return self._attempt.tools.provider(run.claim)

    def _accepted(self, completion: Completion) -> Answer:
        """Validate an answer; the next call shows the model the one that does not fit."""
        try:
            return _validated(self._answer, completion)
        except InvalidOutput as error:
            rejection = Rejection(text=completion.text, reason=str(error))
            self._call = replace(self._call, rejection=rejection)
            raise


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
