"""Accept a request: its tracking record and its dispatch message in one statement, one commit."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from shared.database import Database
from shared.dispatch import dispatch_record
from shared.logging import get_log
from shared.metrics import REQUESTS_ACCEPTED
from shared.outbox import OutboxRow, Relay, split_headers
from shared.states import Priority
from shared.topics import Topics

log = get_log()

ACCEPT = """
WITH accepted AS (
    INSERT INTO generation_requests
        (id, entity_type, requested_count, constraints, metadata, priority, provider, model,
         traceparent, deadline_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, clock_timestamp() + make_interval(secs => $10))
    RETURNING requested_at
), dispatched AS (
    INSERT INTO outbox
        (dispatch_request_id, topic, record_key, record_value, header_names, header_values)
    VALUES ($1, $11, $12, $13, $14, $15)
    RETURNING id
)
SELECT accepted.requested_at, dispatched.id AS outbox_id FROM accepted, dispatched"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a caller asks for, validated."""

    entity_type: str
    count: int
    constraints: dict[str, Any]
    metadata: dict[str, Any] | None
    priority: Priority
    traceparent: str
    provider: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """An accepted request: it will be settled."""

    request_id: UUID
    requested_at: datetime


async def submit(
    ask: Ask, *, database: Database, relay: Relay, topics: Topics, deadline_seconds: float
) -> Promise:
    """Accept the request durably and offer its dispatch to the relay.

    Raises:
        DatabaseUnavailable: nothing is promised; the request may have been accepted.
    """
    request_id = uuid7()
    record = dispatch_record(
        request_id, topic=topics.requests[ask.priority], traceparent=ask.traceparent
    )
    names, values = split_headers(record)
    row = await database.fetchrow(
        ACCEPT,
        request_id,
        ask.entity_type,
        ask.count,
        json.dumps(ask.constraints),
        None if ask.metadata is None else json.dumps(ask.metadata),
        ask.priority,
        ask.provider,
        ask.model,
        ask.traceparent,
        deadline_seconds,
        record.topic,
        record.key,
        record.value,
        names,
        values,
    )
    assert row is not None, "INSERT ... RETURNING returns its row"  # noqa: S101
    relay.offer(OutboxRow(row["outbox_id"], record))
    REQUESTS_ACCEPTED.labels(ask.entity_type, ask.priority).inc()
    log.info(
        "request_accepted",
        request_id=str(request_id),
        entity_type=ask.entity_type,
        count=ask.count,
        priority=ask.priority,
    )
    return Promise(request_id=request_id, requested_at=row["requested_at"])
