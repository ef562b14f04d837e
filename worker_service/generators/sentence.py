"""Sentences that show a piece of grammar."""

from typing import Any

from schemas.entities.sentence import Constraints, Entity, Level, Tense
from worker_service.french.errors import ImpossibleBrief, UnknownVerb
from worker_service.french.sentences import SentenceBrief, make_sentence
from worker_service.generators import UnsupportedConstraints
from worker_service.prompt import Prompt

_SYSTEM = """\
You write example sentences for people who learn a language. Each one is natural, correct in every
accent and agreement, and worth reading. Answer with one JSON object that fits the given schema,
and nothing else. `explanation` is null for a correct sentence; for an incorrect one it names the
one mistake and the right form, in English. `translation` is natural English for what is meant."""

_LEVELS: dict[Level, tuple[Tense, ...]] = {
    "beginner": ("present",),
    "elementary": ("present", "passe_compose", "futur_simple"),
    "intermediate": ("passe_compose", "imparfait", "futur_simple", "imperatif"),
    "upper_intermediate": ("imparfait", "plus_que_parfait", "conditionnel"),
    "advanced": ("plus_que_parfait", "conditionnel", "subjonctif"),
    "native": ("plus_que_parfait", "conditionnel", "subjonctif"),
}


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
    if constraints.target_language_code != "fra":
        raise UnsupportedConstraints("the provider demo speaks French alone ('fra')")
    try:
        made = make_sentence(_brief(constraints), seed=seed, ordinal=ordinal)
    except (UnknownVerb, ImpossibleBrief) as error:
        raise UnsupportedConstraints(str(error)) from error
    return {name: getattr(made, name) for name in Entity.model_fields}


def _brief(constraints: Constraints) -> SentenceBrief:
    level = constraints.difficulty_level
    return SentenceBrief(
        verbs=tuple(constraints.verb_infinitives),
        tenses=tuple(constraints.tenses_used) or (_LEVELS[level] if level else ()),
        pronouns=(constraints.pronoun,) if constraints.pronoun else (),
        negated=constraints.includes_negation,
        with_direct_object=constraints.includes_cod,
        with_indirect_object=constraints.includes_coi,
        is_correct=constraints.is_correct,
    )
