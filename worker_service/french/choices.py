"""Every clause that a brief allows, in a shuffled order that visits each exactly once."""

import random
from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from math import gcd, prod
from typing import Any, Final

from worker_service.french.brief import SentenceBrief
from worker_service.french.clause import Clause, ObjectPhrase, Place
from worker_service.french.conjugation import paradigm
from worker_service.french.grammar import (
    IMPERATIVE_PRONOUNS,
    NEGATIONS,
    PRONOUNS,
    TENSES,
    Negation,
    Pronoun,
    Tense,
)
from worker_service.french.lexicon import LEXICON, Complement, Verb, find_verb
from worker_service.french.nouns import Noun
from worker_service.french.plausible import oddity
from worker_service.french.times import FRAMES, NO_FRAME, TIMES, Frame, Time

_GOLDEN: Final = 0.6180339887498949


def clauses(brief: SentenceBrief, seed: int) -> Iterator[Clause]:
    """Yield the natural clauses first, verbs and tenses taking turns, then the odd ones.

    Raises:
        UnknownVerb: a verb of the brief cannot be conjugated.
    """
    verbs = [find_verb(name) for name in brief.verbs] or list(LEXICON.values())
    pairs = [
        (verb, tense)
        for verb, tense in product(verbs, brief.tenses or TENSES)
        if _has_tense(verb, tense)
    ]
    random.Random(f"{seed}:{brief!r}").shuffle(pairs)
    for grade in range(3):
        yield from _take_turns([_pair_clauses(brief, seed, *pair, grade=grade) for pair in pairs])


def _has_tense(verb: Verb, tense: Tense) -> bool:
    if tense != "imperatif":
        return True
    # "Veuillez" exists, but orders nobody to want a coffee.
    return verb.infinitive != "vouloir" and paradigm(verb.infinitive).imperatif is not None


def _take_turns(streams: list[Iterator[Clause]]) -> Iterator[Clause]:
    while streams:
        alive = []
        for stream in streams:
            clause = next(stream, None)
            if clause is not None:
                alive.append(stream)
                yield clause
        streams = alive


def _pair_clauses(
    brief: SentenceBrief, seed: int, verb: Verb, tense: Tense, *, grade: int
) -> Iterator[Clause]:
    """Yield one verb's clauses in one tense, about half of them affirmative if that is free."""
    rng = random.Random(f"{seed}:{verb.infinitive}:{tense}")
    denials = list(_denials(brief, verb))
    walks = [_denial_clauses(brief, rng, verb, tense, denial) for denial in denials]
    turns = [
        walk
        for (negation, _), walk in zip(denials, walks, strict=True)
        for _ in range(5 if negation == "none" else 2 if negation == "pas" else 1)
    ]
    rng.shuffle(turns)
    for clause in _take_turns(turns):
        if oddity(clause) == grade:
            yield clause


def _denials(brief: SentenceBrief, verb: Verb) -> Iterator[tuple[Negation, bool]]:
    """Yield the negations that the verb can take, and whether `personne` is behind `à`."""
    for negation in NEGATIONS:
        if not brief.admits_negation(negation):
            continue
        if negation == "rien":
            if any(not noun.is_person for noun in verb.direct) and brief.admits_direct("none"):
                yield negation, False
        elif negation == "personne":
            if any(noun.is_person for noun in verb.direct) and brief.admits_direct("none"):
                yield negation, False
            if verb.indirect and brief.admits_indirect("none"):
                yield negation, True
        elif negation != "aucun" or verb.direct:
            yield negation, False


def _denial_clauses(
    brief: SentenceBrief,
    rng: random.Random,
    verb: Verb,
    tense: Tense,
    denial: tuple[Negation, bool],
) -> Iterator[Clause]:
    negation, personne_is_indirect = denial
    axes: list[list[Any]] = [
        _pronouns(brief, tense),
        _direct(brief, verb, negation, personne_is_indirect=personne_is_indirect),
        _indirect(brief, verb, personne_is_indirect=personne_is_indirect),
        _complements(verb),
        _times(tense),
        _frames(tense),
    ]
    for axis in axes:
        rng.shuffle(axis)
    for pronoun, direct, indirect, complement, (time, place), frame in _walk(axes, rng):
        clause = Clause(
            verb=verb,
            tense=tense,
            pronoun=pronoun,
            negation=negation,
            direct=direct,
            indirect=indirect,
            personne_is_indirect=personne_is_indirect,
            complement=complement,
            time=time,
            time_place=place,
            frame=frame,
        )
        if _is_complete(clause) and _suits(clause, brief):
            yield clause


def _walk(axes: list[list[Any]], rng: random.Random) -> Iterator[tuple[Any, ...]]:
    """Yield every combination once, neighbours far apart, without building them all.

    A step coprime to the number of combinations visits each index exactly once.
    """
    size = prod(len(axis) for axis in axes)
    if not size:
        return
    index, step = rng.randrange(size), int(size * _GOLDEN) + rng.randrange(97)
    while gcd(step, size) != 1:
        step += 1
    for _ in range(size):
        index = (index + step) % size
        rest, choice = index, []
        for axis in axes:
            rest, place = divmod(rest, len(axis))
            choice.append(axis[place])
        yield tuple(choice)


def _pronouns(brief: SentenceBrief, tense: Tense) -> list[Pronoun]:
    able = IMPERATIVE_PRONOUNS if tense == "imperatif" else PRONOUNS
    return [pronoun for pronoun in able if not brief.pronouns or pronoun in brief.pronouns]


def _direct(
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
    ]
    if negation == "aucun" or not brief.admits_direct("none"):
        return list(phrases)
    can_lack = not verb.needs_direct or verb.complements
    return [*phrases, *[None] * (1 + len(phrases) // 3 if can_lack else 0)]


def _indirect(
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


def _complements(verb: Verb) -> list[Complement | None]:
    if verb.needs_complement:
        return list(verb.complements)
    return [*verb.complements, *[None] * (1 + len(verb.complements))]


def _times(tense: Tense) -> list[tuple[Time, Place]]:
    return [(time, place) for time in TIMES[tense] for place in _places(time)]


def _places(time: Time) -> tuple[Place, ...]:
    if not time.french or time.is_adverb or not time.can_start:
        return ("end",)
    return ("start", "end") if time.can_end else ("start",)


def _frames(tense: Tense) -> list[Frame]:
    return list(FRAMES) if tense == "subjonctif" else [NO_FRAME]


def _is_complete(clause: Clause) -> bool:
    """Say whether the verb has what it needs, and nothing that would get in the way."""
    verb, complement = clause.verb, clause.complement
    is_towards = clause.indirect is not None or clause.personne_is_indirect
    is_onto = clause.direct is not None or (
        clause.negation in {"rien", "personne"} and not clause.personne_is_indirect
    )
    if complement and is_towards:
        return False
    if verb.is_modal:
        return is_onto != (complement is not None)
    return (is_onto or not verb.needs_direct) and (is_towards or not verb.needs_indirect)


def _suits(clause: Clause, brief: SentenceBrief) -> bool:
    if clause.pronoun not in clause.time.pronouns or clause.pronoun not in clause.frame.pronouns:
        return False
    objects = [each for each in (clause.direct, clause.indirect) if each]
    return not brief.pronominal or bool(objects)


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
