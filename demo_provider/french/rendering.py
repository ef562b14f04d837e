"""From a clause to French: the parts of the sentence in order, then elision and punctuation."""

from dataclasses import dataclass
from typing import Final

from demo_provider.french.clause import Clause
from demo_provider.french.conjugation import paradigm, subject_participle
from demo_provider.french.grammar import (
    FEMININE_PRONOUNS,
    PLURAL_AGREEMENT,
    agree,
    begins_with_vowel,
)
from demo_provider.french.lexicon import Complement
from demo_provider.french.phrases import (
    direct_pronoun,
    french_aucun,
    french_noun,
    french_to,
    indirect_pronoun,
)
from schemas.language import Pronoun

_NEGATIVES: Final = ("personne", "aucun", "à personne")
_ELIDING: Final = frozenset({"je", "ne", "le", "la", "de", "que"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of a French clause in their order; an absent part is empty.

    A mistake is made by replacing one part. `suffixes` are the pronouns that an affirmative
    imperative hangs on with hyphens; `second` is the part of the negation behind the verb.
    """

    lead: str = ""
    frame: tuple[str, ...] = ()
    subject: str = ""
    ne: str = ""
    clitics: tuple[str, ...] = ()
    finite: str
    suffixes: tuple[str, ...] = ()
    second: str = ""
    adverb: str = ""
    participle: str = ""
    rest: tuple[str, ...] = ()
    end: str = ""

    def predicate(self) -> tuple[str, ...]:
        """Give subject, pronouns, negation and verb."""
        return (
            self.subject,
            self.ne,
            *self.clitics,
            "-".join((self.finite, *self.suffixes)),
            self.second,
            self.adverb,
            self.participle,
        )

    def core(self) -> tuple[str, ...]:
        """Give what an explanation quotes: the predicate, and all up to the end of a negation."""
        ends = [number for number, word in enumerate(self.rest, 1) if word.startswith(_NEGATIVES)]
        return (*self.predicate(), *self.rest[: max(ends, default=0)])


def parts_of(clause: Clause) -> Parts:
    """Conjugate and place everything."""
    forms = paradigm(clause.verb.infinitive)
    is_order = clause.tense == "imperatif"
    pronouns = _pronouns(clause)
    hangs_on = is_order and clause.negation == "none"
    time, place = clause.time, clause.time_place
    return Parts(
        lead=time.french if time.french and place == "start" and not time.is_adverb else "",
        frame=(clause.frame.french, "que") if clause.frame.french else (),
        subject="" if is_order else clause.pronoun,
        ne="" if clause.negation == "none" else "ne",
        clitics=() if hangs_on else pronouns,
        finite=forms.finite(clause.tense, clause.pronoun),
        suffixes=pronouns if hangs_on else (),
        second=_second(clause),
        adverb=time.french if time.is_adverb else "",
        participle=_participle(clause) if clause.is_compound else "",
        rest=_rest(clause),
        end=_end(clause),
    )


def assemble(parts: Parts, *, elides: bool = True) -> str:
    """Write the sentence: capital, elisions unless told not to, full stop."""
    words = (*parts.frame, *parts.predicate(), *parts.rest, parts.end)
    text = join(words, elides=elides)
    if parts.lead:
        text = f"{parts.lead}, {text}"
    return f"{text[0].upper()}{text[1:]}."


def quote(parts: Parts) -> str:
    """Write the subject and the verb alone, for an explanation."""
    return join(parts.core())


def join(words: tuple[str, ...], *, elides: bool = True) -> str:
    """Join words, eliding `je`, `ne`, `le`, `la`, `de`, `que` before a vowel."""
    text = "".join(
        f"{word[:-1]}'" if elides and _elides(word, following) else f"{word} "
        for word, following in _neighbours(words)
    )
    return text.strip().replace(" ,", ",")


def eliding_words(words: tuple[str, ...]) -> list[str]:
    """Name the words that lose their vowel."""
    return [word for word, following in _neighbours(words) if _elides(word, following)]


def _neighbours(words: tuple[str, ...]) -> list[tuple[str, str]]:
    present = [word for word in words if word]
    return list(zip(present, [*present[1:], ""], strict=True))


def _elides(word: str, following: str) -> bool:
    return word in _ELIDING and bool(following) and begins_with_vowel(following)


def write_french(clause: Clause) -> str:
    """Write the right sentence."""
    return assemble(parts_of(clause))


def _pronouns(clause: Clause) -> tuple[str, ...]:
    """Give the object pronouns in their order, before a verb and behind an imperative alike."""
    direct, indirect = clause.direct, clause.indirect
    return (
        *((direct_pronoun(direct),) if direct and direct.is_pronoun else ()),
        *((indirect_pronoun(indirect),) if indirect and indirect.is_pronoun else ()),
    )


def _second(clause: Clause) -> str:
    return clause.negation if clause.negation in {"pas", "jamais", "plus", "rien"} else ""


def _participle(clause: Clause) -> str:
    forms = paradigm(clause.verb.infinitive)
    if forms.auxiliary == "être":
        return subject_participle(forms, clause.pronoun)
    direct = clause.direct
    if direct is None or not direct.is_pronoun:
        return forms.participle
    return agree(forms.participle, feminine=direct.gender == "feminine", plural=direct.is_plural)


def _rest(clause: Clause) -> tuple[str, ...]:
    words = []
    direct, indirect = clause.direct, clause.indirect
    if clause.negation == "personne" and not clause.personne_is_indirect:
        words.append("personne")
    if direct and not direct.is_pronoun:
        words.append(
            french_aucun(direct) if clause.negation == "aucun" else french_noun(direct, clause)
        )
    if indirect and not indirect.is_pronoun:
        words.append(french_to(indirect, clause))
    if clause.negation == "personne" and clause.personne_is_indirect:
        words.append("à personne")
    if clause.complement:
        words.append(_complement(clause.complement, clause.pronoun))
    return tuple(words)


def _complement(complement: Complement, pronoun: Pronoun) -> str:
    if len(complement.forms) == 1:
        return complement.forms[0]
    feminine, plural = pronoun in FEMININE_PRONOUNS, pronoun in PLURAL_AGREEMENT
    return complement.forms[2 * plural + feminine]


def _end(clause: Clause) -> str:
    time = clause.time
    if not time.french or time.is_adverb or clause.time_place == "start":
        return ""
    return f", {time.french}" if time.is_please else time.french
