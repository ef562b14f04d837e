"""HTTP to a model server: the client, the bounds of an answer, and its failures."""

import json
from collections.abc import AsyncGenerator
from functools import partial
from ssl import SSLContext
from typing import Any, Final

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport
from pydantic_core import from_json

from worker_service.providers.connection import observer
from worker_service.providers.dialect import Json, Unreadable
from worker_service.providers.failures import FailureKind
from worker_service.providers.limits import ProviderLimits
from worker_service.providers.proxy import proxy_for

_KEPT_ALIVE_SECONDS: Final = 30.0
_ERROR_BYTES: Final = 65_536
_END: Final = b"[DONE]"

TRANSPORT_ERRORS: Final = (httpx.HTTPError, aiohttp.ClientError)
"""What a call of the client raises; some of aiohttp's come as they are."""


class Oversized(Exception):
    """More bytes came than an answer may have."""


def open_client(
    base_url: str, *, credential: str | None, limits: ProviderLimits, connections: int
) -> httpx.AsyncClient:
    """Open a client with a pool of its own, which has room for every call.

    Redirects are not followed: they would carry the credential to another place.
    """
    headers = {"Accept-Encoding": "identity"}
    if credential is not None:
        headers["Authorization"] = f"Bearer {credential}"
    certificates = httpx.create_ssl_context()
    return httpx.AsyncClient(
        base_url=base_url,
        headers=headers,
        timeout=httpx.Timeout(None, connect=limits.connect_seconds, pool=limits.connect_seconds),
        transport=AiohttpTransport(
            verify=certificates,
            proxy=proxy_for(base_url),
            client=partial(_session, connections, certificates),
        ),
    )


def _session(connections: int, certificates: SSLContext) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=connections, keepalive_timeout=_KEPT_ALIVE_SECONDS, ssl=certificates
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        trace_configs=[observer()],
    )


async def pieces(response: httpx.Response, *, limit: int) -> AsyncGenerator[bytes, None]:
    """Yield a body as it comes.

    Raises:
        Oversized: it is larger than `limit`.
        Unreadable: it is compressed; it could be a thousand times larger than it looks.
    """
    if response.headers.get("content-encoding", "identity") != "identity":
        raise Unreadable("it is compressed, though it was asked for as it is")
    left = limit
    async for piece in response.aiter_raw():
        left -= len(piece)
        if left < 0:
            raise Oversized
        yield piece


def part_of(event: bytes) -> Json | None:
    """Read an event; None is an explicit end.

    Raises:
        Unreadable: it is something else than an object.
    """
    try:
        value = from_json(event)
    except ValueError:
        if event.strip() == _END:
            return None
        value = _lenient_json(event)
    if not isinstance(value, dict):
        raise Unreadable("a part of it is not an object")
    return value


def _lenient_json(event: bytes) -> Any:
    """Read what the fast parser refuses and models write: lone surrogates, odd bytes, depth."""
    try:
        return json.loads(event.decode("utf-8-sig", errors="replace"))
    except (ValueError, RecursionError) as error:
        raise Unreadable("a part of it is not JSON") from error


async def error_body(response: httpx.Response) -> object:
    """Read an error answer: its JSON, else its text as `{"error": text}`."""
    try:
        body = b"".join([piece async for piece in pieces(response, limit=_ERROR_BYTES)])
    except (*TRANSPORT_ERRORS, Oversized, Unreadable):
        return {}
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return {"error": body.decode(errors="replace")}


def is_lost_connection(error: Exception) -> bool:
    """Whether an established connection has ended too early, and not for the time it took."""
    match _original(error):
        case TimeoutError() | aiohttp.ClientConnectorError():
            return False
        case aiohttp.ClientConnectionError():
            return True
        case _:
            return False


def classify_transport_error(error: Exception) -> FailureKind | None:
    """Classify an error of the transport; None where it is a bug of ours."""
    match _original(error):
        case aiohttp.ConnectionTimeoutError():
            return FailureKind.CONNECT_TIMEOUT
        case aiohttp.ClientConnectorError() | aiohttp.ClientHttpProxyError():
            return FailureKind.UNREACHABLE
        case (
            aiohttp.ClientConnectionError()
            | aiohttp.ClientPayloadError()
            | aiohttp.ClientResponseError()
        ):
            return FailureKind.CONNECTION_LOST
        case httpx.DecodingError():
            return FailureKind.UNREADABLE
        case _:
            return None


def _original(error: Exception) -> BaseException:
    """Return what the client under httpx has raised.

    Its transport for httpx calls a refused connection and a lost one a timeout.
    """
    if isinstance(error, httpx.TransportError) and error.__cause__ is not None:
        return error.__cause__
    return error
