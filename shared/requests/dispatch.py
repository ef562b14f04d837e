"""The dispatch message of a request: it is sent on submit, and kept by a dead letter."""

from datetime import datetime
from uuid import UUID

from uuid_utils.compat import uuid7

from schemas.messages import (
    DISPATCH_SCHEMA,
    DISPATCH_TYPE,
    GenerationRequested,
    cloud_event_headers,
    time_header,
)
from shared.kafka.records import Record
from shared.outbox import request_id_key


def dispatch_record(request_id: UUID, *, topic: str, traceparent: str) -> Record:
    """Build the dispatch message of a request, but for its time; each is an event of its own."""
    message = GenerationRequested(schema_version=1, generation_request_id=request_id)
    return Record(
        topic=topic,
        key=request_id_key(request_id),
        value=message.model_dump_json().encode(),
        headers=cloud_event_headers(
            DISPATCH_TYPE,
            event_id=uuid7(),
            subject=request_id,
            traceparent=traceparent,
            dataschema=DISPATCH_SCHEMA,
        ),
    )


def timed(record: Record, at: datetime) -> Record:
    """Add the time of an event, which the database tells when the rest is written."""
    return Record(
        topic=record.topic,
        key=record.key,
        value=record.value,
        headers=[*record.headers, time_header(at)],
    )
