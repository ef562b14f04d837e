"""uvicorn's HTTP/1.1 with a bound on the head, a timer for slow requests, and problem answers.

uvicorn has options for neither with its fast parser, so this subclass listens to the parser's
callbacks. Half-closed connections and upgrades to HTTP/2 are left to the reverse proxy that stands
in front of a public service; a WebSocket passes to uvicorn where `ws` is configured.
"""

import re
import sys
from asyncio import TimerHandle
from typing import Any

from httptools import HttpParserInvalidMethodError
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.http.error_responses import (
    DRAIN_SECONDS,
    DRAINING,
    HEAD_TOO_LARGE,
    HOST_WRONG,
    LATE,
    MALFORMED,
    MAX_HEAD_BYTES,
    METHOD_UNKNOWN,
    REQUEST_SECONDS,
    UPGRADE_WITH_BODY,
    Refusal,
)
from shared.http.host import is_host
from shared.runtime.logging import get_log

log = get_log()


_METHOD = re.compile(rb"\s*[!#$%&'*+.^_`|~0-9A-Za-z-]+ ")


class Protocol(HttpToolsProtocol):
    """Serve whole requests; refuse what is malformed, too large or late, and close.

    A refusal never stands where the response to an earlier request is due.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._is_open = False
        """Whether a request has begun whose end has not come."""
        self._is_in_head = False
        self._chunk = b""
        self._head_chunks_bytes = 0
        """The chunks of a head, with what stands before it in the first one."""
        self._kept_bytes = 0
        """What the parser may keep of a head or of trailers: the chunks behind the first one."""
        self._deadline: TimerHandle | None = None
        self._is_refused = False
        self._refusal = MALFORMED

    def data_received(self, data: bytes) -> None:
        """Parse a chunk; start the timer where a request ends in a later one.

        What follows a refusal is dropped.
        """
        if self._is_refused:
            return
        self._chunk = data
        self._head_chunks_bytes += len(data)
        self._kept_bytes += len(data)
        super().data_received(data)
        if not self._is_open or self._is_refused:
            return
        if self._kept_bytes > MAX_HEAD_BYTES:
            self._refuse(HEAD_TOO_LARGE)
        elif self._deadline is None:
            self._deadline = self.loop.call_later(REQUEST_SECONDS, self._refuse, LATE)

    def on_message_begin(self) -> None:
        """Begin to count a head."""
        super().on_message_begin()
        self._is_open = self._is_in_head = True
        self._head_chunks_bytes, self._kept_bytes = len(self._chunk), 0

    def on_headers_complete(self) -> None:
        """Begin the request, unless its head is too large."""
        if self._head_chunks_bytes > MAX_HEAD_BYTES < self._head_bytes():
            self._refusal = HEAD_TOO_LARGE
            raise ValueError  # the parser stops, and `send_400_response` refuses
        if self.parser.should_upgrade() and self._has_body():
            self._refusal = UPGRADE_WITH_BODY
            raise ValueError  # the parser would pass over the body
        if not self._names_its_host():
            self._refusal = HOST_WRONG
            raise ValueError
        if self.parser.get_method() == b"CONNECT":
            raise ValueError  # the parser would take what follows for a tunnel
        super().on_headers_complete()
        self._is_in_head = False
        if not self.parser.should_upgrade():
            self.headers = []  # or trailers would join the headers that the application reads
        elif self.cycle is not None and self.cycle.scope is self.scope:
            self.cycle.keep_alive = False  # no WebSocket: the parser drops the rest of the chunk

    def on_body(self, body: bytes) -> None:
        """Hand on a part of a body, of which the parser keeps nothing."""
        super().on_body(body)
        self._kept_bytes = 0

    def on_message_complete(self) -> None:
        """Note the end of a request."""
        self._is_open = False
        self._stop_timer()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - ours says more
        """Refuse what the parser has stopped at; it is called while that exception is handled."""
        is_unknown = isinstance(sys.exception(), HttpParserInvalidMethodError)
        is_request = is_unknown and _METHOD.match(self._chunk)
        self._refuse(METHOD_UNKNOWN if is_request else self._refusal)

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

    def _names_its_host(self) -> bool:
        hosts = [value for name, value in self.headers if name == b"host"]
        if not hosts:
            return bool(self.parser.get_http_version() == "1.0")
        return len(hosts) == 1 and is_host(hosts[0])

    def _has_body(self) -> bool:
        return any(
            name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
            for name, value in self.headers
        )

    def _refuse(self, refusal: Refusal) -> None:
        """Answer and close; before a response that is due, close after it instead."""
        if self._is_refused or self.transport.is_closing():
            return
        self._is_refused = True
        cycle, is_in_body = self.cycle, self._is_open and not self._is_in_head
        if not is_in_body and cycle is not None and not cycle.response_complete:
            cycle.keep_alive = False
            return
        is_cut_off = is_in_body and (cycle.response_started or self.pipeline)
        if not is_cut_off:
            log.info("request_refused", status=refusal.status, code=refusal.code)
            self.transport.write(refusal.answer)
        self.transport.close()
