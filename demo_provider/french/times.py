"""What surrounds a clause: time expressions, and the frames that call for the subjunctive."""

from dataclasses import dataclass
from typing import Final, Literal

from demo_provider.french.grammar import PRONOUNS
from demo_provider.french.lexicon import Aspect
from schemas.language import Negation, Pronoun

Anchor = Literal["past", "future", "none"]

EVENTS: Final[frozenset[Aspect]] = frozenset({"event", "moment"})
DATED: Final[frozenset[Aspect]] = frozenset({"event", "moment", "state"})
ALL_ASPECTS: Final[frozenset[Aspect]] = frozenset({"event", "moment", "state", "lasting"})
LASTING: Final[frozenset[Aspect]] = frozenset({"lasting"})
PLAIN: Final[frozenset[Negation]] = frozenset({"none", "pas", "rien", "personne", "aucun"})
USUAL: Final[frozenset[Negation]] = frozenset({"none", "pas", "jamais", "plus", "rien"})
ANY_NEGATION: Final[frozenset[Negation]] = PLAIN | USUAL
AFFIRMED: Final[frozenset[Negation]] = frozenset({"none"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Time:
    """A time expression, and what it goes with.

    `anchor` says on which side of the speaker's now it lies (`hier` is past). `needs_will` keeps
    it from mishaps (nobody falls "with a bit of luck"). `is_adverb` marks what stands after the
    verb (`souvent`), `is_ongoing` what calls for an English progressive, `is_please` the polite
    tail of an imperative.
    """

    french: str
    english: str
    aspects: frozenset[Aspect] = DATED
    negations: frozenset[Negation] = PLAIN
    pronouns: tuple[Pronoun, ...] = PRONOUNS
    anchor: Anchor = "none"
    can_start: bool = True
    can_end: bool = True
    is_adverb: bool = False
    is_habitual: bool = False
    is_ongoing: bool = False
    is_please: bool = False
    needs_will: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The main clause before a subjunctive, without its `que`.

    `pattern` is the English clause: `must`, the infinitives `it is better for me to` and `wants me
    to`, or `that` with a future or a present. A wish is for what one can decide to do;
    `can_affirm_wishes` is false for a regret.
    """

    french: str
    english: str
    pattern: Literal["must", "for", "object", "will", "that"] = "that"
    pronouns: tuple[Pronoun, ...] = PRONOUNS
    can_negate: bool = True
    can_affirm_wishes: bool = True
    is_wish: bool = True
    takes_time: bool = True


NO_TIME: Final = Time(french="", english="", aspects=ALL_ASPECTS, negations=ANY_NEGATION)
NO_FRAME: Final = Frame(french="", english="")
