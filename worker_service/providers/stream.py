"""An answer while it comes in, with a timer for the first token, the next one and the whole.

The timers bound what the transport's own cannot: a server that keeps its connection alive with
comments, or that drips.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from worker_service.providers.dialect import Answer, Dialect
from worker_service.providers.failures import FailureKind
from worker_service.providers.limits import ProviderLimits
from worker_service.providers.pieces import Json

_LINGER_SECONDS: Final = 1.0
"""How long the end of a body is waited for once the answer is whole, to keep its connection."""


class ResponseStream:
    """One answer of one call, and its timers."""

    def __init__(self, limits: ProviderLimits) -> None:
        self.answer = Answer()
        self._has_connected = self._has_begun = False
        self._limits = limits
        self._clock = asyncio.get_running_loop().time
        self._begun = self._clock()
        self._whole = asyncio.timeout(limits.call_seconds)
        self._token = asyncio.timeout(None)

    @asynccontextmanager
    async def timed(self) -> AsyncIterator[None]:
        """Run the call inside; `timed_out` classifies its TimeoutError."""
        async with self._whole, self._token:
            yield

    async def trace(self, event: str, _: object) -> None:
        """Learn from the transport whether a connection was made for this call."""
        if event.startswith("connection.connect"):
            self._has_connected = True

    def begin(self, provider_request_id: str | None) -> None:
        """Note that the provider answers."""
        self._has_begun = True
        self.answer.provider_request_id = provider_request_id

    @property
    def met_a_closed_connection(self) -> bool:
        """Whether the call went to a kept connection, and no byte came back.

        Servers close idle connections whenever they like, also in that moment; to send such a call
        again is what RFC 9112, section 9.3.1, allows where a repetition does no harm.
        """
        return not (self._has_connected or self._has_begun)

    def expect_tokens(self) -> None:
        """Begin to wait for the first token, for an answer that should come in pieces."""
        self._token.reschedule(self._clock() + self._limits.first_token_seconds)

    def take(self, part: Json | None, dialect: Dialect) -> None:
        """Add a part to the answer; None is its explicit end.

        Raises:
            Unreadable: the part is none of the dialect.
            Faulted: the part says what went wrong.
        """
        length = self.answer.length
        if part is None:
            self.answer.finish("stop")
        else:
            dialect.read(part, self.answer)
        if self.answer.is_whole:
            self._token.reschedule(self._clock() + _LINGER_SECONDS)
        elif self.answer.length > length:
            self._note_token()

    def _note_token(self) -> None:
        now = self._clock()
        if self.answer.first_token_seconds is None:
            self.answer.first_token_seconds = round(now - self._begun, 3)
        self._token.reschedule(now + self._limits.next_token_seconds)

    def timed_out(self) -> FailureKind:
        """Name the timer that has expired."""
        if self._whole.expired():
            return FailureKind.CALL_TIMEOUT
        return (
            FailureKind.NEXT_TOKEN_TIMEOUT
            if self.answer.length
            else FailureKind.FIRST_TOKEN_TIMEOUT
        )
