"""Statements with named parameters: `:name` becomes `$n` once, when the statement is made."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import LiteralString, Protocol

import asyncpg

_NAME = re.compile(r"(?<![\w:]):([a-z][a-z0-9_]*)")
"""Neither a cast (`::text`) nor a slice (`[first:last]`)."""


class Executor(Protocol):
    """A `Database`, or a connection inside a transaction."""

    async def fetch(self, statement: LiteralString, *arguments: object) -> list[asyncpg.Record]: ...

    async def fetchrow(
        self, statement: LiteralString, *arguments: object
    ) -> asyncpg.Record | None: ...

    async def execute(self, statement: LiteralString, *arguments: object) -> object: ...


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement as PostgreSQL takes it, and the names of its parameters in their order."""

    text: LiteralString
    names: tuple[str, ...]

    async def fetch(self, on: Executor, /, **values: object) -> list[asyncpg.Record]:
        """Run it and return its rows.

        Raises:
            TypeError: a value is missing, or has no parameter.
        """
        return await on.fetch(self.text, *self._arguments(values))

    async def fetchrow(self, on: Executor, /, **values: object) -> asyncpg.Record | None:
        """Run it and return its first row; TypeError as for `fetch`."""
        return await on.fetchrow(self.text, *self._arguments(values))

    async def execute(self, on: Executor, /, **values: object) -> None:
        """Run it for its effect; TypeError as for `fetch`."""
        await on.execute(self.text, *self._arguments(values))

    def _arguments(self, values: Mapping[str, object]) -> list[object]:
        if len(values) != len(self.names) or not all(name in values for name in self.names):
            raise TypeError(f"the parameters are {self.names}, the values {(*values,)}")
        return [values[name] for name in self.names]


def sql(text: LiteralString) -> Statement:
    """Make a statement of a text with `:name` parameters, each of which may stand repeatedly."""
    names = (*dict.fromkeys(_NAME.findall(text)),)
    places = {name: f"${place}" for place, name in enumerate(names, 1)}
    return Statement(_NAME.sub(lambda found: places[found[1]], text), names)
