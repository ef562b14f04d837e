"""Every clause that a brief allows, in a shuffled order that visits each exactly once."""

import random
from collections.abc import Iterator
from itertools import product
from math import gcd, prod
from typing import Any, Final

from demo_provider.french import options
from demo_provider.french.brief import SentenceBrief
from demo_provider.french.clause import Clause
from demo_provider.french.conjugation import paradigm
from demo_provider.french.grammar import NEGATIONS, TENSES
from demo_provider.french.lexicon import LEXICON, Verb, find_verb
from demo_provider.french.plausible import oddity
from schemas.language import Negation, Tense

_GOLDEN: Final = 0.6180339887498949
# One calls a taxi, but mostly people: "n'appeler rien" is odd.
_ENOUGH_THINGS: Final = 3


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
            things = [noun for noun in verb.direct if not noun.is_person]
            if len(things) >= _ENOUGH_THINGS and brief.admits_direct("none"):
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
        options.pronouns(brief, tense),
        options.direct(brief, verb, negation, personne_is_indirect=personne_is_indirect),
        options.indirect(brief, verb, personne_is_indirect=personne_is_indirect),
        options.complements(verb),
        options.times(tense),
        options.frames(tense),
    ]
    if brief.pronominal and not any(axes[1]) and not any(axes[2]):
        return
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
