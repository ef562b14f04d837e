"""Sentences: the brief's ordinal-th distinct one, right or with one mistake."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from demo_provider.french.brief import SentenceBrief
from demo_provider.french.choices import clauses
from demo_provider.french.clause import Clause
from demo_provider.french.english import write_english
from demo_provider.french.errors import ImpossibleBrief
from demo_provider.french.mistakes import Mistake, mistakes_of
from demo_provider.french.rendering import write_french
from demo_provider.french.stream import Stream
from schemas.language import Negation, ObjectForm, Pronoun, Tense

__all__ = ["Sentence", "SentenceBrief", "make_sentence", "right_sentence", "wrong_sentence"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A French sentence with what it is made of.

    `translation` says what is meant, also when the French is wrong. `explanation` is a sentence
    of English that names the right form; None when the French is right.
    """

    content: str
    translation: str
    verb: str
    pronoun: Pronoun
    tense: Tense
    direct_object: ObjectForm
    indirect_object: ObjectForm
    negation: Negation
    is_correct: bool
    explanation: str | None


def make_sentence(brief: SentenceBrief, *, seed: int, ordinal: int) -> Sentence:
    """Make the ordinal-th sentence (from 0): same arguments, same text; other ordinal, other text.

    Raises:
        UnknownVerb: a verb of the brief cannot be conjugated.
        ImpossibleBrief: there are no more than `ordinal` sentences like that.
    """
    sentence = _stream(brief, seed).find(ordinal)
    if sentence is None:
        raise ImpossibleBrief(f"expected more than {ordinal} different sentences for {brief!r}")
    return sentence


def right_sentence(clause: Clause) -> Sentence:
    """Write a clause as it should be."""
    return Sentence(
        content=write_french(clause),
        translation=write_english(clause),
        verb=clause.verb.infinitive,
        pronoun=clause.pronoun,
        tense=clause.tense,
        direct_object=clause.direct.kind if clause.direct else "none",
        indirect_object=clause.indirect.kind if clause.indirect else "none",
        negation=clause.negation,
        is_correct=True,
        explanation=None,
    )


def wrong_sentence(clause: Clause, mistake: Mistake) -> Sentence:
    """Write a clause with a mistake in it."""
    right = right_sentence(clause)
    return Sentence(
        content=mistake.content,
        translation=right.translation,
        verb=right.verb,
        pronoun=right.pronoun,
        tense=right.tense,
        direct_object=right.direct_object,
        indirect_object=right.indirect_object,
        negation=right.negation,
        is_correct=False,
        explanation=mistake.explanation,
    )


@lru_cache(maxsize=64)
def _stream(brief: SentenceBrief, seed: int) -> Stream[Sentence]:
    return Stream(_distinct(brief, seed))


def _distinct(brief: SentenceBrief, seed: int) -> Iterator[Sentence]:
    seen = set()
    for number, clause in enumerate(clauses(brief, seed)):
        sentence = right_sentence(clause) if brief.is_correct else _spoiled(clause, seed + number)
        if sentence is not None and sentence.content not in seen:
            seen.add(sentence.content)
            yield sentence


def _spoiled(clause: Clause, seed: int) -> Sentence | None:
    mistakes = mistakes_of(clause)
    if not mistakes:
        return None
    rng = random.Random(seed)
    # By kind first: a clause has five wrong persons, but one wrong auxiliary. Any clause has an
    # infinitive, so that kind would crowd out the others.
    kinds = sorted({mistake.kind for mistake in mistakes})
    weights = [1 if kind == "infinitive_for_form" else 4 for kind in kinds]
    kind = rng.choices(kinds, weights)[0]
    mistake = rng.choice([mistake for mistake in mistakes if mistake.kind == kind])
    return wrong_sentence(clause, mistake)
