"""The one parser of request bodies: JSON by RFC 8259, within what PostgreSQL can keep."""

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn, TypeAlias

from api_service.http.problems import ProblemError, pointer

MAX_DEPTH = 32
INT64 = range(-(2**63), 2**63)
SMALLEST_NUMBER, LARGEST_NUMBER = 1e-38, 1e38
"""jsonb writes each power of ten as a digit: 1e308 would come back sixty times as long."""

_INT64_DIGITS = 20
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

Place: TypeAlias = tuple[str | int, ...]


def parse(body: bytes) -> Any:
    """Parse a JSON body.

    Raises:
        ProblemError: 422, with a JSON pointer where one helps. Refused beside broken JSON are
            duplicate keys, NaN and infinities, NUL and lone surrogates, integers over 64 bits and
            nesting deeper than `MAX_DEPTH`, and fractions beyond the range of numbers.
    """
    try:
        text = body.decode()
        if text.startswith("\ufeff"):
            raise _problem("The body begins with a byte order mark.")
        document = _DECODER.decode(text)
    except _Unacceptable as error:
        raise _problem(str(error)) from None
    except UnicodeDecodeError:
        raise _problem("The body is not UTF-8.") from None
    except RecursionError:
        raise _problem(f"The body is nested deeper than {MAX_DEPTH} levels.") from None
    except ValueError as error:
        raise _problem(f"The body is not JSON: {error}.") from None
    if _may_be_at_fault(text):
        for place, fault in _faults(document, ()):
            raise _problem(fault, place)
    return document


def _may_be_at_fault(text: str) -> bool:
    """Only an escape hides a character, so most documents need no walk."""
    return "\\u" in text or text.count("{") + text.count("[") > MAX_DEPTH


class _Unacceptable(Exception):
    pass


def _problem(detail: str, place: Place = ()) -> ProblemError:
    return ProblemError(
        422,
        "invalid_body",
        "The request body is not acceptable JSON.",
        errors=[(detail, pointer(*place))],
    )


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise _Unacceptable(f"The key {_first_repeated(pairs)[:60]!r} is given twice.")
    return members


def _first_repeated(pairs: list[tuple[str, Any]]) -> str:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            break
        seen.add(name)
    return name


def _refuse_constant(name: str) -> NoReturn:
    raise _Unacceptable(f"{name} is not a JSON number.")


def _bounded(digits: str) -> float:
    number = float(digits)
    if number == 0 and _is_zero(digits):
        return number
    if not SMALLEST_NUMBER <= abs(number) <= LARGEST_NUMBER:
        raise _Unacceptable(
            f"A number other than 0 must be within {SMALLEST_NUMBER:g} to {LARGEST_NUMBER:g}."
        )
    return number


def _is_zero(digits: str) -> bool:
    return not re.search("[1-9]", digits.lower().partition("e")[0])


def _int64(digits: str) -> int:
    if len(digits) > _INT64_DIGITS or int(digits) not in INT64:
        raise _Unacceptable("An integer does not fit 64 bits.")
    return int(digits)


def _faults(node: Any, place: Place) -> Iterator[tuple[Place, str]]:
    match node:
        case dict() | list() if len(place) >= MAX_DEPTH:
            yield (), f"The body is nested deeper than {MAX_DEPTH} levels."
        case str() if not _is_storable(node):
            yield place, "The text contains a NUL character or a lone surrogate."
        case dict():
            for name, value in node.items():
                if not _is_storable(name):
                    yield place, "A key contains a NUL character or a lone surrogate."
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
