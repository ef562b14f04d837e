"""Tell the world that a request was settled: an event in the settling transaction."""

import asyncpg
from uuid_utils.compat import uuid7

from schemas.events import SETTLED_TYPE, GenerationSettled
from schemas.messages import cloud_event_headers
from shared.database import Connection
from shared.kafka import Record
from shared.outbox import OutboxRow, insert, request_id_key


async def notify(
    connection: Connection, request: asyncpg.Record, *, events_topic: str
) -> OutboxRow:
    """Write the event of a request that has just been settled, in the caller's transaction.

    Returns the outbox row, to be offered to the relay once the transaction is committed.
    """
    event = GenerationSettled(
        generation_request_id=request["id"],
        entity_type=request["entity_type"],
        status=request["status"],
        round=request["round"],
        requested_count=request["requested_count"],
        generated_count=request["generated_count"],
        failed_count=request["failed_count"],
        error_code=request["error_code"],
        completed_at=request["completed_at"],
    )
    record = Record(
        topic=events_topic,
        key=request_id_key(request["id"]),
        value=event.model_dump_json().encode(),
        headers=cloud_event_headers(
            SETTLED_TYPE,
            event_id=uuid7(),
            subject=request["id"],
            traceparent=request["traceparent"],
        ),
    )
    return OutboxRow(await insert(connection, record), record)
