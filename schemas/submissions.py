"""What callers send to ask for entities."""

from copy import copy
from functools import reduce
from operator import or_
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    JsonValue,
    StrictInt,
    ValidationInfo,
    create_model,
    field_validator,
    model_validator,
)

from schemas.entities import ENTITY_TYPES
from schemas.entity import WHOLE, ConstraintsBase, EntityType, Strict, title_of
from schemas.json_schema import DefaultsInWords, DocumentedAs
from schemas.providers import ProviderChoice
from schemas.states import Priority

MAX_COUNT = 10

Count = Annotated[
    StrictInt,
    Field(ge=1, le=MAX_COUNT, description="How many entities; each takes 20 to 30 s to make."),
    WHOLE,
]
Metadata = Annotated[
    dict[str, JsonValue] | None,
    Field(
        description="Kept and given back. Numbers are IEEE doubles, integers of up to 64 bits are "
        "kept exactly; the order of keys is not kept."
    ),
]


def _known_entity_type(name: str) -> str:
    if name not in ENTITY_TYPES:
        raise ValueError(f"must be one of {', '.join(ENTITY_TYPES)}")
    return name


EntityTypeName = Annotated[
    str,
    AfterValidator(_known_entity_type),
    Field(json_schema_extra=lambda schema: schema.update(enum=[*ENTITY_TYPES])),
]


def _any_constraints() -> object:
    return reduce(or_, (entity_type.constraints for entity_type in ENTITY_TYPES.values()))


ConstraintsByType = Annotated[dict[str, JsonValue], DocumentedAs(_any_constraints)]


class SubmissionBase(DefaultsInWords, ProviderChoice):
    """What a caller may say of any request, whatever is asked for."""

    count: Count = 1
    metadata: Metadata = None
    priority: Priority = Field(
        Priority.NORMAL, description="How soon it is served, compared with others."
    )


class Submission(SubmissionBase):
    """Ask for `count` entities of one type."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "count": 3,
                    "metadata": {"lesson": "12"},
                    "entity_type": "sentence",
                    "constraints": {"verb_infinitives": ["lire"], "tenses_used": ["imparfait"]},
                }
            ]
        }
    )

    entity_type: EntityTypeName = Field(description="What is made.")
    constraints: ConstraintsByType = Field(
        {},
        description="What is asked of each entity: the constraints of its `entity_type`, no "
        "others. What is left out is the service's choice.",
    )

    @field_validator("constraints")
    @classmethod
    def _fits_its_entity_type(
        cls, constraints: dict[str, JsonValue], info: ValidationInfo
    ) -> dict[str, JsonValue]:
        entity_type = ENTITY_TYPES.get(info.data.get("entity_type", ""))
        if entity_type is None:
            return constraints
        return asked(entity_type.constraints.model_validate(constraints))


class TypedSubmission(SubmissionBase):
    """Ask for `count` entities of the type that the route names.

    Constraint fields may stand in `constraints` or beside it.
    """

    constraints: ConstraintsBase

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        self.together()
        return self

    def together(self) -> ConstraintsBase:
        """Merge the constraints of both places."""
        beside = self.model_fields_set & {*type(self.constraints).model_fields}
        return type(self.constraints).model_validate(
            {**asked(self.constraints), **self.model_dump(mode="json", include=beside)}
        )


def typed_submission(entity_type: EntityType) -> type[TypedSubmission]:
    """Make the body of the route that is named after an entity type."""
    constraints = entity_type.constraints
    fields: dict[str, Any] = {
        name: (field.annotation, copy(field)) for name, field in constraints.model_fields.items()
    }
    made: type[TypedSubmission] = create_model(
        f"{title_of(entity_type.name)}Submission",
        __base__=TypedSubmission,
        __doc__=f"Ask for `count` {entity_type.collection}. Constraint fields may stand in "
        "`constraints` or beside it; one that stands in both has the same value.",
        __validators__={"_is_the_same": field_validator(*fields)(_is_the_same)},
        constraints=(
            constraints,
            Field(constraints(), description="What is asked of each entity, in one place."),
        ),
        **fields,
    )
    bodies: list[Any] = []
    for example in constraints.model_json_schema().get("examples", []):
        bodies += [{"count": 3, "constraints": example}, {"count": 3, **example}]
    made.model_config["json_schema_extra"] = {"examples": bodies}
    return made


def _is_the_same(value: object, info: ValidationInfo) -> object:
    """Refuse a field that `constraints` has with another value; of each field beside it."""
    name, constraints = info.field_name, info.data.get("constraints")
    is_in_both = constraints is not None and name in constraints.model_fields_set
    if is_in_both and name is not None and getattr(constraints, name) != value:
        raise ValueError(f"given twice with two values, here and in `constraints.{name}`")
    return value


def asked(constraints: Strict) -> dict[str, Any]:
    """Write the constraints as the caller gave them: validated, without the defaults."""
    return constraints.model_dump(mode="json", exclude_unset=True)
