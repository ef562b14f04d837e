"""A model server as a provider: one call over HTTP, streamed, bounded and classified."""

import hashlib
import re
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

import httpx

from worker_service.providers import Call, Completion, ProviderError
from worker_service.providers.connection import Connection, observed_connection
from worker_service.providers.dialect import (
    Answer,
    Dialect,
    Faulted,
    ResponseMode,
    Unreadable,
    name_of,
)
from worker_service.providers.events import parser_for
from worker_service.providers.failures import FailureKind, Fault, classify, error_of, fault_of
from worker_service.providers.limits import ProviderLimits
from worker_service.providers.retry_after import retry_after
from worker_service.providers.stream import ResponseStream
from worker_service.providers.transport import (
    TRANSPORT_ERRORS,
    Oversized,
    classify_transport_error,
    error_body,
    is_lost_connection,
    open_client,
    part_of,
    pieces,
)
from worker_service.providers.watch import Watch

_MAY_REFUSE_STREAMS: Final = frozenset({400, 405, 406, 415, 422, 501})
_STREAM: Final = re.compile(r"\bstream(ing|ed|_options)?\b", re.IGNORECASE)
_IDS: Final = ("x-generation-id", "x-request-id")
_INSTEAD_OF_SECRETS: Final = "[secret]"
_MUCH: Final = 8_192
"""After a read of so many bytes more may be waiting already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """The address of a server, our credential there, and the model of requests that name none."""

    base_url: str
    credential: str | None = field(default=None, repr=False)
    model: str | None = None


class _ModeRefused(Exception):
    """The server does not answer in this mode."""


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
        self._modes_refused: dict[str, int] = {}
        self._watch = Watch()
        self._client = open_client(
            address.base_url,
            credential=address.credential,
            limits=limits,
            connections=connections,
        )

    async def complete(self, call: Call) -> Completion:
        """Make one call, in the first mode of the dialect that the server does not refuse."""
        model = call.model or self._address.model
        if model is None:
            raise error_of(FailureKind.NO_MODEL)
        while True:
            refused = self._modes_refused.get(model, 0)
            try:
                return await self._ask(call, model, self._dialect.modes[refused])
            except _ModeRefused:
                self._modes_refused[model] = refused + 1
            except _ConnectionWasClosed:
                continue  # on the next one that was kept, and at last on a new one

    async def close(self) -> None:
        """Close the idle connections."""
        await self._client.aclose()

    async def _ask(self, call: Call, model: str, mode: ResponseMode) -> Completion:
        stream = ResponseStream(self._limits)
        answer = stream.answer
        body = self._dialect.body(call, model=model, mode=mode)
        with observed_connection() as connection:
            try:
                async with stream.timers:
                    with self._watch.watching(stream):
                        await self._exchange(body, mode, stream, connection)
            except (TimeoutError, *TRANSPORT_ERRORS, Oversized, Unreadable, Faulted) as error:
                if _was_closed(error, stream, connection):
                    raise _ConnectionWasClosed from error
                if not answer.is_whole:
                    raise self._classified(error, stream) from error
        if not answer.is_whole:
            raise self._error(FailureKind.CONNECTION_LOST, answer)
        return answer.completion()

    async def _exchange(
        self, body: object, mode: ResponseMode, stream: ResponseStream, connection: Connection
    ) -> None:
        if mode is not ResponseMode.WHOLE:
            stream.expect_tokens()
        async with self._client.stream("POST", self._dialect.path, json=body) as response:
            stream.begin(_request_id(response))
            if response.status_code != HTTPStatus.OK:
                raise await self._refusal(response, mode, stream.answer)
            await self._read(response, stream, connection)

    async def _read(
        self, response: httpx.Response, stream: ResponseStream, connection: Connection
    ) -> None:
        parser = parser_for(response.headers.get("content-type", ""))
        async with aclosing(pieces(response, limit=self._limits.answer_bytes)) as came:
            async for piece in came:
                stream.hear()
                stream.take(map(part_of, parser.feed(piece)), self._dialect)
                if len(piece) < _MUCH and (rest := stream.rest_seconds):
                    await connection.rest(rest)
        stream.take(map(part_of, parser.end()), self._dialect)

    async def _refusal(
        self, response: httpx.Response, mode: ResponseMode, answer: Answer
    ) -> ProviderError | _ModeRefused:
        fault = fault_of(response.status_code, await error_body(response))
        if mode is not ResponseMode.WHOLE and _refuses_streams(fault):
            return _ModeRefused()
        wait = retry_after(response.headers, now=datetime.now(UTC))
        return self._error(classify(fault), answer, detail=fault.message, wait=wait)

    def _classified(self, error: Exception, stream: ResponseStream) -> ProviderError:
        answer = stream.answer
        match error:
            case TimeoutError():
                return self._error(stream.timed_out(), answer)
            case Oversized():
                return self._error(FailureKind.OVERSIZED, answer)
            case Unreadable():
                return self._error(FailureKind.UNREADABLE, answer, detail=str(error))
            case Faulted():
                fault = fault_of(HTTPStatus.OK, error.body)
                return self._error(classify(fault), answer, detail=fault.message)
            case _ if kind := classify_transport_error(error):
                return self._error(kind, answer, detail=str(error))
            case _:
                raise error

    def _error(
        self, kind: FailureKind, answer: Answer, *, detail: str = "", wait: float | None = None
    ) -> ProviderError:
        """Make the error of a kind, without the credential that a server may have repeated."""
        if self._address.credential:
            detail = detail.replace(self._address.credential, _INSTEAD_OF_SECRETS)
        error = error_of(kind, detail, retry_after=wait)
        error.provider_request_id = answer.provider_request_id
        return error


def _was_closed(error: Exception, stream: ResponseStream, connection: Connection) -> bool:
    """Whether the call went to a kept connection, and no answer came back.

    Servers close idle connections whenever they like, also in that moment; to send such a call
    again is what RFC 9112, section 9.3.1, allows where a repetition does no harm.
    """
    return is_lost_connection(error) and not (connection.is_new or stream.has_begun)


def _refuses_streams(fault: Fault) -> bool:
    said = " ".join([fault.message, *fault.words])
    return fault.status in _MAY_REFUSE_STREAMS and _STREAM.search(said) is not None


def _request_id(response: httpx.Response) -> str | None:
    return next((id_ for name in _IDS if (id_ := name_of(response.headers.get(name)))), None)


def _digest(credential: str | None) -> str:
    return hashlib.sha256(credential.encode()).hexdigest()[:12] if credential else ""
