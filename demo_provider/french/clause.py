"""The plan of one sentence, before it is put into either language."""

from dataclasses import dataclass, field
from typing import Literal

from demo_provider.french.grammar import COMPOUND_TENSES
from demo_provider.french.lexicon import SAY, Complement, EnglishVerb, Verb
from demo_provider.french.nouns import Determiner, Noun
from demo_provider.french.times import NO_FRAME, NO_TIME, Frame, Time
from schemas.language import Gender, Negation, ObjectForm, Pronoun, Tense

Place = Literal["start", "end"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectPhrase:
    """A noun with its number and determiner, written out or replaced by its pronoun."""

    noun: Noun
    is_plural: bool
    determiner: Determiner
    is_pronoun: bool = False

    @property
    def kind(self) -> ObjectForm:
        """Say what the object counts as: its number when plural, else its gender."""
        return "plural" if self.is_plural else self.gender

    @property
    def gender(self) -> Gender:
        return self.noun.gender


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One subject, one verb, and what goes with them.

    `rien` and `personne` stand in an object's place: `personne_is_indirect` says whose.
    """

    verb: Verb
    tense: Tense
    pronoun: Pronoun
    negation: Negation = "none"
    direct: ObjectPhrase | None = None
    indirect: ObjectPhrase | None = None
    personne_is_indirect: bool = False
    complement: Complement | None = None
    time: Time = field(default=NO_TIME)
    time_place: Place = "end"
    frame: Frame = field(default=NO_FRAME)

    @property
    def english(self) -> EnglishVerb:
        """Give the English verb: one tells a secret, but says nothing."""
        says = self.negation == "rien" and self.verb.infinitive in {"dire", "raconter"}
        return SAY if says else self.verb.english

    @property
    def is_compound(self) -> bool:
        return self.tense in COMPOUND_TENSES

    @property
    def is_habitual(self) -> bool:
        """Say whether the clause speaks of what is usual, so that one odd apple sounds wrong."""
        return self.time.is_habitual or (
            self.negation in {"jamais", "plus"}
            and self.tense in {"present", "imparfait", "subjonctif", "imperatif"}
        )
