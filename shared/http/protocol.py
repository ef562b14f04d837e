"""HTTP/1.1 with bounds to what a client may send, and to how long it may take.

Whatever ends a connection early, requests that came whole before it are answered first.
"""

from asyncio import TimerHandle
from collections import deque
from typing import Any

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from shared.http.error_responses import (
    DRAIN_SECONDS,
    DRAINING,
    HEAD_TOO_LARGE,
    LATE,
    MAX_HEAD_BYTES,
    NO_HTTP,
    REQUEST_SECONDS,
)

_DROPPED: deque[object] = deque(maxlen=0)


class HeadTooLarge(Exception):
    """The target and the headers of a request are over `MAX_HEAD_BYTES`."""


class Protocol(HttpToolsProtocol):
    """Answer what is whole; refuse with a problem what is broken, too large or late, and close."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._running: RequestResponseCycle | None = None
        self._chunk_bytes = 0
        self._late: TimerHandle | None = None
        self._late_scope: Any = None
        self._late_head_bytes = 0

    def data_received(self, data: bytes) -> None:
        """Read on; watch the clock only where a request ends in a later chunk."""
        self._unset_keepalive_if_required()
        self._chunk_bytes = len(data)
        unread: list[bytes | memoryview] = [data]
        while unread:
            chunk = unread.pop()
            try:
                self.parser.feed_data(chunk)
            except httptools.HttpParserUpgrade as seen:
                if not self._should_upgrade():
                    self._refuse(NO_HTTP)
                    return
                unread += [memoryview(chunk)[seen.args[0] :], self._head_without_upgrade()]
            except httptools.HttpParserError as error:
                is_too_large = isinstance(error.__context__, HeadTooLarge)
                self._refuse(HEAD_TOO_LARGE if is_too_large else NO_HTTP)
                return
        if not self._is_whole():
            self._await_the_rest()
        elif self._late is not None:
            self._stop_waiting()

    def on_headers_complete(self) -> None:
        """Begin the request, unless its head is too large."""
        can_be_large = self._chunk_bytes > MAX_HEAD_BYTES or self.scope is self._late_scope
        if can_be_large and self._head_bytes() > MAX_HEAD_BYTES:
            raise HeadTooLarge
        super().on_headers_complete()
        if self._is_in_head():  # it is read again, without its `Upgrade`
            return
        self.headers = _DROPPED  # type: ignore[assignment]  # trailers are dropped

    def on_message_complete(self) -> None:
        """Note the end of a request, also of one that is answered already."""
        if self.parser.should_upgrade() and self._should_upgrade():
            return
        self.cycle.more_body = False
        self.cycle.message_event.set()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Keep the way back open for what the client, which sends no more, still waits for."""
        if self._close_after_what_is_whole():
            return True
        if not self._is_whole():
            self._refuse(NO_HTTP)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Let every request end without an answer, not the last one alone."""
        self._stop_waiting()
        for cycle in self._unanswered():
            cycle.disconnected = True
            cycle.message_event.set()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Close as soon as what has begun is answered; do not wait long for its end to come."""
        super().shutdown()
        if not self._is_whole():
            self._wait(DRAIN_SECONDS, refusal=DRAINING)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _should_upgrade(self) -> bool:
        """Tell whether the parser passes over a body because of an `Upgrade`."""
        return bool(self.scope["method"] != "CONNECT")

    def _head_without_upgrade(self) -> bytes:
        """Return the head to read it again: RFC 9110 section 7.8 lets a server ignore `Upgrade`."""
        version = self.parser.get_http_version().encode()
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        first = self.scope["method"].encode() + b" " + self.url + b" HTTP/" + version
        kept = [name + b": " + value for name, value in self.headers if name != b"upgrade"]
        return b"\r\n".join((first, *kept, b"", b""))

    def _is_whole(self) -> bool:
        """Tell whether the last request that began came to its end; so it is if none began."""
        last_begun = None if self.cycle is None else self.cycle.scope
        return last_begun is self.scope and (self.cycle is None or not self.cycle.more_body)

    def _is_in_head(self) -> bool:
        return self.cycle is None or self.cycle.scope is not self.scope

    def _head_bytes(self) -> int:
        separators = len(b": \r\n")
        return len(self.url) + sum(
            len(name) + len(value) + separators for name, value in self.headers
        )

    def _await_the_rest(self) -> None:
        if self.scope is not self._late_scope:
            self._late_scope, self._late_head_bytes = self.scope, 0
            self._wait(REQUEST_SECONDS, refusal=LATE)
        elif self._is_in_head():
            # The parser keeps a header to itself until it is whole.
            self._late_head_bytes += self._chunk_bytes
            if self._late_head_bytes > MAX_HEAD_BYTES:
                self._refuse(HEAD_TOO_LARGE)

    def _wait(self, seconds: float, *, refusal: bytes) -> None:
        if self._late is not None:
            self._late.cancel()
        self._late = self.loop.call_later(seconds, self._refuse, refusal)

    def _stop_waiting(self) -> None:
        if self._late is not None:
            self._late.cancel()
        self._late = self._late_scope = None

    def _refuse(self, answer: bytes) -> None:
        """Close, with this answer if none that is due stands before it."""
        if self.transport.is_closing() or self._close_after_what_is_whole():
            return
        is_answered = (
            not self._is_whole() and not self._is_in_head() and self.cycle.response_started
        )
        if not is_answered:
            self.transport.write(answer)
        self.transport.close()

    def _close_after_what_is_whole(self) -> bool:
        """Close after the last answer to a request that came whole; drop what follows it."""
        whole = [cycle for cycle in self._unanswered() if not cycle.more_body]
        if whole:
            whole[-1].keep_alive = False
        return bool(whole)

    def _unanswered(self) -> list[RequestResponseCycle]:
        """Return the requests that have begun and have no answer yet, the oldest first."""
        queued = [cycle for cycle, _ in reversed(self.pipeline)]
        begun = queued if self._running is None else [self._running, *queued]
        return [cycle for cycle in begun if not cycle.response_complete]
