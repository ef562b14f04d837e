"""A word with its definition, its translation and an example."""

from pydantic import ConfigDict, Field

from schemas.entity import ConstraintsBase, EntityBase, Line, Word, optional_list
from schemas.language import Gender, Level, PartOfSpeech

COLLECTION = "vocabulary"


class Constraints(ConstraintsBase):
    """What a caller may ask of a word; what is left out is the generator's choice."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"parts_of_speech": ["noun"], "difficulty_level": "beginner"},
                {"semantic_fields": ["nourriture"]},
            ]
        }
    )

    parts_of_speech: list[PartOfSpeech] = optional_list(
        at_most=10, description="The parts of speech to choose from."
    )
    semantic_fields: list[Word] = optional_list(
        at_most=20, description="What the words are about, in the target language."
    )
    difficulty_level: Level | None = Field(None, description="How hard the word is.")


class Entity(EntityBase):
    """A word; `definition` and `example` are in the target language."""

    word: Word
    part_of_speech: PartOfSpeech
    gender: Gender | None = Field(None, description="Of a noun, where the language has genders.")
    definition: Line
    translation: Line
    example: Line
    example_translation: Line
    semantic_field: Word
    level: Level
