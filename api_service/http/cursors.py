"""Opaque cursors: where a page of a list ended, and for which filters.

A cursor is no secret and grants nothing: a forged one moves within the list that the same filters
show. The digest tells a cursor of this list and these filters from everything
else, and lets every replica read what another has made.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar, cast

import asyncpg
from fastapi import Query
from pydantic import AfterValidator, AwareDatetime, TypeAdapter

from api_service.http.problems import ProblemError

MAX_CURSOR_CHARACTERS = 512

Cursor = Annotated[
    str | None,
    Query(
        max_length=MAX_CURSOR_CHARACTERS,
        description="`next_cursor` of the page before, asked for with the same filters.",
    ),
]
"""The query parameter of a list."""

_DIGEST_BYTES = 9

Keys = TypeVar("Keys", bound=tuple[Any, ...])


def _in_utc(at: datetime) -> datetime:
    return at.astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A key that is a time: compared in microseconds, kept in UTC."""


class Cursors(Generic[Keys]):
    """The cursors of the list called `name`, whose rows are ordered by `columns`.

    `keys` is a tuple type of them that pydantic can read, such as `tuple[Instant, UUID]`. The
    filters are those of the request; how many rows it wants is none, and may change from page to
    page.
    """

    def __init__(self, name: str, keys: type[Keys], *, columns: tuple[str, ...]) -> None:
        self._name = name
        self._columns = columns
        self._keys: TypeAdapter[Keys] = TypeAdapter(keys)

    def encode(self, keys: Keys, **filters: str | None) -> str:
        """Make the cursor that goes on after the row with these keys."""
        written = self._keys.dump_json(self._keys.validate_python(keys))
        digest = self._digest(written, filters)
        return base64.urlsafe_b64encode(digest + written).decode().rstrip("=")

    def decode(self, text: str, **filters: str | None) -> Keys:
        """Read the keys of the row after which to go on.

        Raises:
            ProblemError: 422, where this list never gave such a cursor for these filters.
        """
        try:
            keys = self._read(text)
        except (ValueError, OverflowError):  # pydantic's errors are ValueErrors; year 1 overflows
            raise _refusal() from None
        if self.encode(keys, **filters) != text:
            raise _refusal()
        return keys

    def page(
        self, rows: Sequence[asyncpg.Record], limit: int, **filters: str | None
    ) -> tuple[Sequence[asyncpg.Record], str | None]:
        """Cut rows, of which one more than `limit` was asked for, into a page and its next cursor.

        The cursor is None on the last page.
        """
        shown = rows[:limit]
        if len(rows) <= limit:
            return shown, None
        keys = tuple(shown[-1][column] for column in self._columns)
        return shown, self.encode(cast("Keys", keys), **filters)

    def _read(self, text: str) -> Keys:
        padded = text + "=" * (-len(text) % 4)
        return self._keys.validate_json(base64.urlsafe_b64decode(padded)[_DIGEST_BYTES:])

    def _digest(self, written: bytes, filters: dict[str, str | None]) -> bytes:
        bound = json.dumps([self._name, sorted(filters.items()), written.decode()])
        return hashlib.blake2b(bound.encode(), digest_size=_DIGEST_BYTES).digest()


def _refusal() -> ProblemError:
    detail = "not a cursor of this list with these filters: begin again without one"
    return ProblemError(
        422, "invalid_cursor", "the cursor cannot be used", parameters=[(detail, "cursor")]
    )
