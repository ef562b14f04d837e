"""Keyset cursors: where a page ended, as opaque text that only we write."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeAlias
from uuid import UUID

from api_service.problems import ProblemError
from schemas.api import ProblemDetail

Key: TypeAlias = datetime | UUID | str


def encode(keys: Sequence[Key]) -> str:
    """Write the keys of the last row of a page."""
    text = json.dumps([_written(key) for key in keys])
    return urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def decode(text: str, kinds: Sequence[type[Key]]) -> list[Key]:
    """Read the keys that `encode` wrote, which are of these types.

    Raises:
        ProblemError: 422; anything but what `encode` writes is refused.
    """
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        written = json.loads(urlsafe_b64decode(padded))
        keys = [_READERS[kind](key) for kind, key in zip(kinds, written, strict=True)]
        if encode(keys) == text:
            return keys
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        pass
    problem = ProblemError(422, "invalid_cursor", "the cursor is not one of this service")
    problem.errors = [
        ProblemDetail(detail="must be a `next_cursor` as it was given", parameter="cursor")
    ]
    raise problem


def _written(key: Key) -> str:
    match key:
        case datetime():
            return key.astimezone(UTC).isoformat()
        case UUID():
            return str(key)
        case str():
            return _text(key)


def _text(key: str) -> str:
    """Refuse what PostgreSQL cannot compare with: NUL, and lone surrogates by encoding them."""
    if b"\x00" in key.encode():
        raise ValueError("a NUL character")
    return key


_READERS: Mapping[type[Key], Callable[[str], Key]] = {
    datetime: lambda text: datetime.fromisoformat(text).astimezone(UTC),
    UUID: UUID,
    str: _text,
}
