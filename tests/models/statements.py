"""What the model is compared with, and the moves that the clock makes or the product lacks."""

import json

import asyncpg

from schemas.states import Status
from tests.models.model import Model

SNAPSHOT = """
SELECT request.*,
       status = 'processing' AND lease_until < clock_timestamp() AS is_expired,
       not_before <= clock_timestamp() AS is_due,
       not_before <= clock_timestamp() - interval '10 minutes' AS is_forgotten,
       deadline_at <= clock_timestamp() AS is_overdue,
       (SELECT json_object_agg(ordinal, split_part(entity ->> 'id', '/', 3)) FROM generation_items
         WHERE generation_request_id = request.id) AS items,
       (SELECT count(*) FROM outbox WHERE dispatch_request_id = request.id) AS dispatches,
       ARRAY (SELECT convert_from(record_value, 'UTF8') FROM outbox
               WHERE topic = $1 AND record_key = convert_to(request.id::text, 'UTF8')
               ORDER BY outbox.id) AS events,
       ARRAY (SELECT round FROM dead_letters WHERE generation_request_id = request.id
               ORDER BY round) AS letters
  FROM generation_requests AS request"""

EMPTY = "TRUNCATE generation_requests, generation_items, outbox, dead_letters"

HOLD_LEASES = """
UPDATE generation_requests SET lease_until = clock_timestamp() + interval '1 hour'
 WHERE id = ANY ($1::uuid[])"""

WAIT_TEN_MINUTES = """
UPDATE generation_requests SET not_before = clock_timestamp() - interval '601 seconds'
 WHERE status = 'pending'"""

MISS_DEADLINE = """
UPDATE generation_requests SET deadline_at = clock_timestamp() - interval '1 second'
 WHERE id = $1"""

OUTBOX_IS_DUE = "UPDATE outbox SET claimed_until = clock_timestamp() - interval '1 second'"

CANCEL = """
UPDATE generation_requests
   SET status = 'cancelled', epoch = epoch + 1, version = version + 1,
       lease_owner = NULL, lease_until = NULL, completed_at = clock_timestamp()
 WHERE id = $1 AND completed_at IS NULL"""

REOPEN = """
WITH reopened AS (
    UPDATE generation_requests
       SET status = 'pending', epoch = epoch + 1, round = round + 1, version = version + 1,
           failed_count = 0, crashes = 0, releases = 0, started_at = NULL, completed_at = NULL,
           error_code = NULL, error_message = NULL, not_before = clock_timestamp(),
           deadline_at = clock_timestamp() + interval '1 hour'
     WHERE id = $1 AND completed_at IS NOT NULL AND generated_count < requested_count
    RETURNING id
), retried AS (
    DELETE FROM generation_items USING reopened
     WHERE generation_request_id = reopened.id AND status = 'failed'
)
INSERT INTO outbox (topic, dispatch_request_id) SELECT 'requests', id FROM reopened"""


def model_of(row: asyncpg.Record) -> Model:
    """Read a request as PostgreSQL has it, counts apart."""
    items = json.loads(row["items"] or "{}")
    events = [json.loads(event) for event in row["events"]]
    return Model(
        count=row["requested_count"],
        entity_type=row["entity_type"],
        status=Status(row["status"]),
        epoch=row["epoch"],
        round=row["round"],
        crashes=row["crashes"],
        releases=row["releases"],
        items={int(ordinal): entity for ordinal, entity in items.items()},
        owner=row["lease_owner"],
        is_started=row["started_at"] is not None,
        is_expired=row["is_expired"],
        is_due=row["is_due"],
        is_forgotten=row["is_forgotten"],
        is_overdue=row["is_overdue"],
        dispatches=row["dispatches"],
        events=[(event["round"], event["status"]) for event in events],
        letters=row["letters"],
    )
