"""What the service tells the world over the topic `generation-events`."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from schemas.codes import ErrorCode
from schemas.json_schema import Known
from schemas.messages import schema_id
from schemas.states import FINAL, FinalStatus, Status

SETTLED_TYPE = "generation.settled.v1"
SETTLED_SCHEMA = schema_id("generation_settled.v1")


class GenerationSettled(BaseModel):
    """A generation request reached a final status; written once for each round."""

    model_config = ConfigDict(
        extra="ignore", frozen=True, json_schema_extra={"$id": SETTLED_SCHEMA}
    )

    schema_version: Literal[1] = 1
    generation_request_id: UUID
    entity_type: str
    status: Annotated[
        FinalStatus, Known([status for status in Status if status in FINAL], "How it ended.")
    ]
    round: int
    requested_count: int
    generated_count: int
    failed_count: int
    error_code: Annotated[str, Known(ErrorCode, "Why entities are missing.")] | None
    completed_at: datetime
