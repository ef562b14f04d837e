"""Write the event of a settled request, in the settling transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
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
from shared.runtime.trace_context import trace_id_of
from shared.tracing import Share, Tracer
from shared.tracing.conventions import DEAD_LETTER, ENTITY_TYPE, REQUEST_ID, STATUS

log = get_log()
_settled = cache(REQUESTS_SETTLED.labels)
_seconds = cache(REQUEST_SECONDS.labels)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """A settled request, the reason of its dead letter, and the outbox row of its event.

    `begun_ns` is when the settling began (`time.time_ns`).
    """

    request_id: UUID
    entity_type: str
    status: str
    seconds: float
    reason: Reason | None
    traceparent: str
    event: OutboxRow
    begun_ns: int


def announce(settlement: Settlement, relay: Relay, tracer: Tracer | None) -> None:
    """Log a settlement and offer its event to the relay, once its transaction is committed."""
    if tracer is not None:
        tracer.note("settle", [_share(settlement)], begun_ns=settlement.begun_ns)
    log.info(
        "request_settled",
        request_id=str(settlement.request_id),
        trace_id=trace_id_of(settlement.traceparent),
        status=settlement.status,
        dead_letter=settlement.reason,
    )
    _settled(settlement.entity_type, settlement.status).inc()
    _seconds(settlement.entity_type).observe(settlement.seconds)
    relay.offer(settlement.event)


def _share(settlement: Settlement) -> Share:
    return Share(
        name="settle",
        traceparent=settlement.traceparent,
        attributes={
            REQUEST_ID: str(settlement.request_id),
            ENTITY_TYPE: settlement.entity_type,
            STATUS: settlement.status,
            DEAD_LETTER: settlement.reason,
        },
    )


async def notify(
    connection: Connection,
    settled: Sequence[tuple[asyncpg.Record, Reason | None]],
    *,
    events_topic: str,
    begun_ns: int,
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
            traceparent=request["traceparent"],
            event=event,
            begun_ns=begun_ns,
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
