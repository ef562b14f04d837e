"""What the services say to each other over Kafka: thin JSON values, CloudEvents headers."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

SOURCE = "/generation-service"

Headers = list[tuple[str, bytes | None]]


class GenerationRequested(BaseModel):
    """The dispatch message. The row decides: a consumer uses the id and nothing else."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    schema_version: Annotated[Literal[1], Field(description="Rises with an incompatible change.")]
    generation_request_id: UUID


DISPATCH_TYPE = "generation.requested.v1"


def cloud_event_headers(
    event_type: str, *, event_id: UUID, subject: UUID, traceparent: str
) -> Headers:
    """Build the headers of a CloudEvents 1.0 record in binary mode.

    https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
    """
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", str(event_id).encode()),
        ("ce_type", event_type.encode()),
        ("ce_source", SOURCE.encode()),
        ("ce_subject", str(subject).encode()),
        ("content-type", b"application/json"),
        ("traceparent", traceparent.encode()),
    ]
