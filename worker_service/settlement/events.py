"""Write the event of a settled request, in the settling transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from schemas.dead_letters import Reason
from schemas.events import SETTLED_SCHEMA, SETTLED_TYPE, GenerationSettled
from schemas.messages import cloud_event_headers, time_header
from shared.kafka.records import Record
from shared.outbox import OutboxRow, Relay, insert, request_id_key
from shared.postgres.database import Connection
from shared.runtime.logging import get_log
from shared.runtime.metrics import REQUEST_SECONDS, REQUESTS_SETTLED

log = get_log()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """A settled request, the reason of its dead letter, and the outbox row of its event."""

    request_id: UUID
    entity_type: str
    status: str
    seconds: float
    reason: Reason | None
    event: OutboxRow


def announce(settlement: Settlement, relay: Relay) -> None:
    """Log a settlement and offer its event to the relay, once its transaction is committed."""
    log.info(
        "request_settled",
        request_id=str(settlement.request_id),
        status=settlement.status,
        dead_letter=settlement.reason,
    )
    REQUESTS_SETTLED.labels(settlement.entity_type, settlement.status).inc()
    REQUEST_SECONDS.labels(settlement.entity_type).observe(settlement.seconds)
    relay.offer(settlement.event)


async def notify(
    connection: Connection,
    settled: Sequence[tuple[asyncpg.Record, Reason | None]],
    *,
    events_topic: str,
) -> list[Settlement]:
    """Write the events of requests that have just been settled, in the caller's transaction.

    Each comes with the reason of its dead letter, if it has one.
    """
    if not settled:
        return []
    events = await insert(connection, [_event(request, events_topic) for request, _ in settled])
    return [
        Settlement(
            request_id=request["id"],
            entity_type=request["entity_type"],
            status=request["status"],
            seconds=(request["completed_at"] - request["requested_at"]).total_seconds(),
            reason=reason,
            event=event,
        )
        for (request, reason), event in zip(settled, events, strict=True)
    ]


def _event(request: asyncpg.Record, topic: str) -> Record:
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
    return Record(
        topic=topic,
        key=request_id_key(request["id"]),
        value=event.model_dump_json().encode(),
        headers=[
            *cloud_event_headers(
                SETTLED_TYPE,
                event_id=uuid7(),
                subject=request["id"],
                traceparent=request["traceparent"],
                dataschema=SETTLED_SCHEMA,
            ),
            time_header(request["completed_at"]),
        ],
    )
