"""HTTP to a model server: the client, the bounds of an answer, and its failures."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from ssl import SSLContext
from typing import Final

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from shared.version import VERSION
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
_MOST_HEADER_BYTES: Final = 65_536
_MOST_HEADERS: Final = 1_024

_HEADERS: Final = {
    "Accept": "*/*",
    "Accept-Encoding": "identity",
    "User-Agent": f"generation-worker/{VERSION}",
}

TRANSPORT_ERRORS: Final = (httpx.HTTPError, aiohttp.ClientError)
"""What a call of the client raises; some of aiohttp's come as they are."""


class Client:
    """Sends requests to one server, with a pool of its own, which has room for every call.

    It speaks to httpx's transport itself: the client of httpx merges addresses, keeps cookies and
    looks for redirects and credentials, which costs as much as reading forty tokens. Redirects are
    not followed: they would carry the credential to another place.
    """

    def __init__(
        self, base_url: str, *, headers: Mapping[str, str], limits: ProviderLimits, connections: int
    ) -> None:
        certificates = httpx.create_ssl_context()
        self._base_url = httpx.URL(base_url)
        self._headers = httpx.Headers(_HEADERS)
        self._headers.update(headers)
        bounds = httpx.Timeout(None, connect=limits.connect_seconds, pool=limits.connect_seconds)
        self._extensions = {"timeout": bounds.as_dict()}
        self._transport = AiohttpTransport(
            verify=certificates,
            proxy=proxy_for(base_url),
            client=partial(_session, connections, certificates),
        )
        self._urls: dict[str, httpx.URL] = {}

    @asynccontextmanager
    async def post(
        self, path: str, body: object, *, headers: Mapping[str, str]
    ) -> AsyncIterator[httpx.Response]:
        """Send a body as JSON, and lend the response, whose own body has not been read yet.

        Raises:
            httpx.HTTPError: there is none; so does aiohttp.ClientError.
        """
        request = httpx.Request(
            "POST", self._url(path), headers=self._headers, json=body, extensions=self._extensions
        )
        request.headers.update(headers)
        response = await self._transport.handle_async_request(request)
        try:
            yield response
        finally:
            await response.aclose()

    def _url(self, path: str) -> httpx.URL:
        if path not in self._urls:
            base = self._base_url.raw_path.rstrip(b"/")
            self._urls[path] = self._base_url.copy_with(raw_path=base + b"/" + path.encode())
        return self._urls[path]

    async def close(self) -> None:
        """Close the idle connections."""
        await self._transport.aclose()


def _session(connections: int, certificates: SSLContext) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=connections, keepalive_timeout=_KEPT_ALIVE_SECONDS, ssl=certificates
        ),
        max_line_size=_MOST_HEADER_BYTES,
        max_field_size=_MOST_HEADER_BYTES,
        max_headers=_MOST_HEADERS,
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
