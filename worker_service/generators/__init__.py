"""The generators: one module for each entity type, of the type's name.

A module offers `prompt`, which tells a model what to make, and `demo`, which makes it offline.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol, cast

from demo_provider.french.errors import ImpossibleBrief, UnknownVerb
from schemas.entities import ENTITY_TYPES
from schemas.entity import ConstraintsBase
from worker_service.prompt import Prompt


class UnsupportedConstraints(Exception):
    """The demo lexicon has nothing that fits; the message says what is missing."""


@contextmanager
def from_the_lexicon(constraints: ConstraintsBase, *, ordinal: int) -> Iterator[None]:
    """Make an entity inside, in French, or tell the caller why the lexicon cannot."""
    if constraints.target_language_code != "fra":
        raise UnsupportedConstraints("the provider demo speaks French alone ('fra')")
    try:
        yield
    except UnknownVerb as error:
        raise UnsupportedConstraints(str(error)) from error
    except ImpossibleBrief as error:
        asked = constraints.model_dump_json(exclude_unset=True)
        raise UnsupportedConstraints(
            f"the lexicon of the provider demo has nothing for item {ordinal + 1} under the"
            f" constraints {asked}"
        ) from error


class Generator(Protocol):
    """What a module of this package offers."""

    def prompt(self, constraints: Any, *, ordinal: int) -> Prompt:
        """Tell a model what to make; `ordinal` tells the items of one request apart."""

    def demo(self, constraints: Any, *, seed: int, ordinal: int) -> dict[str, Any]:
        """Make the content offline, the same for the same arguments.

        Raises:
            UnsupportedConstraints: the lexicon has nothing that fits.
        """


def load() -> Mapping[str, Generator]:
    """Import the generator of each entity type that has one here."""
    return {
        name: cast("Generator", import_module(f"{__name__}.{name}"))
        for name in ENTITY_TYPES
        if find_spec(f"{__name__}.{name}") is not None
    }
