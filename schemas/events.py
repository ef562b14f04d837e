"""What the service tells the world over the topic `generation-events`."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from schemas.states import FinalStatus

SETTLED_TYPE = "generation.settled.v1"


class GenerationSettled(BaseModel):
    """A generation request reached a final status; written once for each round."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    schema_version: Literal[1] = 1
    generation_request_id: UUID
    entity_type: str
    status: FinalStatus
    round: int
    requested_count: int
    generated_count: int
    failed_count: int
    error_code: str | None
    completed_at: datetime
