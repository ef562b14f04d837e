"""When a call is repeated, how long to wait, and what outlives the repeats; pure decisions."""

import random
from dataclasses import dataclass

from worker_service.outcome import Deferred, Failed
from worker_service.providers import (
    AccountFault,
    InvalidOutput,
    ProtocolMismatch,
    ProviderError,
    TransientError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and how long an attempt retries; times in seconds.

    `calls_per_item` bounds the calls of all attempts at an item in a round.
    """

    call_attempts: int = 4
    calls_per_item: int = 25
    invalid_output_attempts: int = 3
    first_wait: float = 1.0
    longest_wait: float = 30.0
    longest_retry_after: float = 60.0

    def repeats(self, error: BaseException, *, calls: int) -> bool:
        """Whether to repeat the call after `calls` that failed so (from 1).

        A `Retry-After` above the cap is not waited for: the item is deferred, and its permit is
        free for others.
        """
        match error:
            case TransientError(retry_after=wish):
                is_worth_waiting = wish is None or wish <= self.longest_retry_after
                return is_worth_waiting and calls < self.call_attempts
            case InvalidOutput():
                return calls < self.invalid_output_attempts
            case _:
                return False

    def wait(self, error: BaseException, *, calls: int) -> float:
        """Wait as long as `Retry-After` says, else with a growing jitter, in seconds.

        Full jitter, so that workers that failed together do not come back together:
        https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
        """
        wish = error.retry_after if isinstance(error, TransientError) else None
        if wish is not None:
            return min(wish, self.longest_retry_after) + random.uniform(0, self.first_wait)
        if isinstance(error, InvalidOutput) and not isinstance(error, ProtocolMismatch):
            return 0.0
        return random.uniform(0, min(self.longest_wait, self.first_wait * 2 ** (calls - 1)))

    def outcome(self, error: ProviderError, *, calls: int) -> Failed | Deferred:
        """Decide what an attempt ends with when `error` is not retried any more.

        `calls` were made for the item in this round.
        """
        if isinstance(error, TransientError | AccountFault):
            wish = error.retry_after if isinstance(error, TransientError) else None
            seconds = min(self.longest_wait if wish is None else wish, self.longest_retry_after)
            return Deferred(code=error.code, retry_after=jittered(seconds), attempts=calls)
        return Failed(code=error.code, message=str(error), attempts=calls)


def jittered(seconds: float) -> float:
    """Add 0 to 50 % jitter so that deferred items do not retry at once."""
    return seconds * random.uniform(1.0, 1.5)
