"""Constraints that the lexicon cannot serve, told in one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

from demo_provider.french.errors import ImpossibleBrief, UnknownVerb
from schemas.entity import ConstraintsBase


class UnsupportedConstraints(Exception):
    """The lexicon has nothing that fits; the message says what is missing."""


@contextmanager
def from_the_lexicon(constraints: ConstraintsBase, *, ordinal: int) -> Iterator[None]:
    """Make an entity inside, in French, or say why the lexicon cannot."""
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
