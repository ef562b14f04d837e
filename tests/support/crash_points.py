"""Points of a worker's road at which a signal can meet it, wrapped around the product's functions.

An order is a file that names a point and a signal. The first process that passes it takes the file
and sends the signal to its own process; the file that is left in its place says that it was done.
"""

import functools
import os
import signal
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

from worker_service import worker
from worker_service.claims import claims
from worker_service.claims.claim import Claim
from worker_service.generation import runner
from worker_service.settlement import record
from worker_service.settlement.settle import Recorded


class Point(StrEnum):
    """Where a signal can meet a worker."""

    BEFORE_CLAIM = "before_claim"
    AFTER_CLAIM = "after_claim"
    DURING_CALL = "during_call"
    AFTER_CALL = "after_call"
    AFTER_LAST_ITEM = "after_last_item"


@dataclass(frozen=True, slots=True)
class Orders:
    """The place of the order for one worker."""

    path: Path

    def give(self, point: Point, number: signal.Signals) -> None:
        """Order a signal at a point."""
        self.path.unlink(missing_ok=True)
        self._taken.unlink(missing_ok=True)
        fresh = self.path.with_suffix(".new")
        fresh.write_text(f"{point} {number.name}", encoding="utf-8")
        fresh.rename(self.path)

    def withdraw(self) -> None:
        """Forget the order."""
        self.path.unlink(missing_ok=True)

    @property
    def is_taken(self) -> bool:
        """Tell whether the order that was given last was carried out."""
        return self._taken.exists()

    @property
    def taken_at(self) -> float:
        """Return when it was carried out, in seconds of the epoch."""
        return self._taken.stat().st_ctime

    def take(self, point: Point) -> signal.Signals | None:
        """Return the signal that is ordered for a point, once."""
        try:
            ordered, name = self.path.read_text(encoding="utf-8").split()
            if ordered != point:
                return None
            self.path.rename(self._taken)
        except FileNotFoundError:
            return None
        return signal.Signals[name]

    def pass_by(self, point: Point) -> None:
        """Do to this process what is ordered for the point that it passes."""
        number = self.take(point)
        if number is not None:
            os.kill(os.getpid(), number)

    @property
    def _taken(self) -> Path:
        return self.path.with_suffix(".taken")


def install(orders: Orders) -> None:
    """Have this process pass its points; the call is a point of the model's own."""
    setattr(worker, "Claims", functools.partial(_Claims, orders=orders))  # noqa: B010 - a stand-in
    setattr(worker, "Runner", functools.partial(_Runner, orders=orders))  # noqa: B010 - likewise
    setattr(worker, "record", _recording(orders))  # noqa: B010 - likewise


class _Claims(claims.Claims):
    def __init__(self, database: Any, *, orders: Orders, **told: Any) -> None:
        super().__init__(database, **told)
        self._orders = orders

    async def claim(self, request_ids: Iterable[UUID]) -> claims.Claimed:
        asked = [*request_ids]
        if asked:
            self._orders.pass_by(Point.BEFORE_CLAIM)
        return await super().claim(asked)


class _Runner(runner.Runner):
    def __init__(self, *arguments: Any, orders: Orders, **told: Any) -> None:
        super().__init__(*arguments, **told)
        self._orders = orders

    def start(self, claims: Iterable[Claim]) -> None:
        for claim in claims:
            super().start([claim])
            self._orders.pass_by(Point.AFTER_CLAIM)


def _recording(orders: Orders) -> Callable[..., Awaitable[list[record.Answer]]]:
    async def recorded(*arguments: Any, **named: Any) -> list[record.Answer]:
        orders.pass_by(Point.AFTER_CALL)
        answers = await record.record(*arguments, **named)
        if any(isinstance(answer, Recorded) and answer.settlement for answer in answers):
            orders.pass_by(Point.AFTER_LAST_ITEM)
        return answers

    return recorded
