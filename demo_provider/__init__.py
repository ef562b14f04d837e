"""The provider `demo`: French entities without a model, for trying the service out, and for tests.

`make` writes what a model would answer, from a small lexicon: the same for the same arguments, and
another one for each ordinal. The package knows the contracts alone, nothing of the service.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from demo_provider.constraints import UnsupportedConstraints
from demo_provider.entities import problem, sentence, vocabulary
from schemas.entity import ConstraintsBase

__all__ = ["UnsupportedConstraints", "make"]

_MAKERS: Final[Mapping[str, Callable[..., dict[str, Any]]]] = {
    "problem": problem.make,
    "sentence": sentence.make,
    "vocabulary": vocabulary.make,
}


def make(
    entity_type: str, constraints: ConstraintsBase, *, seed: int, ordinal: int
) -> dict[str, Any]:
    """Make the content of an entity.

    Raises:
        UnsupportedConstraints: the lexicon has nothing that fits; the message says what is missing.
    """
    if entity_type not in _MAKERS:
        raise UnsupportedConstraints(f"the provider demo has no entity type {entity_type!r}")
    return _MAKERS[entity_type](constraints, seed=seed, ordinal=ordinal)
