"""A sentence with its translation and the grammar that it shows."""

from pydantic import ConfigDict, Field, StrictBool, model_validator

from schemas.entity import ConstraintsBase, EntityBase, Line, Word, optional_list
from schemas.language import Level, Negation, ObjectForm, Pronoun, Tense

COLLECTION = "sentences"


class Constraints(ConstraintsBase):
    """What a caller may ask of a sentence; what is left out is the generator's choice."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"verb_infinitives": ["lire"], "tenses_used": ["imparfait"]}]
        }
    )

    verb_infinitives: list[Word] = optional_list(
        at_most=20, description="The verbs to choose from, such as `lire`."
    )
    tenses_used: list[Tense] = optional_list(at_most=8, description="The tenses to choose from.")
    pronoun: Pronoun | None = Field(None, description="The subject.")
    includes_negation: StrictBool | None = Field(None, description="Whether it is negated.")
    includes_cod: StrictBool | None = Field(None, description="Whether it has a direct object.")
    includes_coi: StrictBool | None = Field(None, description="Whether it has an indirect object.")
    is_correct: StrictBool = Field(
        default=True,
        description="False asks for a sentence with one mistake and its explanation.",
    )
    difficulty_level: Level | None = Field(
        None, description="Narrows the tenses, unless none of `tenses_used` suits it."
    )


class Entity(EntityBase):
    """A sentence; `explanation` says what is wrong with an incorrect one."""

    content: Line
    translation: Line
    pronoun: Pronoun
    tense: Tense
    direct_object: ObjectForm
    indirect_object: ObjectForm
    negation: Negation
    is_correct: StrictBool
    explanation: Line | None = None

    @model_validator(mode="after")
    def _explain_what_is_wrong(self) -> "Entity":
        if not self.is_correct and self.explanation is None:
            raise ValueError("an incorrect sentence needs an explanation")
        return self
