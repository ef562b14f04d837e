"""The one retry layer: the policy's decisions in tenacity's hands."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type

from worker_service.generation.retry_policy import RetryPolicy
from worker_service.providers import InvalidOutput, TransientError

Ended = TypeVar("Ended")
_WORTH_REPEATING = (TransientError, InvalidOutput)


@dataclass(slots=True, kw_only=True)
class _Repeats:
    """What decides about the next call of an attempt, once a call has failed.

    Each kind of failure has its own number of calls: a provider that was busy twice has not
    answered wrongly yet.
    """

    policy: RetryPolicy
    may_repeat: Callable[[BaseException], bool]
    _failed: Counter[type[BaseException]] = field(default_factory=Counter)

    def note(self, error: BaseException) -> None:
        """Count a call that failed."""
        self._failed[type(error)] += 1

    def are_over(self, error: BaseException) -> bool:
        """Whether the call that failed so was the last one."""
        calls = self._failed[type(error)]
        return not (self.may_repeat(error) and self.policy.repeats(error, calls=calls))

    def wait(self, error: BaseException) -> float:
        return self.policy.wait(error, calls=self._failed[type(error)])


async def repeated(
    call: Callable[[], Awaitable[Ended]],
    *,
    policy: RetryPolicy,
    may_repeat: Callable[[BaseException], bool],
) -> Ended:
    """Make a call, and repeat it as often as the policy and `may_repeat` allow.

    The first call bypasses tenacity to save memory, a tenth of what an attempt in flight holds;
    retries go through it, beginning with the failure of the first.

    Raises:
        Exception: what the last call raised, as it is.
    """
    try:
        return await call()
    except _WORTH_REPEATING as error:
        again = _after(error, call)
    return await _retrying(again, _Repeats(policy=policy, may_repeat=may_repeat))


def _after(
    error: Exception, call: Callable[[], Awaitable[Ended]]
) -> Callable[[_Repeats], Awaitable[Ended]]:
    """Make a call that raises the known failure once, and is made from then on.

    It forgets the failure at once: kept, it would be in a cycle with its own traceback.
    """
    failed = [error]

    async def again(_: _Repeats) -> Ended:
        if failed:
            raise failed.pop()
        return await call()

    return again


def _of(state: RetryCallState) -> _Repeats:
    repeats: _Repeats = state.args[0]
    return repeats


def _error(state: RetryCallState) -> BaseException:
    error = state.outcome.exception() if state.outcome else None
    return error or RuntimeError("tenacity asked about a call that did not fail")


_retrying = AsyncRetrying(
    retry=retry_if_exception_type(_WORTH_REPEATING),
    after=lambda state: _of(state).note(_error(state)),
    stop=lambda state: _of(state).are_over(_error(state)),
    wait=lambda state: _of(state).wait(_error(state)),
    reraise=True,
)
"""Call a function with its `_Repeats` as often as these say; one for all attempts.

It keeps its state in the call, and between two of its steps nothing is awaited. The allow-list
matters: `retry_if_not_exception_type` would swallow cancellation.
"""
