"""HTTP to a model server: the client, the bounds of an answer, and its failures."""

import asyncio
import json
from collections.abc import Mapping
from functools import partial
from ssl import SSLContext
from typing import Final

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from worker_service.providers.codings import Decoder, Oversized, decoder_for
from worker_service.providers.connection import Connection, observer
from worker_service.providers.dialect import Unreadable
from worker_service.providers.failures import FailureKind
from worker_service.providers.limits import ProviderLimits
from worker_service.providers.proxy import proxy_for

_KEPT_ALIVE_SECONDS: Final = 30.0
_ERROR_SECONDS: Final = 5.0
_ERROR_BYTES: Final = 65_536
MOST_ERROR_BYTES: Final = 1_048_576

TRANSPORT_ERRORS: Final = (httpx.HTTPError, aiohttp.ClientError)
"""What a call of the client raises; some of aiohttp's come as they are."""


def open_client(
    base_url: str, *, headers: Mapping[str, str], limits: ProviderLimits, connections: int
) -> httpx.AsyncClient:
    """Open a client with a pool of its own, which has room for every call.

    Redirects are not followed: they would carry the credential to another place.
    """
    certificates = httpx.create_ssl_context()
    return httpx.AsyncClient(
        base_url=base_url,
        headers={"Accept-Encoding": "identity", **headers},
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


def decoder_of(response: httpx.Response, *, limit: int) -> Decoder:
    """Take off the content codings of a body, which may hold so many bytes."""
    return decoder_for(response.headers.get("content-encoding", ""), limit=limit)


async def error_body(connection: Connection, decoder: Decoder) -> object:
    """Read an error answer: its JSON, else its text, cut where it is too long or has no end."""
    body = b""
    try:
        async with asyncio.timeout(_ERROR_SECONDS):
            while len(body) <= _ERROR_BYTES and (came := await connection.read()):
                body += decoder.feed(came)
            body += decoder.end()
    except (TimeoutError, *TRANSPORT_ERRORS, Oversized, Unreadable):
        pass
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body[:_ERROR_BYTES].decode(errors="replace")


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
