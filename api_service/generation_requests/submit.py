"""Accept requests: tracking records and dispatch messages in one statement, one commit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from api_service.generation_requests.accept_check import AcceptCheck
from api_service.generation_requests.columns import COLUMNS, NewRequest, arrays
from schemas.messages import TIME_HEADER
from shared.errors import DatabaseUnavailable
from shared.group_commit import GroupCommit
from shared.kafka.records import Record
from shared.kafka.topics import Topics
from shared.outbox import OutboxRow, Relay, columns
from shared.postgres.database import Database
from shared.requests.dispatch import dispatch_record, timed
from shared.runtime.logging import get_log
from shared.runtime.metrics import REQUESTS_ACCEPTED
from shared.sql import sql

log = get_log()
_counter = cache(REQUESTS_ACCEPTED.labels)

_NAMES = ", ".join(COLUMNS)
_ARRAYS = ", ".join(f":{name}::{sql_type}[]" for name, sql_type in COLUMNS.items())

ACCEPT = sql(f"""
-- The batch as rows, read twice below: materialized, so that the arrays are unpacked once.
WITH asked AS MATERIALIZED (
    SELECT * FROM unnest(:ids::uuid[], {_ARRAYS}, :topics::text[], :record_keys::bytea[],
                         :record_values::bytea[], :first_headers::int[], :last_headers::int[])
        AS asked (id, {_NAMES}, topic, record_key, record_value, first, last)
-- A repeated batch, whose commit was lost on the way, inserts nothing.
), accepted AS (
    INSERT INTO generation_requests (id, {_NAMES}, deadline_at)
    SELECT id, {_NAMES}, clock_timestamp() + make_interval(secs => :deadline_seconds)
      FROM asked
        ON CONFLICT (id) DO NOTHING
    RETURNING id, requested_at
-- In the same commit: an accepted request is dispatched, a refused one never is. The last header
-- is the event's time, as `timed` writes it.
), dispatched AS (
    INSERT INTO outbox
        (dispatch_request_id, topic, record_key, record_value, header_names, header_values)
    SELECT id, topic, record_key, record_value,
           (:header_names::text[])[first:last] || :time_header::text,
           (:header_values::bytea[])[first:last] || convert_to(
               to_char(requested_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'UTF8')
      FROM asked JOIN accepted USING (id)
    RETURNING dispatch_request_id, id
)
SELECT asked.id, dispatched.id AS outbox_id,
       coalesce(accepted.requested_at, (SELECT requested_at FROM generation_requests AS before
                                         WHERE before.id = asked.id)) AS requested_at
  FROM asked LEFT JOIN accepted USING (id)
  LEFT JOIN dispatched ON dispatch_request_id = asked.id""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """An accepted request: it will be settled."""

    request_id: UUID
    requested_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A request before it is accepted, and its dispatch message."""

    request_id: UUID
    new: NewRequest
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
        self.accept_check = AcceptCheck(database)
        self._accepting = GroupCommit(
            self._accept, key=lambda asked: asked.request_id, patience=database.patience
        )

    async def submit(self, new: NewRequest) -> Accepted:
        """Accept a request and offer its dispatch to the relay.

        Raises:
            DatabaseUnavailable: the request may or may not have been accepted.
        """
        request_id, topic = uuid7(), self._topics.requests[new.priority]
        dispatch = dispatch_record(request_id, topic=topic, traceparent=new.traceparent)
        row = await self._accepting.write(_Asked(request_id=request_id, new=new, dispatch=dispatch))
        if row["outbox_id"] is not None:
            self._relay.offer(OutboxRow(row["outbox_id"], timed(dispatch, row["requested_at"])))
        _counter(new.entity_type, new.priority).inc()
        log.info(
            "request_accepted",
            request_id=str(request_id),
            entity_type=new.entity_type,
            count=new.requested_count,
            priority=new.priority,
        )
        return Accepted(request_id=request_id, requested_at=row["requested_at"])

    async def _accept(self, asked: Sequence[_Asked]) -> list[asyncpg.Record]:
        """Accept requests in one statement; those accepted before have no outbox id."""
        try:
            rows = await ACCEPT.fetch(
                self._database,
                ids=[one.request_id for one in asked],
                deadline_seconds=self._deadline_seconds,
                time_header=TIME_HEADER,
                **arrays([one.new for one in asked]),
                **columns([one.dispatch for one in asked]),
            )
        except DatabaseUnavailable as error:
            self.accept_check.note(error)
            raise
        accepted = {row["id"]: row for row in rows}
        return [accepted[one.request_id] for one in asked]
