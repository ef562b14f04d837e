"""Vocabulary: words with definition, translation and example, from a committed list."""

import random
from dataclasses import dataclass
from typing import Final, cast

from demo_provider.french.errors import ImpossibleBrief
from demo_provider.french.vocabulary_data import ROWS
from schemas.language import Gender, Level, PartOfSpeech

_LEVELS: Final[dict[str, Level]] = {"A1": "beginner", "A2": "elementary", "B1": "intermediate"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """A word. `gender` is None unless it is a noun; `definition` is in simple French."""

    word: str
    part_of_speech: PartOfSpeech
    gender: Gender | None
    definition: str
    translation: str
    example: str
    example_translation: str
    semantic_field: str
    level: Level


@dataclass(frozen=True, slots=True, kw_only=True)
class VocabularyBrief:
    """Constraints on a word; an empty tuple leaves the choice free.

    `semantic_fields` are those of `SEMANTIC_FIELDS`.
    """

    semantic_fields: tuple[str, ...] = ()
    parts_of_speech: tuple[PartOfSpeech, ...] = ()
    levels: tuple[Level, ...] = ()

    def admits(self, word: Vocabulary) -> bool:
        return (
            word.semantic_field in (self.semantic_fields or SEMANTIC_FIELDS)
            and (not self.parts_of_speech or word.part_of_speech in self.parts_of_speech)
            and (not self.levels or word.level in self.levels)
        )


def make_vocabulary(brief: VocabularyBrief, *, seed: int, ordinal: int) -> Vocabulary:
    """Give the ordinal-th word (from 0) of the shuffled words that the brief admits.

    Raises:
        ImpossibleBrief: there are no more than `ordinal` such words.
    """
    words = [word for word in WORDS if brief.admits(word)]
    if ordinal >= len(words):
        raise ImpossibleBrief(f"expected more than {ordinal} words for {brief!r}, has {len(words)}")
    random.Random(seed).shuffle(words)
    return words[ordinal]


def _parse(field: str, block: str) -> Vocabulary:
    head, definition, example, example_translation = block.strip().splitlines()
    entry, part_of_speech, translation, level = [cell.strip() for cell in head.split("|")]
    word, _, gender = entry.partition(" ")
    genders: dict[str, Gender | None] = {"m": "masculine", "f": "feminine", "": None}
    return Vocabulary(
        word=word,
        part_of_speech=cast("PartOfSpeech", part_of_speech),
        gender=genders[gender],
        definition=definition,
        translation=translation,
        example=example,
        example_translation=example_translation,
        semantic_field=field,
        level=_LEVELS[level],
    )


SEMANTIC_FIELDS: Final = tuple(ROWS)
WORDS: Final = tuple(
    _parse(field, block) for field, blocks in ROWS.items() for block in blocks.split("\n\n")
)
