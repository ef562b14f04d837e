"""Problems: one right statement among wrong ones, about one verb in one tense.

A grammar problem asks which sentence is correct, a functional one which says what is meant.
"""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain, islice
from typing import Final, Literal

from demo_provider.french.brief import SentenceBrief
from demo_provider.french.choices import clauses
from demo_provider.french.clause import Clause
from demo_provider.french.errors import ImpossibleBrief
from demo_provider.french.meanings import other_meanings
from demo_provider.french.mistakes import CONJUGATION, GENERAL, PRONOUNS, Mistake, mistakes_of
from demo_provider.french.sentences import Sentence, right_sentence, wrong_sentence
from demo_provider.french.stream import Stream
from schemas.language import Focus, Tense

Question = Literal["grammar", "functional"]

MIN_STATEMENTS: Final = 2
MAX_STATEMENTS: Final = 6

COUNTS: Final = ("", "", "deux", "trois", "quatre", "cinq", "six")
_IN_TENSE: Final[dict[Tense, str]] = {
    "present": "au présent",
    "imparfait": "à l'imparfait",
    "passe_compose": "au passé composé",
    "plus_que_parfait": "au plus-que-parfait",
    "futur_simple": "au futur simple",
    "conditionnel": "au conditionnel",
    "subjonctif": "au subjonctif",
    "imperatif": "à l'impératif",
}
_TITLES: Final[dict[Focus, str]] = {
    "conjugation": "Conjuguer “{verb}” {tense}",
    "pronouns": "Les pronoms compléments avec “{verb}” {tense}",
}
_MEANINGS: Final[dict[Focus, str]] = {
    "conjugation": "Dire ce que l'on veut dire avec “{verb}” {tense}",
    "pronouns": "Dire ce que l'on veut dire avec des pronoms et “{verb}” {tense}",
}
_HINTS: Final[dict[Focus, str]] = {
    "conjugation": "Observez bien la forme du verbe.",
    "pronouns": "Observez bien la forme et la place des pronoms.",
}
_MAKERS: Final = {"conjugation": CONJUGATION, "pronouns": PRONOUNS}
# How many other sentences to look through for mistakes of the right kind.
_NEIGHBOURS: Final = 60
# How many sentences in a row may lack wrong statements before the search is given up.
_PATIENCE: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemBrief:
    """Constraints on a problem; an empty tuple or None leaves the choice free."""

    question: Question = "grammar"
    focus: Focus = "conjugation"
    verbs: tuple[str, ...] = ()
    tenses: tuple[Tense, ...] = ()
    negated: bool | None = None
    with_direct_object: bool | None = None
    with_indirect_object: bool | None = None
    statement_count: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A question with exactly one right answer: `statements[right_index]`."""

    title: str
    instructions: str
    focus: Focus
    verb: str
    tense: Tense
    statements: tuple[Sentence, ...]

    @property
    def right_index(self) -> int:
        return next(
            index for index, statement in enumerate(self.statements) if statement.is_correct
        )


def make_problem(brief: ProblemBrief, *, seed: int, ordinal: int) -> Problem:
    """Make the ordinal-th problem (from 0); other ordinals have another right statement.

    Raises:
        UnknownVerb: a verb of the brief cannot be conjugated.
        ImpossibleBrief: there are no more than `ordinal` such problems, or the count is no 2 to 6.
    """
    if not MIN_STATEMENTS <= brief.statement_count <= MAX_STATEMENTS:
        raise ImpossibleBrief(
            f"expected {MIN_STATEMENTS} to {MAX_STATEMENTS} statements, got {brief.statement_count}"
        )
    problem = _stream(brief, seed).find(ordinal)
    if problem is None:
        raise ImpossibleBrief(f"expected more than {ordinal} different problems for {brief!r}")
    return problem


@lru_cache(maxsize=64)
def _stream(brief: ProblemBrief, seed: int) -> Stream[Problem]:
    return Stream(_problems(brief, seed))


def _problems(brief: ProblemBrief, seed: int) -> Iterator[Problem]:
    sentences = SentenceBrief(
        verbs=brief.verbs,
        tenses=brief.tenses,
        negated=brief.negated,
        with_direct_object=brief.with_direct_object,
        with_indirect_object=brief.with_indirect_object,
        pronominal=True if brief.focus == "pronouns" else None,
    )
    seen = set()
    fruitless = 0
    for clause in clauses(sentences, seed):
        right = right_sentence(clause)
        if right.content in seen:
            continue
        seen.add(right.content)
        rng = random.Random(f"{seed}:{right.content}")
        narrowed = replace(sentences, verbs=(right.verb,), tenses=(right.tense,))
        statements = list(
            islice(_distinct([right], _wrong(brief, clause, narrowed, rng)), brief.statement_count)
        )
        if len(statements) == brief.statement_count:
            fruitless = 0
            rng.shuffle(statements)
            yield _worded(brief, right, tuple(statements))
        elif (fruitless := fruitless + 1) == _PATIENCE:
            return


def _wrong(
    brief: ProblemBrief, clause: Clause, narrowed: SentenceBrief, rng: random.Random
) -> Iterator[Sentence]:
    if brief.question == "functional":
        return other_meanings(clause, narrowed, rng)
    return _mistaken(clause, brief.focus, narrowed, rng)


def _mistaken(
    clause: Clause, focus: Focus, narrowed: SentenceBrief, rng: random.Random
) -> Iterator[Sentence]:
    """Yield mistakes of the focus, in this sentence and then in its neighbours, then any."""
    for mistake in _varied(mistakes_of(clause, _MAKERS[focus]), rng):
        yield wrong_sentence(clause, mistake)
    for neighbour in islice(clauses(narrowed, rng.randrange(1 << 30)), _NEIGHBOURS):
        for mistake in _varied(mistakes_of(neighbour, _MAKERS[focus]), rng)[:1]:
            yield wrong_sentence(neighbour, mistake)
    for mistake in _varied(mistakes_of(clause, (*GENERAL, *CONJUGATION)), rng):
        yield wrong_sentence(clause, mistake)


def _varied(mistakes: tuple[Mistake, ...], rng: random.Random) -> list[Mistake]:
    """Order mistakes so that kinds take turns."""
    shuffled = rng.sample(mistakes, len(mistakes))
    rank: dict[str, int] = {}
    ranked = []
    for mistake in shuffled:
        rank[mistake.kind] = rank.get(mistake.kind, 0) + 1
        ranked.append((rank[mistake.kind], mistake))
    return [mistake for _, mistake in sorted(ranked, key=lambda pair: pair[0])]


def _distinct(*sentences: Iterable[Sentence]) -> Iterator[Sentence]:
    seen = set()
    for sentence in chain(*sentences):
        if sentence.content not in seen:
            seen.add(sentence.content)
            yield sentence


def _worded(brief: ProblemBrief, right: Sentence, statements: tuple[Sentence, ...]) -> Problem:
    titles = _MEANINGS if brief.question == "functional" else _TITLES
    title = titles[brief.focus].format(verb=right.verb, tense=_IN_TENSE[right.tense])
    if brief.negated:
        title += ", à la forme négative"
    among = f"Parmi ces {COUNTS[len(statements)]} phrases, une seule"
    instructions = (
        f"Vous voulez dire : “{right.translation}” {among} le dit. Trouvez-la."
        if brief.question == "functional"
        else f"{among} est correcte. Trouvez-la. {_HINTS[brief.focus]}"
    )
    return Problem(
        title=title,
        instructions=instructions,
        focus=brief.focus,
        verb=right.verb,
        tense=right.tense,
        statements=statements,
    )
