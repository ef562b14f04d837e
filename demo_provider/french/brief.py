"""What a caller asks of a sentence."""

from dataclasses import dataclass

from schemas.language import Negation, ObjectForm, Pronoun, Tense


@dataclass(frozen=True, slots=True, kw_only=True)
class SentenceBrief:
    """Constraints on a sentence; an empty tuple or None leaves the choice free.

    A verb in `verbs` that cannot meet the rest is left out while another one can.
    `direct_objects` and `indirect_objects` narrow the kinds of objects, `none` included.
    `pronominal` demands pronouns (true) or nouns (false) for whatever objects there are.
    `is_correct=False` asks for a sentence with one mistake, and its explanation.
    """

    verbs: tuple[str, ...] = ()
    tenses: tuple[Tense, ...] = ()
    pronouns: tuple[Pronoun, ...] = ()
    negated: bool | None = None
    negations: tuple[Negation, ...] = ()
    with_direct_object: bool | None = None
    with_indirect_object: bool | None = None
    direct_objects: tuple[ObjectForm, ...] = ()
    indirect_objects: tuple[ObjectForm, ...] = ()
    pronominal: bool | None = None
    is_correct: bool = True

    def admits_negation(self, negation: Negation) -> bool:
        if self.negations and negation not in self.negations:
            return False
        return self.negated is None or self.negated == (negation != "none")

    def admits_direct(self, kind: ObjectForm) -> bool:
        return _admits(kind, wanted=self.with_direct_object, kinds=self.direct_objects)

    def admits_indirect(self, kind: ObjectForm) -> bool:
        return _admits(kind, wanted=self.with_indirect_object, kinds=self.indirect_objects)


def _admits(kind: ObjectForm, *, wanted: bool | None, kinds: tuple[ObjectForm, ...]) -> bool:
    if kinds and kind not in kinds:
        return False
    return wanted is None or wanted == (kind != "none")
