"""What the services say to each other over Kafka: thin JSON values, CloudEvents headers."""

from datetime import UTC, datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

SOURCE = "/generation-service"
TIME_HEADER: Final = "ce_time"

Headers = list[tuple[str, bytes | None]]


def schema_id(name: str) -> str:
    """Name the JSON Schema that is exported as `name`: `$id` there, `dataschema` in events."""
    return f"urn:generation-service:schema:{name}"


DISPATCH_TYPE = "generation.requested.v1"
DISPATCH_SCHEMA = schema_id("generation_requested.v1")


class GenerationRequested(BaseModel):
    """The dispatch message. The row decides: a consumer uses the id and nothing else."""

    model_config = ConfigDict(
        extra="ignore", frozen=True, json_schema_extra={"$id": DISPATCH_SCHEMA}
    )

    schema_version: Annotated[Literal[1], Field(description="Rises with an incompatible change.")]
    generation_request_id: UUID


def cloud_event_headers(
    event_type: str, *, event_id: UUID, subject: UUID, traceparent: str, dataschema: str
) -> Headers:
    """Build the headers of a CloudEvents 1.0 record in binary mode, all but its time.

    https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
    """
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", str(event_id).encode()),
        ("ce_type", event_type.encode()),
        ("ce_source", SOURCE.encode()),
        ("ce_subject", str(subject).encode()),
        ("ce_dataschema", dataschema.encode()),
        ("content-type", b"application/json"),
        ("traceparent", traceparent.encode()),
    ]


def time_header(at: datetime) -> tuple[str, bytes]:
    """Write the time of an event, which is the database's, as RFC 3339 in UTC."""
    written = at.astimezone(UTC).isoformat(timespec="microseconds")
    return TIME_HEADER, written.replace("+00:00", "Z").encode()
