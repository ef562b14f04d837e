"""Which offsets may be committed: pure bookkeeping, no Kafka, no clock.

A message is handled when its fate is durable in PostgreSQL. Messages of a partition are handled
in order, so a partition needs one number: the offset after the last handled one.

An assignment is what the group gave us at one time. Its number rises at every rebalance, and what
was learnt under an older number is worthless: committing it later could rewind the group.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

Partition: TypeAlias = tuple[str, int]


@dataclass(slots=True)
class Offsets:
    """The next offsets of the partitions of the current assignment."""

    assignment: int = 0
    _next: dict[Partition, int] = field(default_factory=dict)
    _committed: dict[Partition, int] = field(default_factory=dict)

    def handled(self, partition: Partition, offset: int, *, assignment: int) -> None:
        """Note that the message at `offset` is handled, if it came under this assignment."""
        if assignment == self.assignment:
            self._next[partition] = max(offset + 1, self._next.get(partition, 0))

    def next_of(self, partition: Partition) -> int | None:
        """Return the offset after the last handled one, if one is handled in this assignment."""
        return self._next.get(partition)

    def due(self) -> dict[Partition, int]:
        """List the offsets to commit, i.e. the next to read, where they have moved."""
        return {
            partition: offset
            for partition, offset in self._next.items()
            if self._committed.get(partition) != offset
        }

    def committed(self, offsets: Mapping[Partition, int], *, assignment: int) -> None:
        """Note that the group has these offsets."""
        if assignment == self.assignment:
            self._committed.update(offsets)

    def reassigned(self) -> None:
        """Forget everything: the group has given the partitions out anew."""
        self.assignment += 1
        self._next.clear()
        self._committed.clear()
