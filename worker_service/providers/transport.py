"""HTTP to a model server: the client, the bounds of an answer, and its failures."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, suppress
from functools import partial
from ssl import SSLContext
from typing import Final

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport
from pydantic_core import from_json

from worker_service.providers.codings import Oversized, decoder_for
from worker_service.providers.connection import observer
from worker_service.providers.dialect import Unreadable
from worker_service.providers.events import END
from worker_service.providers.failures import FailureKind
from worker_service.providers.limits import ProviderLimits
from worker_service.providers.page import plain_text
from worker_service.providers.pieces import Json
from worker_service.providers.proxy import proxy_for

_KEPT_ALIVE_SECONDS: Final = 30.0
_ERROR_SECONDS: Final = 5.0
_ERROR_BYTES: Final = 65_536
_MOST_ERROR_BYTES: Final = 1_048_576
_MOST_DIGITS: Final = 40
_MOST_HEADER_BYTES: Final = 65_536
_MOST_HEADERS: Final = 1_024
_ENDS: Final = frozenset({END.decode(), "DONE"})
_LONGEST_END: Final = 16
_MOST_PARTS: Final = 50_000
_AROUND: Final = " \t\r\n\x1e"
"""What stands between JSON values, RFC 7464's separator among it."""
_BETWEEN: Final = re.compile(f"[{_AROUND}]*")

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
        max_line_size=_MOST_HEADER_BYTES,
        max_field_size=_MOST_HEADER_BYTES,
        max_headers=_MOST_HEADERS,
        cookie_jar=aiohttp.DummyCookieJar(),
        trace_configs=[observer()],
    )


async def pieces(response: httpx.Response, *, limit: int) -> AsyncGenerator[bytes, None]:
    """Yield a body as it comes, without its content codings.

    Raises:
        Oversized: it is larger than `limit`.
        Unreadable: its coding cannot be taken off.
    """
    decoder = decoder_for(response.headers.get("content-encoding", ""), limit=limit)
    async for piece in response.aiter_raw():
        yield decoder.feed(piece)
    yield decoder.end()


def parts_of(event: bytes) -> Sequence[Json | None]:
    """Read an event: one part, or a list of them; None is an explicit end.

    Raises:
        Unreadable: it is something else; what it says is in the message, uncut.
    """
    try:
        value = from_json(event)
    except ValueError:
        return _lenient_parts(event.decode("utf-8-sig", errors="replace").strip(_AROUND))
    if isinstance(value, dict):
        return (value,)
    if isinstance(value, str) and _is_end(value):
        return (None,)
    parts = [each for each in _listed(value) if isinstance(each, dict)]
    if not parts:
        raise Unreadable(f"a part of it is not an object: {event.decode(errors='replace')}")
    return parts


def _lenient_parts(text: str) -> Sequence[Json | None]:
    """Read what the fast parser refuses: lone surrogates, odd bytes, depth, several objects.

    Objects come one after the other where an event stream lacks the empty lines between them.
    """
    parts: list[Json | None] = []
    at = 0
    with suppress(ValueError, RecursionError):
        for _ in range(_MOST_PARTS):
            value, at = _DECODER.raw_decode(text, at)
            at = _after_space(text, at)
            parts += [each for each in _listed(value) if isinstance(each, dict)]
    if _is_end(text[at : at + _LONGEST_END]):
        parts.append(None)
    if not parts:
        raise Unreadable(f"a part of it is not JSON: {plain_text(text)}")
    return parts


def _after_space(text: str, at: int) -> int:
    space = _BETWEEN.match(text, at)
    return space.end() if space else at


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _is_end(text: str) -> bool:
    return text.strip().upper() in _ENDS


def _int(digits: str) -> int | None:
    """Read an integer; one of thousands of digits, which Python refuses, is none."""
    return int(digits) if len(digits) <= _MOST_DIGITS else None


_DECODER: Final = json.JSONDecoder(parse_int=_int)


async def error_body(response: httpx.Response) -> object:
    """Read an error answer: its JSON, else its text, cut where it is too long or has no end."""
    body = b""
    try:
        async with (
            asyncio.timeout(_ERROR_SECONDS),
            aclosing(pieces(response, limit=_MOST_ERROR_BYTES)) as came,
        ):
            async for piece in came:
                body += piece
                if len(body) > _ERROR_BYTES:
                    break
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
