"""Sentences that show a piece of grammar."""

from typing import Any

from schemas.entities.sentence import Constraints, Entity
from worker_service.french.levels import suitable
from worker_service.french.sentences import SentenceBrief, make_sentence
from worker_service.generators import UnsupportedConstraints, from_the_lexicon
from worker_service.prompt import Prompt

_SYSTEM = """\
You write example sentences for people who learn a language. Each one is natural, correct in every
accent and agreement, and worth reading. Answer with one JSON object that fits the given schema,
and nothing else. `explanation` is null for a correct sentence; for an incorrect one it names the
one mistake and the right form, in English. `translation` is natural English for what is meant."""


def prompt(constraints: Constraints, *, ordinal: int) -> Prompt:
    """Tell a model which sentence to write."""
    asked = constraints.model_dump_json(exclude_none=True, exclude={"topic_tags"})
    topics = ", ".join(constraints.topic_tags) or "everyday life"
    return Prompt(
        system=_SYSTEM,
        user=f"Write sentence number {ordinal + 1} of a varied series about {topics}, "
        f"under these constraints: {asked}",
    )


def demo(constraints: Constraints, *, seed: int, ordinal: int) -> dict[str, Any]:
    """Make the sentence from the French lexicon."""
    if constraints.topic_tags:
        raise UnsupportedConstraints("the provider demo cannot keep a sentence to topic_tags")
    with from_the_lexicon(constraints, ordinal=ordinal):
        made = make_sentence(_brief(constraints), seed=seed, ordinal=ordinal)
    return {name: getattr(made, name) for name in Entity.model_fields}


def _brief(constraints: Constraints) -> SentenceBrief:
    return SentenceBrief(
        verbs=tuple(constraints.verb_infinitives),
        tenses=suitable(constraints.difficulty_level, constraints.tenses_used),
        pronouns=(constraints.pronoun,) if constraints.pronoun else (),
        negated=constraints.includes_negation,
        with_direct_object=constraints.includes_cod,
        with_indirect_object=constraints.includes_coi,
        is_correct=constraints.is_correct,
    )
