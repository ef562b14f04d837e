"""Which lane is served next: weighted, smooth and starving none; pure decisions.

Each lane has a clock that runs more slowly the more weight it has. Whoever's clock is furthest
behind is served next, and its clock moves on by what it took. A lane that is behind the lane that
is served had no work or no room for it, and gathers no credit: its clock catches up (stride
scheduling, Waldspurger and Weihl 1995).
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

    def clocks(self, lanes: Iterable[Priority]) -> list[float]:
        """Return the clocks of lanes, for a statement that takes several turns at once."""
        return [self._clocks[lane] for lane in lanes]

    def served(self, lane: Priority, *, taken: int) -> None:
        """Note what a lane took when its turn came."""
        now = self._clocks[lane]
        for other, clock in self._clocks.items():
            self._clocks[other] = max(clock, now)
        self._clocks[lane] = now + taken / WEIGHTS[lane]
