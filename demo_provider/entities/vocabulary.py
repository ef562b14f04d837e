"""Words with their definition, translation and an example."""

from dataclasses import asdict
from typing import Any

from demo_provider.constraints import UnsupportedConstraints, from_the_lexicon
from demo_provider.french.vocabulary import SEMANTIC_FIELDS, VocabularyBrief, make_vocabulary
from schemas.entities.vocabulary import Constraints


def make(constraints: Constraints, *, seed: int, ordinal: int) -> dict[str, Any]:
    """Take the word from the French lexicon."""
    if constraints.topic_tags:
        raise UnsupportedConstraints(
            "the provider demo knows words by semantic_fields, not by topic_tags"
        )
    brief = VocabularyBrief(
        semantic_fields=_fields(constraints.semantic_fields),
        parts_of_speech=tuple(constraints.parts_of_speech),
        levels=(constraints.difficulty_level,) if constraints.difficulty_level else (),
    )
    with from_the_lexicon(constraints, ordinal=ordinal):
        return asdict(make_vocabulary(brief, seed=seed, ordinal=ordinal))


def _fields(asked: list[str]) -> tuple[str, ...]:
    """Keep the fields that the lexicon has."""
    known = tuple(name for name in asked if name in SEMANTIC_FIELDS)
    if asked and not known:
        raise UnsupportedConstraints(
            f"the provider demo knows none of the semantic_fields {', '.join(asked)}; it has"
            f" {', '.join(SEMANTIC_FIELDS)}"
        )
    return known
