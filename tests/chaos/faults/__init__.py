"""The repertoire: what can be done to a site, in one deck for each part of it.

A seed takes one fault of each deck. So faults on different parts overlap, and seeds in a row go
through every deck.
"""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Protocol, TypeAlias

from tests.chaos.faults import api, kafka, messages, network, postgres, provider, workers
from tests.chaos.site import Site


class Fault(Protocol):
    """Something that is done to a site and undone again."""

    @property
    def name(self) -> str:
        """Return what the summary calls it."""

    async def strike(self, site: Site) -> bool:
        """Do it, undo it, and tell whether it came to pass."""


Draw: TypeAlias = Callable[[Random], Fault]

DECKS: Mapping[str, Sequence[Draw]] = {
    "workers": workers.DECK,
    "api": api.DECK,
    "kafka": (*kafka.DECK, *messages.DECK),
    "postgres": postgres.DECK,
    "network": network.DECK,
    "provider": provider.DECK,
}


def deal(deck: str, seed: int) -> Draw:
    """Return the card of a deck for a seed; as many seeds in a row as it has cards see them all."""
    cards = DECKS[deck]
    turn, place = divmod(seed, len(cards))
    return Random(f"{deck} {turn}").sample(cards, len(cards))[place]
