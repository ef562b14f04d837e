"""The repertoire: what can be done to a environment, in one faults for each part of it.

A seed takes one fault of each faults. So faults on different parts overlap, and seeds in a row go
through every faults.
"""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Protocol, TypeAlias

from tests.chaos.environment import Environment
from tests.chaos.faults import api, kafka, messages, network, postgres, provider, workers


class Fault(Protocol):
    """Something that is done to a environment and undone again."""

    @property
    def name(self) -> str:
        """Return what the summary calls it."""

    async def inject(self, environment: Environment) -> bool:
        """Do it, undo it, and tell whether it came to pass."""


Draw: TypeAlias = Callable[[Random], Fault]

FAULTS: Mapping[str, Sequence[Draw]] = {
    "workers": workers.FAULTS,
    "api": api.FAULTS,
    "kafka": (*kafka.FAULTS, *messages.FAULTS),
    "postgres": postgres.FAULTS,
    "network": network.FAULTS,
    "provider": provider.FAULTS,
}


def pick(faults: str, seed: int) -> Draw:
    """Return the fault of a set for a seed; as many seeds in a row as faults see all."""
    in_set = FAULTS[faults]
    turn, place = divmod(seed, len(in_set))
    return Random(f"{faults} {turn}").sample(in_set, len(in_set))[place]
