"""What a brief leaves to choose from, one part of the clause at a time."""

from functools import lru_cache

from demo_provider.french.brief import SentenceBrief
from demo_provider.french.clause import ObjectPhrase, Place
from demo_provider.french.grammar import IMPERATIVE_PRONOUNS, PRONOUNS
from demo_provider.french.lexicon import Complement, Verb
from demo_provider.french.nouns import Noun
from demo_provider.french.times import NO_FRAME, Frame, Time
from demo_provider.french.times_data import FRAMES, TIMES
from schemas.language import Negation, Pronoun, Tense


def pronouns(brief: SentenceBrief, tense: Tense) -> list[Pronoun]:
    able = IMPERATIVE_PRONOUNS if tense == "imperatif" else PRONOUNS
    return [pronoun for pronoun in able if not brief.pronouns or pronoun in brief.pronouns]


def direct(
    brief: SentenceBrief, verb: Verb, negation: Negation, *, personne_is_indirect: bool
) -> list[ObjectPhrase | None]:
    if negation == "rien" or (negation == "personne" and not personne_is_indirect):
        return [None]
    written = [
        phrase
        for phrase in _phrases(verb.direct)
        if phrase.is_pronoun or negation == "aucun" or phrase.determiner in verb.determiners
    ]
    phrases = [
        phrase
        for phrase in written
        if brief.admits_direct(phrase.kind)
        and brief.pronominal in {None, phrase.is_pronoun}
        and (negation != "aucun" or _takes_aucun(phrase))
        and not (personne_is_indirect and phrase.determiner in {"indefinite", "partitive"})
    ]
    if negation == "aucun" or not brief.admits_direct("none"):
        return list(phrases)
    can_lack = not verb.needs_direct or verb.complements
    return [*phrases, *[None] * (1 + len(phrases) // 3 if can_lack else 0)]


def indirect(
    brief: SentenceBrief, verb: Verb, *, personne_is_indirect: bool
) -> list[ObjectPhrase | None]:
    if personne_is_indirect:
        return [None]
    phrases = [
        phrase
        for phrase in _phrases(verb.indirect)
        if brief.admits_indirect(phrase.kind)
        and brief.pronominal in {None, phrase.is_pronoun}
        and not (phrase.is_plural and phrase.determiner == "indefinite")
    ]
    can_lack = brief.admits_indirect("none") and not verb.needs_indirect
    return [*phrases, *[None] * (1 + len(phrases) if can_lack else 0)]


def complements(verb: Verb) -> list[Complement | None]:
    if verb.needs_complement:
        return list(verb.complements)
    return [*verb.complements, *[None] * (1 + len(verb.complements))]


def times(tense: Tense) -> list[tuple[Time, Place]]:
    return [(time, place) for time in TIMES[tense] for place in _places(time)]


def _places(time: Time) -> tuple[Place, ...]:
    if not time.french or time.is_adverb or not time.can_start:
        return ("end",)
    return ("start", "end") if time.can_end else ("start",)


def frames(tense: Tense) -> list[Frame]:
    return list(FRAMES) if tense == "subjonctif" else [NO_FRAME]


def _takes_aucun(phrase: ObjectPhrase) -> bool:
    return phrase.determiner == "indefinite" and not phrase.is_plural and not phrase.is_pronoun


@lru_cache(maxsize=256)
def _phrases(nouns: tuple[Noun, ...]) -> tuple[ObjectPhrase, ...]:
    """Write each noun in its numbers with its determiners, and as a pronoun."""
    phrases = []
    for noun in nouns:
        for is_plural in (False, True):
            if not (noun.plural if is_plural else noun.singular):
                continue
            phrases += [
                ObjectPhrase(noun=noun, is_plural=is_plural, determiner=determiner)
                for determiner in sorted(noun.determiners)
                if not (is_plural and determiner in {"bare", "partitive"})
            ]
            phrases.append(
                ObjectPhrase(noun=noun, is_plural=is_plural, determiner="definite", is_pronoun=True)
            )
    return tuple(phrases)
