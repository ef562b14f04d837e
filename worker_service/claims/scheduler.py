"""Which priority is served next: weighted, smooth and starving none; pure decisions.

Each priority has a clock that runs more slowly the more weight it has. The priority whose clock is
furthest behind is served next, and its clock advances by what it took. A priority behind the one
that is served had no work or no free slot; an idle priority accumulates no credit, so its clock
catches up (stride scheduling, Waldspurger and Weihl 1995).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from schemas.states import Priority

WEIGHTS = {Priority.HIGH: 6, Priority.NORMAL: 3, Priority.LOW: 1}
"""The shares of the priorities while all of them have work."""

HIGH_SHARE = 10
"""One slot in so many is for the priority `high` alone."""


@dataclass(slots=True)
class PriorityScheduler:
    """The clocks of the priorities."""

    _clocks: dict[Priority, float] = field(default_factory=lambda: dict.fromkeys(Priority, 0.0))

    def in_turn(self, priorities: Iterable[Priority]) -> list[Priority]:
        """Order priorities, the next to be served first; of equals the heavier."""
        return sorted(priorities, key=lambda priority: (self._clocks[priority], -WEIGHTS[priority]))

    def shares(self, slots: int, priorities: Sequence[Priority]) -> dict[Priority, int]:
        """Divide slots among priorities as if each had work for all of its share."""
        ahead = PriorityScheduler({**self._clocks})
        shares = dict.fromkeys(priorities, 0)
        for _ in range(slots):
            first = ahead.in_turn(priorities)[0]
            ahead.served(first, taken=1)
            shares[first] += 1
        return shares

    def served(self, priority: Priority, *, taken: int) -> None:
        """Note what a priority took when its turn came."""
        now = self._clocks[priority]
        for other, clock in self._clocks.items():
            self._clocks[other] = max(clock, now)
        self._clocks[priority] = now + taken / WEIGHTS[priority]

    def served_all(self, taken: Mapping[Priority, int]) -> None:
        """Note what several priorities took at once."""
        for priority in self.in_turn(taken):
            self.served(priority, taken=taken[priority])
