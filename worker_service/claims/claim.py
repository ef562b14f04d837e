"""A claim: the exclusive right to work on a request, as its lease and its fencing token give it."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Final
from uuid import UUID

import asyncpg

from schemas.states import Priority
from shared.runtime.trace_context import trace_id_of

CRASH_LIMIT = 3
"""Leases lost in a row, without an item recorded, after which a request fails."""

SUSPECT_CRASHES = 2
"""Crashes from which on a request is a suspect; a worker holds one suspect at a time."""

_NOTHING_RECORDED: frozenset[int] = frozenset()
"""Shared empty set; saves one object per claim."""


@dataclass(frozen=True, slots=True)
class CallsMade:
    """The calls made for a missing item in this round, and how the last that failed did so.

    `charged` of them count towards what the item may cost.
    """

    calls: int = 0
    charged: int = 0
    code: str | None = None
    message: str | None = None


_NONE_MADE: Mapping[int, CallsMade] = MappingProxyType({})
"""Shared empty mapping; saves one object per claim."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A request that this process owns until its lease ends; `epoch` is the fencing token.

    `constraints` are JSON, which the attempts at its items read; they share what they have read.
    `called` are the calls made for items that are missing, by ordinal, where there are any.
    `leased_until` is the end of its first lease by this process's monotonic clock, or earlier.
    """

    request_id: UUID
    epoch: int
    round: int
    entity_type: str
    constraints: str
    requested_count: int
    recorded: frozenset[int]
    provider: str
    model: str | None
    traceparent: str
    priority: Priority
    crashes: int
    leased_until: float
    called: Mapping[int, CallsMade] = field(default_factory=lambda: _NONE_MADE)

    @property
    def is_suspect(self) -> bool:
        """Whether the request may have killed the workers that it was lost with."""
        return self.crashes >= SUSPECT_CRASHES

    @property
    def trace_id(self) -> str:
        """The trace that the request belongs to."""
        return trace_id_of(self.traceparent)

    @classmethod
    def from_row(cls, row: asyncpg.Record, *, leased_until: float) -> "Claim":
        """Read what the claiming statements return: `CLAIMED_COLUMNS` and what they compute."""
        columns = {name: row[name] for name in CLAIMED_COLUMNS}
        # Claims by the thousand share these few strings.
        shared = {name: sys.intern(row[name]) for name in ("entity_type", "provider")}
        return cls(
            **columns | shared | {"priority": Priority(row["priority"])},
            request_id=row["id"],
            recorded=frozenset(row["recorded"]) or _NOTHING_RECORDED,
            leased_until=leased_until,
            called=_called(row["called"]),
        )


CLAIMED_COLUMNS: Final = tuple(
    column.name
    for column in fields(Claim)
    if column.name not in {"request_id", "recorded", "leased_until", "called"}
)
"""The columns of the request that a claim carries: its fields, by their names."""


def _called(rows: str | None) -> Mapping[int, CallsMade]:
    """Read a JSON array of (ordinal, calls, charged, code, message)."""
    if rows is None:
        return _NONE_MADE
    return {ordinal: CallsMade(*made) for ordinal, *made in json.loads(rows)}
