"""Read a dispatch message; of what it says only the id is used."""

from uuid import UUID

from aiokafka import ConsumerRecord
from pydantic import BaseModel, ValidationError

from schemas.dead_letters import Reason
from schemas.messages import GenerationRequested
from worker_service.settlement.poison import Poison


class _Version(BaseModel):
    schema_version: int


def read(record: "ConsumerRecord[bytes | None, bytes | None]") -> UUID | Poison:
    """Read the id that the message names, or why it can never be read."""
    try:
        message = GenerationRequested.model_validate_json(record.value or b"")
    except ValidationError as error:
        return poison(record, reason=_reason(record.value or b""), error=_fault(error))
    return message.generation_request_id


def _reason(value: bytes) -> Reason:
    """Tell a message of a newer version from one that is broken."""
    try:
        version = _Version.model_validate_json(value).schema_version
    except ValidationError:
        return Reason.UNREADABLE
    return Reason.UNREADABLE if version == 1 else Reason.UNSUPPORTED_VERSION


def _fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in fault["loc"])
    return f"{place}: {fault['msg']}" if place else fault["msg"]


def poison(
    record: "ConsumerRecord[bytes | None, bytes | None]", *, reason: Reason, error: str
) -> Poison:
    """Keep a record as it came, with the reason why nothing can be done with it."""
    return Poison(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        reason=reason,
        error=error,
        key=record.key,
        value=record.value,
        headers=record.headers,
    )
