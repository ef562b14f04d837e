"""Sentences that show a piece of grammar."""

from typing import Any

from demo_provider.constraints import UnsupportedConstraints, from_the_lexicon
from demo_provider.french.levels import suitable
from demo_provider.french.sentences import SentenceBrief, make_sentence
from schemas.entities.sentence import Constraints, Entity


def make(constraints: Constraints, *, seed: int, ordinal: int) -> dict[str, Any]:
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
