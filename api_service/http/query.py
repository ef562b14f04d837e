"""The query of a request: UTF-8, and each parameter known and given once."""

import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Annotated
from urllib.parse import unquote_to_bytes

from fastapi import Query
from pydantic import BeforeValidator, Field

from api_service.http.problems import MAX_ERRORS, VALIDATION_FAILED, ProblemError

_MAX_NAME_CHARACTERS = 60
_NUMBER = re.compile("-?[0-9]{1,20}")


def _in_digits(given: object) -> object:
    """Refuse what only Python reads as a whole number: `1_0`, `+1`, `1.0`."""
    if isinstance(given, str) and not _NUMBER.fullmatch(given):
        raise ValueError("must be a whole number in digits")
    return given


DEFAULT_LIMIT = 20
Limit = Annotated[
    int,
    Field(ge=1, le=100),
    BeforeValidator(_in_digits),
    Query(description=f"Entries of one page; {DEFAULT_LIMIT} where it is left out."),
]


def check(query: bytes, known: AbstractSet[str]) -> None:
    """Refuse what FastAPI would ignore or guess at.

    Raises:
        ProblemError: 422 for parameters that are unknown, repeated, not UTF-8 or hold a NUL.
    """
    if query and (faults := list(_faults(query, known))):
        raise ProblemError(
            422,
            "invalid_request",
            VALIDATION_FAILED,
            parameters=faults[:MAX_ERRORS],
        )


def _faults(query: bytes, known: AbstractSet[str]) -> Iterator[tuple[str, str]]:
    given: set[str] = set()
    for pair in filter(None, query.split(b"&")):
        name, _, value = map(_decoded, pair.partition(b"="))
        shown = (name or "").replace("\x00", "\ufffd")[:_MAX_NAME_CHARACTERS]
        if name not in known:
            yield "Unknown parameter.", shown
        elif name in given:
            yield "The parameter is given more than once.", shown
        elif value is None:
            yield "The value is not UTF-8.", shown
        elif "\x00" in value:
            yield "The value contains a NUL character.", shown
        given.add(name or "")


def _decoded(part: bytes) -> str | None:
    try:
        return unquote_to_bytes(part.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        return None
