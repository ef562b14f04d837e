"""uvicorn's HTTP/1.1 with a bound on the head, a timer for slow requests, and problem answers.

uvicorn has options for neither with its fast parser, so this subclass listens to the parser's
callbacks. What a client may do beyond that (pipelining into garbage, half-closing, upgrading to
HTTP/2) is the reverse proxy's to sort out, which stands in front of a public service.
"""

from asyncio import TimerHandle
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.http.error_responses import (
    DRAIN_SECONDS,
    DRAINING,
    HEAD_TOO_LARGE,
    LATE,
    MALFORMED,
    MAX_HEAD_BYTES,
    REQUEST_SECONDS,
    UPGRADE_WITH_BODY,
)


class Protocol(HttpToolsProtocol):
    """Serve whole requests; refuse what is malformed, too large or late, and close."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._is_open = False
        """Whether a request has begun whose end has not come."""
        self._is_in_head = False
        self._chunk_bytes = 0
        self._head_chunks_bytes = 0
        """The chunks of a head, with what stands before it in the first one."""
        self._later_bytes = 0
        """The chunks of a head without the first one."""
        self._deadline: TimerHandle | None = None
        self._refusal = MALFORMED

    def data_received(self, data: bytes) -> None:
        """Parse a chunk; start the timer where a request ends in a later one."""
        self._chunk_bytes = len(data)
        if self._is_in_head:
            self._head_chunks_bytes += len(data)
            self._later_bytes += len(data)
        super().data_received(data)
        if not self._is_open:
            self._stop_timer()
        elif self._is_in_head and self._later_bytes > MAX_HEAD_BYTES:
            self._refuse(HEAD_TOO_LARGE)
        elif self._deadline is None and not self.transport.is_closing():
            self._deadline = self.loop.call_later(REQUEST_SECONDS, self._refuse, LATE)

    def on_message_begin(self) -> None:
        """Begin to count a head."""
        super().on_message_begin()
        self._is_open = self._is_in_head = True
        self._head_chunks_bytes, self._later_bytes = self._chunk_bytes, 0

    def on_headers_complete(self) -> None:
        """Begin the request, unless its head is too large."""
        if self._head_chunks_bytes > MAX_HEAD_BYTES < self._head_bytes():
            self._refusal = HEAD_TOO_LARGE
            raise ValueError  # the parser stops, and `send_400_response` refuses
        if self.parser.should_upgrade() and self._has_body():
            self._refusal = UPGRADE_WITH_BODY
            raise ValueError  # the parser would pass over the body
        if self.parser.get_method() == b"CONNECT":
            raise ValueError  # the parser would take what follows for a tunnel
        super().on_headers_complete()
        self._is_in_head = False
        self.headers = []  # trailers would be headers else, while the application reads them

    def on_message_complete(self) -> None:
        """Note the end of a request."""
        self._is_open = False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - ours says more
        """Refuse what the parser has stopped at."""
        self._refuse(self._refusal)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer with the connection."""
        self._stop_timer()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Close when what has begun is answered; do not wait long for the rest of a request."""
        super().shutdown()
        if self._is_open and not self.transport.is_closing():
            self._stop_timer()
            self._deadline = self.loop.call_later(DRAIN_SECONDS, self._refuse, DRAINING)

    def _stop_timer(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _head_bytes(self) -> int:
        separators = len(b": \r\n")
        return len(self.url) + sum(
            len(name) + len(value) + separators for name, value in self.headers
        )

    def _has_body(self) -> bool:
        return any(
            name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
            for name, value in self.headers
        )

    def _refuse(self, answer: bytes) -> None:
        """Close, with this answer unless another one has begun."""
        self._is_open = False
        if self.transport.is_closing():
            return
        cycle = self.cycle
        is_answering = cycle is not None and cycle.response_started
        if not is_answering or (self._is_in_head and cycle.response_complete):
            self.transport.write(answer)
        self.transport.close()
