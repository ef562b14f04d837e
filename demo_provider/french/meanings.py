"""Sentences that are right, but say something else than another one."""

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, islice
from typing import Final

from demo_provider.french.brief import SentenceBrief
from demo_provider.french.choices import clauses
from demo_provider.french.clause import Clause, ObjectPhrase
from demo_provider.french.english import english_subject, write_english
from demo_provider.french.options import pronouns
from demo_provider.french.rendering import write_french
from demo_provider.french.sentences import Sentence, right_sentence
from demo_provider.french.times import NO_TIME

# How many other sentences to look through for other meanings.
_NEIGHBOURS: Final = 100


def other_meanings(clause: Clause, brief: SentenceBrief, rng: random.Random) -> Iterator[Sentence]:
    """Yield what the brief allows and nobody can take for the clause's meaning.

    Only who does it, what with, or whether it is denied counts as another meaning: a time said
    elsewhere in the sentence, `on` for `nous` or `tu` for `vous` does not.
    """
    others = [
        replace(clause, pronoun=pronoun)
        for pronoun in pronouns(brief, clause.tense)
        if pronoun in clause.time.pronouns and pronoun in clause.frame.pronouns
    ]
    rng.shuffle(others)
    neighbours = islice(clauses(brief, rng.randrange(1 << 30)), _NEIGHBOURS)
    for other in chain(others[:2], neighbours, others[2:]):
        if _differs(clause, other):
            said = right_sentence(other)
            yield replace(said, is_correct=False, explanation=f"This means “{said.translation}”")


def _differs(meant: Clause, other: Clause) -> bool:
    """Compare without time and frame: in both languages, and in what the two are about."""
    one, two = (
        replace(each, time=NO_TIME, time_place="end", frame=meant.frame) for each in (meant, other)
    )
    return (
        _gist(one) != _gist(two)
        and write_english(one) != write_english(two)
        and write_french(one) != write_french(two)
    )


def _gist(clause: Clause) -> tuple[object, ...]:
    return (
        english_subject(clause.pronoun),
        _thing(clause.direct),
        _thing(clause.indirect),
        clause.complement,
        clause.negation == "none",
    )


def _thing(phrase: ObjectPhrase | None) -> tuple[str, bool] | None:
    """Name the noun; its number counts for a pronoun alone: `no book` is `no books`."""
    if phrase is None:
        return None
    noun = phrase.noun
    return noun.english or noun.english_plural, phrase.is_pronoun and phrase.is_plural
