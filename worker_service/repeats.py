"""The one retry layer: the policy's decisions in tenacity's hands."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type

from worker_service.providers import InvalidOutput, TransientError
from worker_service.retry import RetryPolicy


@dataclass(slots=True, kw_only=True)
class Repeats:
    """What decides about the next call of an attempt: `may_call` says no to all of them.

    Each kind of failure has its own number of calls: a provider that was busy twice has not
    answered wrongly yet.
    """

    policy: RetryPolicy
    may_call: Callable[[], bool]
    _ended: Counter[type[BaseException]] | None = field(default=None)

    def note(self, error: BaseException) -> None:
        """Count a call that failed."""
        self._ended = self._ended or Counter()
        self._ended[type(error)] += 1

    def are_over(self, error: BaseException) -> bool:
        """Tell whether the call that failed so was the last one."""
        is_in_vain = isinstance(error, TransientError) and not self.may_call()
        return is_in_vain or not self.policy.repeats(error, calls=self._calls(error))

    def wait(self, error: BaseException) -> float:
        """Return the seconds until the next call."""
        return self.policy.wait(error, calls=self._calls(error))

    def _calls(self, error: BaseException) -> int:
        return self._ended[type(error)] if self._ended else 0


def _of(state: RetryCallState) -> Repeats:
    repeats: Repeats = state.args[0]
    return repeats


def _error(state: RetryCallState) -> BaseException:
    error = state.outcome.exception() if state.outcome else None
    return error or RuntimeError("tenacity asked about a call that did not fail")


retrying = AsyncRetrying(
    retry=retry_if_exception_type((TransientError, InvalidOutput)),
    after=lambda state: _of(state).note(_error(state)),
    stop=lambda state: _of(state).are_over(_error(state)),
    wait=lambda state: _of(state).wait(_error(state)),
    reraise=True,
)
"""Call a function with its Repeats as often as these say.

One for all attempts: it would be a third of what an attempt in flight holds. It keeps its state in
the call, and between two of its steps nothing is awaited. The allow-list matters:
`retry_if_not_exception_type` would swallow cancellation.
"""
