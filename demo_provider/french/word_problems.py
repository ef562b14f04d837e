"""Problems about words: which one means this, which one fits that definition."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from demo_provider.french.errors import ImpossibleBrief
from demo_provider.french.problems import COUNTS
from demo_provider.french.stream import Stream
from demo_provider.french.vocabulary import WORDS, Vocabulary, VocabularyBrief
from schemas.language import Level

Clue = Literal["translation", "definition"]

_CLUES: Final[tuple[Clue, ...]] = ("translation", "definition")
_INSTRUCTIONS: Final[dict[Clue, str]] = {
    "translation": "Parmi ces {count} mots, un seul veut dire “{clue}”. Trouvez-le.",
    "definition": "Parmi ces {count} mots, un seul répond à cette définition : “{clue}”"
    " Trouvez-le.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WordProblemBrief:
    """Constraints on a problem about words; an empty tuple leaves the choice free."""

    levels: tuple[Level, ...] = ()
    statement_count: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class WordStatement:
    """A word to choose, or not."""

    content: str
    translation: str
    is_correct: bool
    explanation: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WordProblem:
    """A question with exactly one right word."""

    title: str
    instructions: str
    semantic_field: str
    statements: tuple[WordStatement, ...]


def make_word_problem(brief: WordProblemBrief, *, seed: int, ordinal: int) -> WordProblem:
    """Make the ordinal-th problem (from 0); other ordinals ask another question.

    Raises:
        ImpossibleBrief: there are no more than `ordinal` such problems.
    """
    problem = _stream(brief, seed).find(ordinal)
    if problem is None:
        raise ImpossibleBrief(f"expected more than {ordinal} different problems for {brief!r}")
    return problem


@lru_cache(maxsize=64)
def _stream(brief: WordProblemBrief, seed: int) -> Stream[WordProblem]:
    return Stream(_problems(brief, seed))


def _problems(brief: WordProblemBrief, seed: int) -> Iterator[WordProblem]:
    rng = random.Random(f"{seed}:{brief!r}")
    admitted = VocabularyBrief(levels=brief.levels)
    words = [word for word in WORDS if admitted.admits(word)]
    questions = [(word, clue) for word in words for clue in _CLUES]
    rng.shuffle(questions)
    for word, clue in questions:
        wrong = _likely(word, words, rng)[: brief.statement_count - 1]
        if len(wrong) == brief.statement_count - 1:
            statements = [_right(word), *map(_wrong, wrong)]
            rng.shuffle(statements)
            yield _worded(word, clue, tuple(statements))


def _likely(word: Vocabulary, words: list[Vocabulary], rng: random.Random) -> list[Vocabulary]:
    """Order the other words: first what could stand in its place, in its field before others."""
    others = [
        each for each in words if each.word != word.word and each.translation != word.translation
    ]
    rng.shuffle(others)
    return sorted(
        others,
        key=lambda each: (
            each.part_of_speech != word.part_of_speech,
            each.semantic_field != word.semantic_field,
        ),
    )


def _right(word: Vocabulary) -> WordStatement:
    return WordStatement(
        content=word.word, translation=word.translation, is_correct=True, explanation=None
    )


def _wrong(word: Vocabulary) -> WordStatement:
    return WordStatement(
        content=word.word,
        translation=word.translation,
        is_correct=False,
        explanation=f"“{word.word}” means “{word.translation}”.",
    )


def _worded(word: Vocabulary, clue: Clue, statements: tuple[WordStatement, ...]) -> WordProblem:
    return WordProblem(
        title=f"Trouver le mot : {word.semantic_field}",
        instructions=_INSTRUCTIONS[clue].format(
            count=COUNTS[len(statements)], clue=getattr(word, clue)
        ),
        semantic_field=word.semantic_field,
        statements=statements,
    )
