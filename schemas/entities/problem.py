"""A problem: statements of which exactly one is right."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StrictBool, StrictInt, model_validator

from schemas.entity import (
    WHOLE,
    ConstraintsBase,
    EntityBase,
    Line,
    Strict,
    Word,
    optional_list,
)
from schemas.language import Focus, Level, Tense

COLLECTION = "problems"

MIN_STATEMENTS = 2
MAX_STATEMENTS = 6

ProblemType = Annotated[
    Literal["grammar", "functional", "vocabulary"],
    Field(
        description="What is asked: which sentence is correct, which one says what is meant, "
        "which word it is."
    ),
]


class Constraints(ConstraintsBase):
    """What a caller may ask of a problem; what is left out is the generator's choice."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"verb_infinitives": ["lire"], "tenses_used": ["imparfait"], "statement_count": 4},
                {"problem_type": "functional", "focus": "pronouns", "includes_negation": True},
                {"problem_type": "vocabulary", "difficulty_level": "beginner"},
            ]
        }
    )

    problem_type: ProblemType = "grammar"
    focus: Focus | None = Field(None, description="What a `functional` problem turns on.")
    grammatical_focus: list[Word] = optional_list(
        at_most=10, description="What the problem is about, for example `negation`."
    )
    verb_infinitives: list[Word] = optional_list(
        at_most=20, description="The verbs to choose from, such as `lire`."
    )
    tenses_used: list[Tense] = optional_list(at_most=8, description="The tenses to choose from.")
    includes_negation: StrictBool | None = Field(
        None, description="Whether the sentences are negated."
    )
    includes_cod: StrictBool | None = Field(None, description="Whether there is a direct object.")
    includes_coi: StrictBool | None = Field(
        None, description="Whether there is an indirect object."
    )
    difficulty_level: Level | None = Field(
        None, description="Narrows the tenses, unless none of `tenses_used` suits it."
    )
    statement_count: Annotated[StrictInt, Field(ge=MIN_STATEMENTS, le=MAX_STATEMENTS), WHOLE] = (
        Field(4, description="How many answers there are to choose from.")
    )


class Statement(Strict):
    """One of the answers to choose from."""

    content: Line
    is_correct: StrictBool
    translation: Line | None = Field(None, description="What the right one means.")
    explanation: Line | None = Field(None, description="Why a wrong one is wrong.")

    @model_validator(mode="after")
    def _says_why(self) -> "Statement":
        if self.is_correct and self.translation is None:
            raise ValueError("the right statement needs a translation")
        if not self.is_correct and self.explanation is None:
            raise ValueError("a wrong statement needs an explanation")
        return self


class Entity(EntityBase):
    """A problem; `correct_answer_index` is the place of its right statement, from 0."""

    problem_type: ProblemType
    title: Line
    instructions: Line
    statements: list[Statement] = Field(min_length=MIN_STATEMENTS, max_length=MAX_STATEMENTS)
    correct_answer_index: Annotated[StrictInt, Field(ge=0, lt=MAX_STATEMENTS), WHOLE]
    topic_tags: list[Word] = Field(max_length=20)

    @model_validator(mode="after")
    def _has_one_right_answer(self) -> "Entity":
        right = [index for index, each in enumerate(self.statements) if each.is_correct]
        if right != [self.correct_answer_index]:
            raise ValueError(
                f"exactly one statement must be right, the one at {self.correct_answer_index}; "
                f"right are {right}"
            )
        if len({each.content for each in self.statements}) < len(self.statements):
            raise ValueError("the statements must differ")
        return self
