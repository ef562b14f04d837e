"""Mistakes that are always mistakes, each with its true explanation.

What is colloquial, regional or right with another antecedent is never offered as wrong: no dropped
`ne`, no `je l'ai lu` for `lue`, no `il est vendu des livres`.
"""

from collections.abc import Callable, Iterator
from typing import Final

from demo_provider.french.clause import Clause
from demo_provider.french.mistake import Mistake
from demo_provider.french.object_mistakes import (
    double_negation,
    misplaced_negation,
    misplaced_pronoun,
    missing_elision,
    missing_plural_agreement,
    swapped_pronouns,
    wrong_kind_of_pronoun,
)
from demo_provider.french.rendering import Parts, assemble, parts_of
from demo_provider.french.verb_mistakes import (
    infinitive_for_form,
    missing_subject_agreement,
    regular_participle,
    regular_stem,
    wrong_auxiliary,
    wrong_mood,
    wrong_person,
    wrong_tense,
)

__all__ = ["Mistake", "mistakes_of"]

Maker = Callable[[Clause, Parts], Iterator[Mistake]]

CONJUGATION: Final[tuple[Maker, ...]] = (
    wrong_person,
    wrong_auxiliary,
    wrong_tense,
    wrong_mood,
    regular_stem,
    regular_participle,
    missing_subject_agreement,
    infinitive_for_form,
)
PRONOUNS: Final[tuple[Maker, ...]] = (
    misplaced_pronoun,
    swapped_pronouns,
    wrong_kind_of_pronoun,
    missing_plural_agreement,
)
GENERAL: Final[tuple[Maker, ...]] = (missing_elision, misplaced_negation, double_negation)


def mistakes_of(
    clause: Clause, makers: tuple[Maker, ...] = (*CONJUGATION, *PRONOUNS, *GENERAL)
) -> tuple[Mistake, ...]:
    """Make every mistake of these kinds that the clause lends itself to, contents all different."""
    parts = parts_of(clause)
    right = assemble(parts)
    by_content: dict[str, Mistake] = {}
    for make in makers:
        for mistake in make(clause, parts):
            by_content.setdefault(mistake.content, mistake)
    by_content.pop(right, None)
    return tuple(by_content.values())
