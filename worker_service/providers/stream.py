"""An answer while it comes in, with the timers of its call.

A server that is silent, one that keeps its connection alive and one that drips are told apart: a
silence is bounded by what is waited for, the first token or the next one, and the call by its whole
length.
"""

import asyncio
from typing import Final

from worker_service.providers.dialect import Answer
from worker_service.providers.failures import FailureKind
from worker_service.providers.limits import ProviderLimits

_LINGER_SECONDS: Final = 1.0
"""How long the end of a body is waited for once the answer is whole, to keep its connection."""

_OPEN_LINGER_SECONDS: Final = 5.0
"""The same where the text has no end yet: there are servers that say `stop` with every part.

Also where no tokens are counted yet: routers may send the counts a while after the finish reason.
"""

_READ_PAUSE_SHARE: Final = 0.5
_READ_PAUSE_SECONDS: Final = 0.1
_LONG_READ_PAUSE_SHARE: Final = 0.025
_LONG_READ_PAUSE_SECONDS: Final = 0.25


class ResponseStream:
    """One answer of one call, and its timers; a `Watch` checks them."""

    def __init__(self, limits: ProviderLimits) -> None:
        self.answer = Answer()
        self.has_begun = False
        self._has_text = False
        self._limits = limits
        self._clock = asyncio.get_running_loop().time
        self._begun = self._heard = self._clock()
        self._call_ends = self._latest = self._begun + limits.call_seconds
        self._silence = limits.call_seconds
        self._timeout = asyncio.timeout(None)
        self._expired: FailureKind | None = None

    @property
    def timers(self) -> asyncio.Timeout:
        """The context to make the call in; `timed_out` classifies its TimeoutError."""
        return self._timeout

    def check_timers(self, now: float) -> None:
        """End the call if a timer has expired."""
        if self._expired is None and now >= min(self._call_ends, self._heard + self._silence):
            self._expired = self._timer(now)
            self._timeout.reschedule(self._clock())

    def _timer(self, now: float) -> FailureKind:
        if now >= self._call_ends:
            return FailureKind.CALL_TIMEOUT
        if self.answer.has_text:
            return FailureKind.NEXT_TOKEN_TIMEOUT
        return FailureKind.FIRST_TOKEN_TIMEOUT

    def timed_out(self) -> FailureKind:
        """Name the timer that has expired."""
        return self._expired or FailureKind.CALL_TIMEOUT

    def begin(self, provider_request_id: str | None) -> None:
        """Note that the provider answers."""
        self.has_begun = True
        self.hear()
        self.answer.provider_request_id = provider_request_id

    def expect_tokens(self) -> None:
        """Bound the silence before the first text of an answer that should come in pieces."""
        self._silence = min(self._limits.read_seconds, self._limits.first_token_seconds)

    def hear(self) -> None:
        """Note that something came, whatever it was: the server is alive."""
        self._heard = self._clock()

    def note_read(self, *, has_parts: bool) -> None:
        """Set the timers by what the answer has become; a part of it may have come."""
        answer = self.answer
        self._note_first_token()
        if has_parts and answer.is_whole:
            is_open = not (answer.has_ended or answer.looks_complete)
            is_counted = answer.tokens.output_tokens is not None
            linger = _OPEN_LINGER_SECONDS if is_open or not is_counted else _LINGER_SECONDS
            self._call_ends = min(self._latest, self._heard + linger)

    def _note_first_token(self) -> None:
        """Note when tokens begin, and bound the silence between them once they are text.

        A thought is a token, but a model that thinks may pause for as long as before its first.
        """
        if self.answer.first_token_seconds is None and self.answer.length:
            self.answer.first_token_seconds = round(self._heard - self._begun, 3)
        if not self._has_text and self.answer.has_text:
            self._has_text = True
            self._silence = min(self._limits.read_seconds, self._limits.next_token_seconds)

    @property
    def read_pause_seconds(self) -> float:
        """How long to let further events gather before the next read.

        A tenth of a second, which is several tokens at usual rates, or half of the call so far, so
        that the end of a short call is not seen much later for it. In a call of more than four
        seconds a fortieth of it, a quarter of a second at most. Nothing once the answer is whole.
        """
        if self.answer.is_whole:
            return 0.0
        so_far = self._heard - self._begun
        pause = min(so_far * _READ_PAUSE_SHARE, _READ_PAUSE_SECONDS)
        return max(pause, min(so_far * _LONG_READ_PAUSE_SHARE, _LONG_READ_PAUSE_SECONDS))
