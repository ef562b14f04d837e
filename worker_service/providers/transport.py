"""HTTP to a model server: the client, the bounds of an answer, and its failures."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any, Final

import httpx
from httpx_sse import EventSource

from worker_service.providers.dialect import Unreadable
from worker_service.providers.failures import FailureKind
from worker_service.providers.limits import ProviderLimits
from worker_service.providers.pieces import Json

_KEPT_ALIVE: Final = 20
_KEPT_ALIVE_SECONDS: Final = 30.0
_ERROR_BYTES: Final = 65_536
_END: Final = "[DONE]"


class Oversized(Exception):
    """More bytes came than an answer may have."""


class _Bounded(httpx.AsyncByteStream):
    """A body that ends with `Oversized` after so many bytes."""

    def __init__(self, body: httpx.AsyncByteStream, limit: int) -> None:
        self._body = body
        self._left = limit

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._body:
            self._left -= len(piece)
            if self._left < 0:
                raise Oversized
            yield piece

    async def aclose(self) -> None:
        await self._body.aclose()


def open_client(
    base_url: str, *, headers: Mapping[str, str], limits: ProviderLimits, connections: int
) -> httpx.AsyncClient:
    """Open a client with a pool of its own, which has room for every call.

    Redirects are not followed: they would carry the credential to another place.
    """
    return httpx.AsyncClient(
        base_url=base_url,
        headers={"Accept-Encoding": "identity", **headers},
        timeout=timeout_of(limits, read_seconds=limits.read_seconds),
        limits=httpx.Limits(
            max_connections=connections,
            max_keepalive_connections=min(connections, _KEPT_ALIVE),
            keepalive_expiry=_KEPT_ALIVE_SECONDS,
        ),
    )


def timeout_of(limits: ProviderLimits, *, read_seconds: float) -> httpx.Timeout:
    """Set the timeouts of the transport; no call waits for the pool, which has room for all."""
    return httpx.Timeout(
        connect=limits.connect_seconds, read=read_seconds, write=read_seconds, pool=None
    )


async def parts(response: httpx.Response, *, limit: int) -> AsyncGenerator[Json | None, None]:
    """Yield the objects of an answer as they come: events, lines, or the whole body.

    None stands for an explicit end. The form is the answer's own, whatever was asked for.

    Raises:
        Oversized: the body is larger than `limit`.
        Unreadable: something else than objects came.
    """
    _bound(response, limit)
    match response.headers.get("content-type", "").partition(";")[0].strip():
        case "text/event-stream":
            async with aclosing(EventSource(response).aiter_sse()) as events:
                async for event in events:
                    if event.data:
                        yield None if event.data.strip() == _END else _object(event.data)
        case "application/x-ndjson":
            async with aclosing(_lines(response)) as lines:
                async for line in lines:
                    yield _object(line)
        case _:
            yield _object(await response.aread())
            yield None


async def _lines(response: httpx.Response) -> AsyncGenerator[str, None]:
    """Yield the lines that hold something; in NDJSON only a line feed ends one."""
    rest = ""
    async for text in response.aiter_text():
        *whole, rest = (rest + text).split("\n")
        for line in whole:
            if line.strip():
                yield line
    if rest.strip():
        yield rest


def _bound(response: httpx.Response, limit: int) -> None:
    """Bound the body; a compressed one could be a thousand times larger than it looks."""
    if response.headers.get("content-encoding", "identity") != "identity":
        raise Unreadable("it is compressed, though it was asked for as it is")
    assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101 - an async client's
    response.stream = _Bounded(response.stream, limit)


def _object(text: str | bytes) -> Json:
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable("a part of it is not JSON") from error
    if not isinstance(value, Mapping):
        raise Unreadable("a part of it is not an object")
    return value


async def error_body(response: httpx.Response) -> object:
    """Read an error answer: its JSON, else its text as `{"error": text}`."""
    try:
        _bound(response, _ERROR_BYTES)
        text = (await response.aread()).decode(errors="replace")
    except (httpx.HTTPError, Oversized, Unreadable):
        return {}
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return {"error": text}


def classify_transport_error(error: httpx.HTTPError, *, has_tokens: bool) -> FailureKind | None:
    """Classify an error of the transport; None where it is a bug of ours."""
    match error:
        case httpx.ConnectTimeout():
            return FailureKind.CONNECT_TIMEOUT
        case httpx.ReadTimeout() | httpx.WriteTimeout():
            return FailureKind.NEXT_TOKEN_TIMEOUT if has_tokens else FailureKind.FIRST_TOKEN_TIMEOUT
        case httpx.ConnectError() | httpx.ProxyError():
            return FailureKind.UNREACHABLE
        case httpx.NetworkError() | httpx.RemoteProtocolError():
            return FailureKind.CONNECTION_LOST
        case httpx.DecodingError():
            return FailureKind.UNREADABLE
        case _:
            return None
