"""What a body may be: its size, its media type, and the one parser.

The parser reads JSON as RFC 8259 means it, within what PostgreSQL can keep.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn, TypeAlias

from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from starlette.types import Receive

from api_service.http.problems import ProblemError, pointer

MAX_DEPTH = 32
INT64 = range(-(2**63), 2**63)
SMALLEST_NUMBER, LARGEST_NUMBER = 1e-38, 1e38
"""jsonb writes each power of ten as a digit: 1e308 would come back sixty times as long."""

_CLOSE = {"Connection": "close"}
"""Else the server would read the rest of the body, to find where the next request begins."""

_INT64_DIGITS = 20
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_JSON = re.compile(rb"application/([^\s;/]+\+)?json\s*(;[^,]*)?$", re.IGNORECASE)

Place: TypeAlias = tuple[str | int, ...]
RawHeaders: TypeAlias = Mapping[bytes, bytes]
"""The headers of a request under their names in lower case, several of a name as one list."""


async def read(request: Request, headers: RawHeaders) -> Any:
    """Read the body and parse it.

    Raises:
        ProblemError: 415 for what is no JSON as it is, 413 for too many bytes, whatever the client
            says of the length, 422 as `parse` has it.
        RequestValidationError: there is none.
    """
    if _has_body(headers):
        _check_media_type(headers)
    limit: int = request.app.state.context.settings.max_body_bytes
    declared = headers.get(b"content-length", b"")
    if declared.isdigit() and (len(declared) > _INT64_DIGITS or int(declared) > limit):
        raise _too_large(limit)
    content = await _read_bytes(request.receive, limit)
    if not content:
        raise RequestValidationError([{"loc": ("body",), "msg": "Field required"}])
    return parse(content)


def _has_body(headers: RawHeaders) -> bool:
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"


def _check_media_type(headers: RawHeaders) -> None:
    if not _JSON.match(headers.get(b"content-type", b"")):
        raise ProblemError(415, "unsupported_media_type", "send `Content-Type: application/json`")
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise ProblemError(415, "unsupported_media_type", "send it without `Content-Encoding`")


async def _read_bytes(receive: Receive, limit: int) -> bytes:
    content, has_more = b"", True
    while has_more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise HTTPException(400, "the client left before the end of the body", _CLOSE)
        content += message.get("body", b"")
        has_more = message.get("more_body", False)
        if len(content) > limit:
            raise _too_large(limit)
    return content


def _too_large(limit: int) -> ProblemError:
    detail = f"a body may have {limit:,} bytes"
    return ProblemError(413, "body_too_large", detail, headers=_CLOSE)


def parse(body: bytes) -> Any:
    """Parse a JSON body.

    Raises:
        ProblemError: 422, with a JSON pointer where one helps. Refused beside broken JSON are
            duplicate keys, NaN and infinities, NUL and lone surrogates, integers over 64 bits and
            nesting deeper than `MAX_DEPTH`, and fractions beyond the range of numbers.
    """
    try:
        text = body.decode()
        # The decoder itself has no word for a byte order mark.
        document = json.loads(text) if text.startswith("\ufeff") else _DECODER.decode(text)
    except _Unacceptable as error:
        raise _problem(str(error)) from None
    except UnicodeDecodeError:
        raise _problem("the body is not UTF-8") from None
    except RecursionError:
        raise _problem(f"nested deeper than {MAX_DEPTH}") from None
    except ValueError as error:
        raise _problem(f"the body is not JSON: {error}") from None
    if _may_be_at_fault(text):
        for place, fault in _faults(document, ()):
            raise _problem(fault, place)
    return document


def _may_be_at_fault(text: str) -> bool:
    """Whether a walk through the document may find a fault: only an escape hides a character."""
    return "\\u" in text or text.count("{") + text.count("[") > MAX_DEPTH


class _Unacceptable(Exception):
    pass


def _problem(detail: str, place: Place = ()) -> ProblemError:
    return ProblemError(
        422, "invalid_body", "the body cannot be accepted", errors=[(detail, pointer(*place))]
    )


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise _Unacceptable(f"the key {_first_repeated(pairs)[:60]!r} is given twice")
    return members


def _first_repeated(pairs: list[tuple[str, Any]]) -> str:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            break
        seen.add(name)
    return name


def _refuse_constant(name: str) -> NoReturn:
    raise _Unacceptable(f"{name} is not a JSON number")


def _bounded(digits: str) -> float:
    number = float(digits)
    if number == 0 and _is_zero(digits):
        return number
    if not SMALLEST_NUMBER <= abs(number) <= LARGEST_NUMBER:
        raise _Unacceptable(
            f"a number is not 0 and not within {SMALLEST_NUMBER:g} to {LARGEST_NUMBER:g}"
        )
    return number


def _is_zero(digits: str) -> bool:
    return not re.search("[1-9]", digits.lower().partition("e")[0])


def _int64(digits: str) -> int:
    if len(digits) > _INT64_DIGITS or int(digits) not in INT64:
        raise _Unacceptable("an integer does not fit 64 bits")
    return int(digits)


def _faults(node: Any, place: Place) -> Iterator[tuple[Place, str]]:
    match node:
        case dict() | list() if len(place) >= MAX_DEPTH:
            yield (), f"nested deeper than {MAX_DEPTH}"
        case str() if not _is_storable(node):
            yield place, "must not contain NUL characters or lone surrogates"
        case dict():
            for name, value in node.items():
                if not _is_storable(name):
                    yield place, "a key must not contain NUL characters or lone surrogates"
                yield from _faults(value, (*place, name))
        case list():
            for index, value in enumerate(node):
                yield from _faults(value, (*place, index))
        case _:
            return


def _is_storable(text: str) -> bool:
    return _UNSTORABLE.search(text) is None


_DECODER = json.JSONDecoder(
    object_pairs_hook=_without_duplicates,
    parse_constant=_refuse_constant,
    parse_float=_bounded,
    parse_int=_int64,
)
