"""The query of a request: UTF-8, and each parameter known and given once."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from urllib.parse import unquote_to_bytes

from api_service.problems import MAX_ERRORS, ProblemError

_MAX_NAME_CHARACTERS = 60


def check(query: bytes, known: AbstractSet[str]) -> None:
    """Refuse what would be ignored, guessed at, or mended in silence.

    Raises:
        ProblemError: 422 for parameters that are unknown, given twice, no UTF-8 or hold a NUL.
    """
    if query and (faults := list(_faults(query, known))):
        raise ProblemError(
            422,
            "invalid_request",
            "the request does not fit what is expected",
            parameters=faults[:MAX_ERRORS],
        )


def _faults(query: bytes, known: AbstractSet[str]) -> Iterator[tuple[str, str]]:
    given: set[str] = set()
    for pair in filter(None, query.split(b"&")):
        name, _, value = map(_decoded, pair.partition(b"="))
        shown = (name or "").replace("\x00", "\ufffd")[:_MAX_NAME_CHARACTERS]
        if name not in known:
            yield "there is no such parameter", shown
        elif name in given:
            yield "given twice", shown
        elif value is None:
            yield "is not UTF-8", shown
        elif "\x00" in value:
            yield "must not contain NUL characters", shown
        given.add(name or "")


def _decoded(part: bytes) -> str | None:
    try:
        return unquote_to_bytes(part.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        return None
