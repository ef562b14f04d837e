"""Words with their definition, translation and an example."""

from dataclasses import asdict
from typing import Any

from schemas.entities.vocabulary import Constraints
from worker_service.french.vocabulary import SEMANTIC_FIELDS, VocabularyBrief, make_vocabulary
from worker_service.generators import UnsupportedConstraints, from_the_lexicon
from worker_service.prompt import Prompt

_SYSTEM = """\
You choose words for people who learn a language. Each one is worth knowing at its level; its
definition and its example are natural, simple and in that language, `translation` and
`example_translation` in English. `gender` is null but for a noun that has one. Answer with one
JSON object that fits the given schema, and nothing else."""


def prompt(constraints: Constraints, *, ordinal: int) -> Prompt:
    """Tell a model which word to choose."""
    asked = constraints.model_dump_json(exclude_none=True, exclude={"topic_tags"})
    topics = ", ".join(constraints.topic_tags) or "everyday life"
    return Prompt(
        system=_SYSTEM,
        user=f"Choose word number {ordinal + 1} of a varied list about {topics}, "
        f"under these constraints: {asked}",
    )


def demo(constraints: Constraints, *, seed: int, ordinal: int) -> dict[str, Any]:
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
