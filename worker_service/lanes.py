"""Which lane is served next: weighted, smooth and starving none; pure decisions.

Each lane has a clock that runs more slowly the more weight it has. Whoever's clock is furthest
behind is served next, and its clock moves on by what it took. A lane without work gathers no
credit: its clock keeps up with the lane that is served instead (stride scheduling, Waldspurger
and Weihl 1995).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from shared.states import Priority

WEIGHTS = {Priority.HIGH: 6, Priority.NORMAL: 3, Priority.LOW: 1}
"""The shares of the lanes while all of them have work."""

HIGH_SHARE = 10
"""One slot in so many is for the lane `high` alone."""


@dataclass(slots=True)
class Lanes:
    """The clocks of the lanes."""

    _clocks: dict[Priority, float] = field(default_factory=lambda: dict.fromkeys(Priority, 0.0))

    def in_turn(self, lanes: Iterable[Priority]) -> list[Priority]:
        """Order lanes by whose turn it is; the heavier first where it is both's."""
        return sorted(lanes, key=lambda lane: (self._clocks[lane], -WEIGHTS[lane]))

    def served(self, lane: Priority, *, taken: int, passed_over: Iterable[Priority]) -> None:
        """Note what a lane took; lanes passed over for having no work gather no credit."""
        now = self._clocks[lane]
        for idle in passed_over:
            self._clocks[idle] = max(self._clocks[idle], now)
        self._clocks[lane] = now + taken / WEIGHTS[lane]
