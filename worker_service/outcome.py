"""What an attempt at an item ends with."""

from dataclasses import dataclass
from typing import Any, TypeAlias

from shared.errors import ErrorCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Succeeded:
    """A valid entity, ready to be recorded; `attempts` counts the calls of the round."""

    entity: dict[str, Any]
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The item cannot be made; asking the provider again would not help, or was done too often."""

    code: ErrorCode
    message: str
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferred:
    """The provider cannot serve now: try the item again after `retry_after` seconds.

    `counted` tells whether the release that follows counts towards the limit; while a breaker is
    open nothing does.
    """

    code: ErrorCode
    retry_after: float
    attempts: int
    counted: bool = True


Outcome: TypeAlias = Succeeded | Failed | Deferred
