"""A model server as a provider: one call over HTTP, streamed, bounded and classified."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

import httpx

from shared.runtime.logging import get_log
from worker_service.providers import Call, Completion, ProviderError
from worker_service.providers.codings import Oversized
from worker_service.providers.connection import Connection, observed_connection
from worker_service.providers.dialect import Answer, Dialect, Faulted, Unreadable
from worker_service.providers.events import parser_for
from worker_service.providers.failures import FailureKind, error_of
from worker_service.providers.fault import Fault, fault_of
from worker_service.providers.fault_words import classify, named_kind
from worker_service.providers.limits import ProviderLimits
from worker_service.providers.negotiation import Step, step_down
from worker_service.providers.pieces import Json, name_of
from worker_service.providers.request_form import RequestForm, ResponseMode
from worker_service.providers.retry_after import retry_after
from worker_service.providers.secrets import Redactor
from worker_service.providers.stream import ResponseStream
from worker_service.providers.transport import (
    TRANSPORT_ERRORS,
    classify_transport_error,
    error_body,
    is_lost_connection,
    open_client,
    parts_of,
    pieces,
)
from worker_service.providers.watch import Watch

log = get_log()

_IDS: Final = ("x-generation-id", "x-request-id", "request-id")
_MUCH: Final = 8_192
"""After a read of so many bytes more may be waiting already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """The address of a server, our credential there, and the model of requests that name none.

    `headers` are sent along; they may hold secrets too.
    """

    base_url: str
    credential: str | None = field(default=None, repr=False)
    model: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class _FormRefused(Exception):
    """The server does not answer a call of this form."""

    def __init__(self, step: Step, reason: str) -> None:
        super().__init__(reason)
        self.step = step


class _ConnectionWasClosed(Exception):
    """The server had closed a kept connection as idle."""


class Server:
    """A provider behind HTTP; its connections are its own, and bounded.

    Closing a stream ends the generation at the server, so a call that is cancelled, late or
    stalled costs nothing more.
    """

    def __init__(
        self,
        name: str,
        dialect: Dialect,
        *,
        address: Address,
        limits: ProviderLimits,
        connections: int,
    ) -> None:
        self.name = name
        self.credential = _digest(address.credential)
        self._dialect = dialect
        self._address = address
        self._limits = limits
        self._forms: dict[str, RequestForm] = {}
        self._watch = Watch()
        self._redact = Redactor(
            base_url=address.base_url,
            values=(address.credential or "", *address.headers.values()),
        )
        self._client = open_client(
            address.base_url,
            headers={**dialect.headers(address.credential), **address.headers},
            limits=limits,
            connections=connections,
        )

    async def complete(self, call: Call) -> Completion:
        """Make one call, in the first form of the dialect that the server does not refuse.

        A form that is refused is given up for the model until the worker ends, once the server has
        taken another: a server that refuses every one has refused something else.
        """
        model = call.model or self._address.model
        if model is None:
            raise error_of(FailureKind.NO_MODEL)
        form = self._forms.get(model) or self._dialect.ladder.first()
        refused: list[_FormRefused] = []
        while True:
            try:
                completion = await self._ask(call, model, form)
            except _FormRefused as refusal:
                form = refusal.step.form
                refused.append(refusal)
            except _ConnectionWasClosed:
                continue  # on the next one that was kept, and at last on a new one
            else:
                self._remember(model, form, refused)
                return completion

    def _remember(self, model: str, form: RequestForm, refused: Sequence[_FormRefused]) -> None:
        """Begin with this form from now on; each refusal is logged once."""
        if self._forms.get(model) == form:
            return
        self._forms[model] = form
        for refusal in refused:
            log.warning(
                "provider_form_refused",
                provider=self.name,
                model=model,
                refused=refusal.step.refused,
                instead=refusal.step.instead,
                reason=str(refusal),
            )

    async def close(self) -> None:
        """Close the idle connections."""
        await self._client.aclose()

    async def _ask(self, call: Call, model: str, form: RequestForm) -> Completion:
        stream = ResponseStream(self._limits)
        answer = stream.answer
        body = self._dialect.body(call, model=model, form=form)
        with observed_connection() as connection:
            try:
                async with stream.timers:
                    with self._watch.watching(stream):
                        await self._exchange(body, form, stream, connection)
            except (TimeoutError, *TRANSPORT_ERRORS, Oversized, Unreadable, Faulted) as error:
                if _was_closed(error, stream, connection):
                    raise _ConnectionWasClosed from error
                if not answer.is_whole:
                    raise self._classified(error, stream, form) from error
        if answer.mismatch:
            raise self._unfinished(FailureKind.UNREADABLE, answer.mismatch, form, answer)
        if not answer.is_whole:
            raise self._unfinished(FailureKind.CONNECTION_LOST, answer.skipped, form, answer)
        return answer.completion()

    async def _exchange(
        self, body: object, form: RequestForm, stream: ResponseStream, connection: Connection
    ) -> None:
        if form.response is not ResponseMode.WHOLE:
            stream.expect_tokens()
        async with self._client.stream("POST", self._dialect.path, json=body) as response:
            stream.begin(_request_id(response))
            stream.answer.headers = response.headers
            if not response.is_success:
                raise await self._refusal(response, form, stream.answer)
            try:
                await self._read(response, stream, connection)
            finally:
                stream.answer.received_bytes = response.num_bytes_downloaded

    async def _read(
        self, response: httpx.Response, stream: ResponseStream, connection: Connection
    ) -> None:
        parser = parser_for(response.headers.get("content-type", ""))
        async with aclosing(pieces(response, limit=self._limits.answer_bytes)) as came:
            async for piece in came:
                stream.hear()
                self._take(parser.feed(piece), stream)
                if len(piece) < _MUCH and (pause := stream.read_pause_seconds):
                    await connection.pause_reading(pause)
        self._take(parser.end(), stream)

    def _take(self, events: list[bytes], stream: ResponseStream) -> None:
        stream.take(_readable(events, stream.answer), self._dialect)

    async def _refusal(
        self, response: httpx.Response, form: RequestForm, answer: Answer
    ) -> ProviderError | _FormRefused:
        body = await error_body(response)
        answer.received_bytes = response.num_bytes_downloaded
        return self._error_of(
            fault_of(response.status_code, body, redact=self._redact), form, answer
        )

    def _unfinished(
        self, kind: FailureKind, skipped: str | None, form: RequestForm, answer: Answer
    ) -> ProviderError | _FormRefused:
        """Make the error of an answer without an end; a text in place of a part may say why."""
        fault = fault_of(HTTPStatus.OK, skipped, redact=self._redact)
        if fault.status or named_kind(fault) or step_down(form, fault, ladder=self._dialect.ladder):
            return self._error_of(fault, form, answer)
        return self._error(kind, answer, detail=fault.shown)

    def _error_of(
        self, fault: Fault, form: RequestForm, answer: Answer
    ) -> ProviderError | _FormRefused:
        """Make the error of a fault; the wait that its headers ask for goes before its own."""
        step = step_down(form, fault, ladder=self._dialect.ladder)
        if step is not None and not answer.length:
            return _FormRefused(step, fault.shown)
        wait = retry_after(answer.headers, now=datetime.now(UTC))
        fault = replace(fault, wait=fault.wait if wait is None else wait)
        kind = classify(fault)
        elsewhere = answer.headers.get("location", "")
        detail = elsewhere if kind is FailureKind.REDIRECTED else fault.shown
        return self._error(kind, answer, detail=detail, wait=fault.wait)

    def _classified(
        self, error: Exception, stream: ResponseStream, form: RequestForm
    ) -> ProviderError | _FormRefused:
        answer = stream.answer
        match error:
            case TimeoutError():
                return self._error(stream.timed_out(), answer)
            case Oversized():
                return self._error(FailureKind.OVERSIZED, answer)
            case Unreadable():
                return self._error(FailureKind.UNREADABLE, answer, detail=str(error))
            case Faulted():
                fault = fault_of(HTTPStatus.OK, error.body, redact=self._redact)
                return self._error_of(fault, form, answer)
            case _ if kind := classify_transport_error(error):
                return self._error(kind, answer, detail=str(error))
            case _:
                raise error

    def _error(
        self, kind: FailureKind, answer: Answer, *, detail: str = "", wait: float | None = None
    ) -> ProviderError:
        """Make the error of a kind, with what is known of the call."""
        error = error_of(kind, self._redact(detail), retry_after=wait)
        error.provider_request_id = answer.provider_request_id
        error.received_bytes, error.tokens = answer.received_bytes, answer.tokens_so_far
        return error


def _was_closed(error: Exception, stream: ResponseStream, connection: Connection) -> bool:
    """Whether the call went to a kept connection, and no answer came back.

    Servers close idle connections whenever they like, also in that moment; to send such a call
    again is what RFC 9112, section 9.3.1, allows where a repetition does no harm.
    """
    return is_lost_connection(error) and not (connection.is_new or stream.has_begun)


def _readable(events: Iterable[bytes], answer: Answer) -> Iterator[Json | None]:
    """Read events; one that cannot be read costs itself alone."""
    for event in events:
        try:
            yield from parts_of(event)
        except Unreadable as odd:
            answer.skip(str(odd))


def _request_id(response: httpx.Response) -> str | None:
    return next((id_ for name in _IDS if (id_ := name_of(response.headers.get(name)))), None)


def _digest(credential: str | None) -> str:
    return hashlib.sha256(credential.encode()).hexdigest()[:12] if credential else ""
