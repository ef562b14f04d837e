"""What the watchdog knows of the poll loop: its last tick, and how long a rejoin is pending.

The one module that reads private attributes of aiokafka, which has no public signal for a rejoin
that never ends (its issues 625, 847 and 1154). A rebalance listener is none: it is called only once
the group's coordinator is known, and a rejoin may be stuck before that.
"""

import time

from aiokafka import AIOKafkaConsumer


class Liveness:
    """The clocks of a poll loop; it ticks while it waits for a slot or for PostgreSQL, too."""

    def __init__(self) -> None:
        self.ticked_at = time.monotonic()
        self._rejoining_since: float | None = None

    def tick(self) -> None:
        """Note that the poll loop goes on."""
        self.ticked_at = time.monotonic()

    def restart(self) -> None:
        """Forget what was waited for so far: an outage explains it."""
        self.tick()
        self._rejoining_since = None

    def silent_seconds(self) -> float:
        """Measure the time since the last tick."""
        return time.monotonic() - self.ticked_at

    def rejoining_seconds(self, consumer: AIOKafkaConsumer | None) -> float:
        """Measure for how long the group has owed a consumer an assignment."""
        coordinator = getattr(consumer, "_coordinator", None)
        subscription = getattr(consumer, "_subscription", None)
        if coordinator is None or subscription is None:
            return 0.0
        if not coordinator.need_rejoin(subscription.subscription):
            self._rejoining_since = None
            return 0.0
        self._rejoining_since = self._rejoining_since or time.monotonic()
        return time.monotonic() - self._rejoining_since
