"""What callers send to the API and what they get back."""

from copy import copy
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StrictInt,
    ValidationInfo,
    create_model,
    field_validator,
    model_validator,
)

from schemas.dead_letters import DeadLetterReference
from schemas.entities import ENTITY_TYPES
from schemas.entity import ConstraintsBase, EntityType, Strict, title_of

MAX_COUNT = 10

Count = Annotated[
    StrictInt,
    Field(ge=1, le=MAX_COUNT, description="How many entities; each takes 20 to 30 s to make."),
]
Metadata = Annotated[
    dict[str, JsonValue] | None, Field(description="Kept and given back as it is.")
]
PriorityName = Literal["high", "normal", "low"]
StatusName = Annotated[
    Literal["pending", "processing", "completed", "partial", "failed", "cancelled"],
    Field(description="Final from `completed` on. Be ready for values to be added."),
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


class Submission(Strict):
    """Ask for `count` entities of one type."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "entity_type": "sentence",
                    "count": 3,
                    "constraints": {"verb_infinitives": ["lire"], "tenses_used": ["imparfait"]},
                    "metadata": {"lesson": "12"},
                }
            ]
        }
    )

    entity_type: EntityTypeName
    count: Count = 1
    constraints: dict[str, JsonValue] = Field(
        {}, description="What is asked of each entity: the constraints of its entity type."
    )
    metadata: Metadata = None
    priority: PriorityName = "normal"

    @field_validator("constraints")
    @classmethod
    def _fits_its_entity_type(
        cls, constraints: dict[str, JsonValue], info: ValidationInfo
    ) -> dict[str, JsonValue]:
        entity_type = ENTITY_TYPES.get(info.data.get("entity_type", ""))
        if entity_type is None:
            return constraints
        return asked(entity_type.constraints.model_validate(constraints))


class TypedSubmission(Strict):
    """Ask for `count` entities of the type that the route names.

    Constraint fields may stand in `constraints` or beside it, each of them once.
    """

    count: Count = 1
    constraints: ConstraintsBase
    metadata: Metadata = None
    priority: PriorityName = "normal"

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        self.together()
        return self

    def together(self) -> ConstraintsBase:
        """Return the constraints from both places."""
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
        "`constraints` or beside it, each of them once.",
        __validators__={"_is_given_once": field_validator(*fields)(_is_given_once)},
        constraints=(constraints, constraints()),
        **fields,
    )
    bodies: list[Any] = []
    for example in constraints.model_json_schema().get("examples", []):
        bodies += [{"count": 3, "constraints": example}, {"count": 3, **example}]
    made.model_config["json_schema_extra"] = {"examples": bodies}
    return made


def _is_given_once(value: object, info: ValidationInfo) -> object:
    """Refuse a field that `constraints` has too; a validator of each field beside it."""
    constraints = info.data.get("constraints")
    if constraints is not None and info.field_name in constraints.model_fields_set:
        raise ValueError(f"given twice, here and in `constraints.{info.field_name}`")
    return value


def asked(constraints: Strict) -> dict[str, Any]:
    """Return the constraints as the caller gave them: validated, without the defaults."""
    return constraints.model_dump(mode="json", exclude_unset=True)


class Accepted(BaseModel):
    """The answer of a route that is named after an entity type."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "message": "Generation request created",
                    "request_id": "019aa3f0-5d1c-7b3e-9c55-0b7c5d1f2a10",
                    "count": 3,
                    "status": "pending",
                }
            ]
        }
    )

    message: str = "Generation request created"
    request_id: UUID
    count: int
    status: StatusName


class ErrorSummary(BaseModel):
    """Why the request did not make every entity."""

    code: str
    message: str | None
    retryable: bool = Field(description="Whether asking again for the same may succeed.")


class Failure(BaseModel):
    """An item that failed."""

    ordinal: int = Field(description="Which one of the request, from 0.")
    code: str
    message: str | None
    attempts: int = Field(description="How often the provider was called for it.")


class Usage(BaseModel):
    """What the recorded items cost in calls and tokens, as the provider counts them."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0


class Urls(BaseModel):
    """Where to go from here."""

    self: str


class GenerationRequest(BaseModel):
    """The tracking record of a generation request."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "request_id": "019aa3f0-5d1c-7b3e-9c55-0b7c5d1f2a10",
                    "entity_type": "sentence",
                    "status": "processing",
                    "requested_at": "2026-11-21T10:30:00.000000Z",
                    "started_at": "2026-11-21T10:30:00.120000Z",
                    "completed_at": None,
                    "requested_count": 3,
                    "generated_count": 1,
                    "failed_count": 0,
                    "constraints": {"verb_infinitives": ["lire"], "tenses_used": ["imparfait"]},
                    "metadata": {"lesson": "12"},
                    "error_message": None,
                    "entities": [
                        {
                            "id": "019aa3f0-c2d4-7e11-8f4a-3a1f7f0c9b21",
                            "created_at": "2026-11-21T10:30:24.310000Z",
                            "updated_at": "2026-11-21T10:30:24.310000Z",
                            "target_language_code": "fra",
                            "content": "Nous lisions un roman.",
                            "translation": "We were reading a novel.",
                            "pronoun": "nous",
                            "tense": "imparfait",
                            "direct_object": "masculine",
                            "indirect_object": "none",
                            "negation": "none",
                            "is_correct": True,
                            "explanation": None,
                        }
                    ],
                    "error": None,
                    "failures": [],
                    "dead_letter": None,
                    "usage": {
                        "calls": 1,
                        "input_tokens": 142,
                        "output_tokens": 37,
                        "reasoning_tokens": 0,
                    },
                    "priority": "normal",
                    "provider": "demo",
                    "model": None,
                    "version": 3,
                    "urls": {"self": "/generation-requests/019aa3f0-5d1c-7b3e-9c55-0b7c5d1f2a10"},
                }
            ]
        }
    )

    request_id: UUID
    entity_type: str
    status: StatusName
    requested_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    requested_count: int
    generated_count: int
    failed_count: int
    constraints: dict[str, JsonValue]
    metadata: dict[str, JsonValue] | None
    error_message: str | None
    entities: list[dict[str, JsonValue]] = Field(
        description="The entities made so far, in the order of their ordinals."
    )
    error: ErrorSummary | None
    failures: list[Failure]
    dead_letter: DeadLetterReference | None = Field(
        description="The letter of this round, once it settled without all its entities."
    )
    usage: Usage
    priority: PriorityName
    provider: str | None
    model: str | None
    version: int = Field(description="Rises with every visible change.")
    urls: Urls


class GenerationRequestSummary(BaseModel):
    """The tracking record as lists show it: no `entities`, `failures` and `dead_letter`."""

    request_id: UUID
    entity_type: str
    status: StatusName
    requested_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    requested_count: int
    generated_count: int
    failed_count: int
    constraints: dict[str, JsonValue]
    metadata: dict[str, JsonValue] | None
    error_message: str | None
    error: ErrorSummary | None
    usage: Usage
    priority: PriorityName
    provider: str | None
    model: str | None
    version: int = Field(description="Rises with every visible change.")
    urls: Urls


class GenerationRequestPage(BaseModel):
    """A page of a list, newest requests first."""

    data: list[GenerationRequestSummary] = Field(
        description="Summaries: what was made, and what failed, stands in the record itself."
    )
    next_cursor: str | None = Field(
        description="The `cursor` of the next page, for the same filters; null on the last page."
    )
    has_more: bool = Field(description="Whether there is a next page.")


class ProblemDetail(BaseModel):
    """One fault of a request, and where it is."""

    detail: str
    pointer: str | None = Field(None, description="A JSON pointer into the body.")
    parameter: str | None = Field(None, description="The path, query or header parameter.")


class Problem(BaseModel):
    """What went wrong, as RFC 9457 has it."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str | None = None
    instance: str | None = None
    code: str = Field(description="Stable name of the problem.")
    errors: list[ProblemDetail] | None = None
