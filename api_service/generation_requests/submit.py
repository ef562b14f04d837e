"""Accept requests: tracking records and dispatch messages in one statement, one commit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import asyncpg
from pydantic_core import to_json
from uuid_utils.compat import uuid7

from schemas.states import Priority
from shared.group_commit import GroupCommit
from shared.kafka.publisher import Record
from shared.kafka.topics import Topics
from shared.outbox import OutboxRow, Relay, columns
from shared.postgres.database import Database
from shared.requests.dispatch import dispatch_record
from shared.runtime.logging import get_log
from shared.runtime.metrics import REQUESTS_ACCEPTED

log = get_log()
_counter = cache(REQUESTS_ACCEPTED.labels)

ACCEPT = """
WITH asked AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::int[], $4::jsonb[], $5::jsonb[], $6::text[],
                         $7::text[], $8::text[], $9::text[], $11::text[], $12::bytea[],
                         $13::bytea[], $16::int[], $17::int[])
        AS asked (id, entity_type, requested_count, constraints, metadata, priority, provider,
                  model, traceparent, topic, record_key, record_value, first, last)
), accepted AS (
    INSERT INTO generation_requests
        (id, entity_type, requested_count, constraints, metadata, priority, provider, model,
         traceparent, deadline_at)
    SELECT id, entity_type, requested_count, constraints, metadata, priority, provider, model,
           traceparent, clock_timestamp() + make_interval(secs => $10)
      FROM asked
        ON CONFLICT (id) DO NOTHING
    RETURNING id, requested_at
), dispatched AS (
    INSERT INTO outbox
        (dispatch_request_id, topic, record_key, record_value, header_names, header_values)
    SELECT id, topic, record_key, record_value,
           ($14::text[])[first:last], ($15::bytea[])[first:last]
      FROM asked JOIN accepted USING (id)
    RETURNING dispatch_request_id, id
)
SELECT asked.id, dispatched.id AS outbox_id,
       coalesce(accepted.requested_at, (SELECT requested_at FROM generation_requests AS before
                                         WHERE before.id = asked.id)) AS requested_at
  FROM asked LEFT JOIN accepted USING (id)
  LEFT JOIN dispatched ON dispatch_request_id = asked.id"""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A request before it is accepted, and its dispatch message."""

    request_id: UUID
    ask: Ask
    dispatch: Record


class Submissions:
    """Accept requests durably, those that come at the same time in one commit."""

    def __init__(
        self, database: Database, relay: Relay, *, topics: Topics, deadline_seconds: float
    ) -> None:
        self._database = database
        self._relay = relay
        self._topics = topics
        self._deadline_seconds = deadline_seconds
        self._accepting = GroupCommit(
            self._accept, key=lambda asked: asked.request_id, patience=database.patience
        )

    async def submit(self, ask: Ask) -> Promise:
        """Accept a request and offer its dispatch to the relay.

        Raises:
            DatabaseUnavailable: nothing is promised; the request may have been accepted.
        """
        request_id, topic = uuid7(), self._topics.requests[ask.priority]
        dispatch = dispatch_record(request_id, topic=topic, traceparent=ask.traceparent)
        row = await self._accepting.write(_Asked(request_id=request_id, ask=ask, dispatch=dispatch))
        if row["outbox_id"] is not None:
            self._relay.offer(OutboxRow(row["outbox_id"], dispatch))
        _counter(ask.entity_type, ask.priority).inc()
        log.info(
            "request_accepted",
            request_id=str(request_id),
            entity_type=ask.entity_type,
            count=ask.count,
            priority=ask.priority,
        )
        return Promise(request_id=request_id, requested_at=row["requested_at"])

    async def _accept(self, asked: Sequence[_Asked]) -> list[asyncpg.Record]:
        """Accept requests in one statement; those that are accepted already have no outbox id."""
        topics, keys, values, names, header_values, first, last = columns(
            [one.dispatch for one in asked]
        )
        asks = [one.ask for one in asked]
        rows = await self._database.fetch(
            ACCEPT,
            [one.request_id for one in asked],
            [ask.entity_type for ask in asks],
            [ask.count for ask in asks],
            [to_json(ask.constraints).decode() for ask in asks],
            [None if ask.metadata is None else to_json(ask.metadata).decode() for ask in asks],
            [ask.priority for ask in asks],
            [ask.provider for ask in asks],
            [ask.model for ask in asks],
            [ask.traceparent for ask in asks],
            self._deadline_seconds,
            topics,
            keys,
            values,
            names,
            header_values,
            first,
            last,
        )
        accepted = {row["id"]: row for row in rows}
        return [accepted[one.request_id] for one in asked]
