"""One exchange with a model server over HTTP: streamed, bounded and classified."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

import httpx

from worker_service.providers import Completion, ProviderError, Spent
from worker_service.providers.codings import Oversized
from worker_service.providers.connection import Connection, observed_connection
from worker_service.providers.dialect import Dialect, Faulted, Unreadable
from worker_service.providers.event_reader import EventReader
from worker_service.providers.events import parser_for
from worker_service.providers.failures import FailureKind, error_of
from worker_service.providers.fault import Fault, fault_of
from worker_service.providers.fault_words import classify, named_kind
from worker_service.providers.forms import FormRefused
from worker_service.providers.limits import ProviderLimits
from worker_service.providers.negotiation import step_down
from worker_service.providers.pieces import name_of
from worker_service.providers.request_form import RequestForm, ResponseMode
from worker_service.providers.retry_after import retry_after
from worker_service.providers.stream import ResponseStream
from worker_service.providers.ticks import Ticks
from worker_service.providers.transport import (
    MOST_ERROR_BYTES,
    TRANSPORT_ERRORS,
    Client,
    classify_transport_error,
    decoder_of,
    error_body,
    is_lost_connection,
)
from worker_service.providers.watch import Watch

_IDS: Final = ("x-generation-id", "x-request-id", "request-id")
_MUCH: Final = 8_192
"""After a read of so many bytes more may be waiting already."""

_CLOSED_WITHIN_SECONDS: Final = 1.0
"""How soon a kept connection is lost that the server had closed as idle; later it was at work."""


class ConnectionWasClosed(Exception):
    """The server had closed a kept connection as idle; `error` is the same as a failed call."""

    def __init__(self, error: ProviderError) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What the exchanges with one server share; `redact` takes out what no error may repeat."""

    dialect: Dialect
    limits: ProviderLimits
    client: Client
    redact: Callable[[str], str] = field(repr=False)
    watch: Watch = field(default_factory=Watch)
    ticks: Ticks = field(default_factory=Ticks)


class Exchange:
    """One request in one form, and its answer."""

    def __init__(self, line: Line, form: RequestForm, *, traceparent: str | None = None) -> None:
        self._line = line
        self._form = form
        self._headers = {"traceparent": traceparent} if traceparent is not None else {}
        self._stream = ResponseStream(line.limits)
        self._answer = self._stream.answer
        self._reader = EventReader(line.dialect, self._answer)
        self._clock = asyncio.get_running_loop().time
        self._begun = self._clock()

    async def completion(self, body: object, spent: Spent) -> Completion:
        """Ask, and note what that has cost, however it ends.

        Raises:
            FormRefused: the server does not answer a call of this form.
            ConnectionWasClosed: the request may not have reached the server.
            ProviderError: for any other reason there is no answer.
        """
        try:
            await self._make(body)
        finally:
            self._answer.note_cost(spent)
        if self._answer.mismatch:
            is_json = self._answer.has_json
            raise self._unfinished(FailureKind.UNREADABLE if is_json else FailureKind.NO_PROTOCOL)
        if not self._answer.is_whole:
            if not self._answer.looks_complete:
                raise self._unfinished(FailureKind.CONNECTION_LOST)
            self._answer.finish("stop")  # it ended in order, and a server may say nothing of it
        return self._answer.completion()

    async def _make(self, body: object) -> None:
        with observed_connection() as connection:
            try:
                async with self._stream.timers:
                    with self._line.watch.watching(self._stream):
                        await self._talk(body, connection)
            except (TimeoutError, *TRANSPORT_ERRORS, Oversized, Unreadable, Faulted) as error:
                if self._was_closed(error, connection):
                    lost = self._error(FailureKind.CONNECTION_LOST, detail=str(error))
                    raise ConnectionWasClosed(lost) from error
                if not self._answer.is_whole:
                    raise self._classified(error) from error

    async def _talk(self, body: object, connection: Connection) -> None:
        stream, line = self._stream, self._line
        if self._form.response is not ResponseMode.WHOLE:
            stream.expect_tokens()
        path = line.dialect.path
        async with line.client.post(path, body, headers=self._headers) as response:
            stream.begin(_request_id(response))
            self._answer.headers = response.headers
            try:
                if not response.is_success:
                    decoder = decoder_of(response, limit=MOST_ERROR_BYTES)
                    body = await error_body(connection, decoder)
                    raise self._read_error(response.status_code, body)
                await self._read(response, connection)
            finally:
                self._answer.received_bytes = connection.received_bytes

    async def _read(self, response: httpx.Response, connection: Connection) -> None:
        stream, line = self._stream, self._line
        parser = parser_for(response.headers.get("content-type", ""))
        decoder = decoder_of(response, limit=line.limits.answer_bytes)
        while came := await connection.read():
            stream.hear()
            self._take(parser.feed(decoder.feed(came)))
            if len(came) < _MUCH and (pause := stream.read_pause_seconds):
                connection.pause_reading(pause, line.ticks)
        self._take(parser.feed(decoder.end()))
        self._take(parser.end())

    def _take(self, events: list[bytes]) -> None:
        if events:
            self._stream.note_read(has_parts=self._reader.read(events))

    def _was_closed(self, error: Exception, connection: Connection) -> bool:
        """Whether the call went to a kept connection, and ended at once and without an answer.

        Servers close idle connections whenever they like, also in that moment; to send such a call
        again is what RFC 9112, section 9.3.1, allows where a repetition does no harm.
        """
        is_early = self._clock() - self._begun <= _CLOSED_WITHIN_SECONDS
        has_hope = is_early and not (connection.is_new or self._stream.has_begun)
        return has_hope and is_lost_connection(error)

    def _classified(self, error: Exception) -> ProviderError | FormRefused:
        match error:
            case TimeoutError():
                return self._error(self._stream.timed_out())
            case Oversized():
                return self._error(FailureKind.OVERSIZED)
            case Unreadable():
                return self._error(FailureKind.UNREADABLE, detail=str(error))
            case Faulted():
                return self._read_error(HTTPStatus.OK, error.body)
            case _ if kind := classify_transport_error(error):
                return self._error(kind, detail=str(error))
            case _:
                raise error

    def _unfinished(self, kind: FailureKind) -> ProviderError | FormRefused:
        """Make the error of an answer without an end; a text in place of a part may say why."""
        fault = fault_of(HTTPStatus.OK, self._answer.skipped, redact=self._line.redact)
        is_refusal = step_down(self._form, fault, ladder=self._line.dialect.ladder) is not None
        if fault.status or is_refusal or named_kind(fault):
            return self._error_of(fault)
        return self._error(kind, detail=fault.shown)

    def _read_error(self, status: int, body: object) -> ProviderError | FormRefused:
        return self._error_of(fault_of(status, body, redact=self._line.redact))

    def _error_of(self, fault: Fault) -> ProviderError | FormRefused:
        """Make the error of a fault; the wait that its headers ask for goes before its own."""
        headers, ladder = self._answer.headers, self._line.dialect.ladder
        wait = retry_after(headers, now=datetime.now(UTC))
        fault = replace(fault, wait=fault.wait if wait is None else wait)
        kind = classify(fault)
        elsewhere = headers.get("location", "")
        detail = elsewhere if kind is FailureKind.REDIRECTED else fault.shown
        error = self._error(kind, detail=detail, wait=fault.wait)
        if self._answer.length or step_down(ladder.first(), fault, ladder=ladder) is None:
            return error
        step = step_down(self._form, fault, ladder=ladder)
        return FormRefused(step, error=error, reason=fault.shown)

    def _error(
        self, kind: FailureKind, *, detail: str = "", wait: float | None = None
    ) -> ProviderError:
        return error_of(kind, self._line.redact(detail), retry_after=wait)


def _request_id(response: httpx.Response) -> str | None:
    return next((id_ for name in _IDS if (id_ := name_of(response.headers.get(name)))), None)
