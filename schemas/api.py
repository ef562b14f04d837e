"""What callers get back from the API."""

from datetime import datetime
from functools import reduce
from operator import or_
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from schemas.codes import ErrorCode, ProblemCode
from schemas.dead_letters import DeadLetterReference
from schemas.entities import ENTITY_TYPES
from schemas.json_schema import DocumentedAs, Known
from schemas.states import Priority, Status
from schemas.usage import Usage

StatusShown = Annotated[Status, Known(Status, "Final from `completed` on.")]
CodeShown = Annotated[str, Known(ErrorCode, "The stable name of what went wrong.")]


def _any_entity() -> object:
    types = [entity_type.representation for entity_type in ENTITY_TYPES.values()]
    return Annotated[reduce(or_, types), Field(discriminator="entity_type")]


EntityShown = Annotated[dict[str, JsonValue], DocumentedAs(_any_entity)]
"""Written as it was recorded: to validate it again would refuse what an older version has made."""


class Accepted(BaseModel):
    """The answer of a route that is named after an entity type."""

    model_config = ConfigDict(
        json_schema_serialization_defaults_required=True,
        json_schema_extra={
            "examples": [
                {
                    "message": "Generation request created",
                    "request_id": "019aa3f0-5d1c-7b3e-9c55-0b7c5d1f2a10",
                    "count": 3,
                    "status": "pending",
                }
            ]
        },
    )

    message: str = "Generation request created"
    request_id: UUID
    count: int
    status: StatusShown


class ErrorSummary(BaseModel):
    """Why the request did not make every entity."""

    code: CodeShown
    message: str | None
    retryable: bool = Field(
        description="Whether the same request may succeed if it is submitted again."
    )


class Failure(BaseModel):
    """An item that failed."""

    ordinal: int = Field(description="Which one of the request, from 0.")
    code: CodeShown
    message: str | None
    attempts: int = Field(description="How often the provider was called for it, in all attempts.")


class LastFailure(BaseModel):
    """How the last call failed of those for items that are still missing."""

    code: CodeShown
    message: str
    at: datetime = Field(description="When the call ended.")
    provider: str
    model: str | None
    calls: int = Field(description="How many calls were made so far for the item.")


class Urls(BaseModel):
    """Where to go from here."""

    self: str


class GenerationRequestSummary(BaseModel):
    """The tracking record as lists show it: without what was made, what failed and why."""

    request_id: UUID
    entity_type: Annotated[str, Known(ENTITY_TYPES, "What is made.")]
    status: StatusShown
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
    priority: Priority
    provider: str | None
    model: str | None = Field(
        description="The one that answered last, as the provider names it; while none has, the one"
        " that was called last; before the first call the one that was asked for, null for the"
        " service's choice."
    )
    version: int = Field(description="Rises with every visible change.")
    urls: Urls


class GenerationRequest(GenerationRequestSummary):
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
                    "error": None,
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
                    "entities": [
                        {
                            "entity_type": "sentence",
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
                    "failures": [],
                    "last_failure": None,
                    "dead_letter": None,
                }
            ]
        }
    )

    entities: list[EntityShown] = Field(
        description="The entities made so far, in the order of their ordinals."
    )
    failures: list[Failure]
    last_failure: LastFailure | None = Field(
        description="What keeps an item from being made, while the request waits or is worked on; "
        "null once it is final."
    )
    dead_letter: DeadLetterReference | None = Field(
        description="The dead letter of this round, once it settled without all its entities."
    )


class GenerationRequestPage(BaseModel):
    """A page of a list, newest requests first."""

    data: list[GenerationRequestSummary] = Field(
        description="Summaries: what was made, and what failed, stands in the record itself."
    )
    next_cursor: str | None = Field(
        description="The `cursor` of the next page, for the same filters; null on the last page."
    )
    has_more: bool = Field(description="Whether there is a next page.")


class Fault(BaseModel):
    """One fault of a request, and where it is."""

    detail: str
    pointer: str | None = Field(None, description="A JSON pointer into the body.")
    parameter: str | None = Field(None, description="The path, query or header parameter.")


class ProblemDetails(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str | None = None
    instance: str | None = None
    code: Annotated[str, Known(ProblemCode, "The stable name of the problem; decide by it.")]
    errors: list[Fault] | None = None
