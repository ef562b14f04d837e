"""The invariants that PostgreSQL shows."""

from collections.abc import Mapping
from typing import LiteralString

from shared.postgres.database import Database

INVARIANTS: dict[str, LiteralString] = {
    "the counts of request {} are not those of its items": """
SELECT request.id FROM generation_requests AS request
  LEFT JOIN LATERAL (
       SELECT count(*) FILTER (WHERE status = 'succeeded') AS generated,
              count(*) FILTER (WHERE status = 'failed') AS failed
         FROM generation_items WHERE generation_request_id = request.id) AS items ON true
 WHERE generated_count <> generated OR failed_count <> failed""",
    "request {} has an item with an ordinal out of its range": """
SELECT DISTINCT request.id FROM generation_requests AS request
  JOIN generation_items AS item ON item.generation_request_id = request.id
 WHERE ordinal NOT BETWEEN 0 AND requested_count - 1""",
    "request {} has two items of the same ordinal": """
SELECT generation_request_id AS id FROM generation_items
 GROUP BY generation_request_id, ordinal HAVING count(*) > 1""",
    "an item of request {} succeeded without an entity, or failed with one": """
SELECT DISTINCT generation_request_id AS id FROM generation_items
 WHERE (status = 'succeeded') <> (entity ->> 'id' IS NOT NULL)""",
    "the entity {} belongs to two items": """
SELECT entity ->> 'id' AS id FROM generation_items WHERE status = 'succeeded'
 GROUP BY entity ->> 'id' HAVING count(*) > 1""",
    "request {} is final and has a lease": """
SELECT id FROM generation_requests
 WHERE completed_at IS NOT NULL AND (lease_owner IS NOT NULL OR lease_until IS NOT NULL)""",
    "request {} is final and has open items": """
SELECT id FROM generation_requests
 WHERE completed_at IS NOT NULL AND status <> 'cancelled'
   AND generated_count + failed_count <> requested_count""",
    "request {} has a letter too many, or none": """
SELECT request.id FROM generation_requests AS request
  LEFT JOIN dead_letters AS letter
         ON letter.generation_request_id = request.id AND letter.round = request.round
 GROUP BY request.id
HAVING count(letter.id) <> (request.status IN ('partial', 'failed'))::int""",
    "request {} has two letters for the same round": """
SELECT generation_request_id AS id FROM dead_letters WHERE generation_request_id IS NOT NULL
 GROUP BY generation_request_id, round HAVING count(*) > 1""",
    "two letters are about the record at {}": """
SELECT concat_ws('/', topic, kafka_partition, kafka_offset) AS id FROM dead_letters
 WHERE generation_request_id IS NULL
 GROUP BY topic, kafka_partition, kafka_offset, content_digest HAVING count(*) > 1""",
    "request {} has a call for an ordinal out of its range": """
SELECT DISTINCT request.id FROM generation_requests AS request
  JOIN provider_calls AS call ON call.generation_request_id = request.id
 WHERE call.ordinal NOT BETWEEN 0 AND requested_count - 1""",
    "request {} has a call of a round that it has not begun": """
SELECT DISTINCT request.id FROM generation_requests AS request
  JOIN provider_calls AS call ON call.generation_request_id = request.id
 WHERE call.round NOT BETWEEN 1 AND request.round""",
    "request {} has a call of an epoch that it has not had": """
SELECT DISTINCT request.id FROM generation_requests AS request
  JOIN provider_calls AS call ON call.generation_request_id = request.id
 WHERE call.epoch NOT BETWEEN 1 AND request.epoch""",
}

PAID: dict[str, LiteralString] = {
    "an item of request {} succeeded without a call that did": """
SELECT DISTINCT item.generation_request_id AS id FROM generation_items AS item
 WHERE status = 'succeeded' AND NOT EXISTS (
       SELECT FROM provider_calls AS call
        WHERE call.generation_request_id = item.generation_request_id
          AND call.ordinal = item.ordinal AND call.outcome = 'ok')""",
    "an item of request {} counts more calls than are recorded": """
SELECT DISTINCT item.generation_request_id AS id FROM generation_items AS item
 WHERE attempts > (
       SELECT count(*) FROM provider_calls AS call
        WHERE call.generation_request_id = item.generation_request_id
          AND call.ordinal = item.ordinal)""",
}
"""What holds of items that workers have made; tests that record items themselves make no calls."""

STALE_DISPATCHES = """
SELECT outbox.id FROM outbox
  JOIN generation_requests AS request ON request.id = outbox.dispatch_request_id
 WHERE request.status <> 'pending'"""

LEFT_IN_OUTBOX = "SELECT id, topic, refusals FROM outbox WHERE parked_at IS NULL"

OPEN = "SELECT id, status FROM generation_requests WHERE completed_at IS NULL"

EXISTING = "SELECT id::text FROM generation_requests WHERE id = ANY ($1::uuid[])"


async def violations(database: Database) -> list[str]:
    """Return what does not hold, of what holds at every moment."""
    return await _broken(database, INVARIANTS)


async def unpaid(database: Database) -> list[str]:
    """Return the items of workers that the recorded calls do not account for."""
    return await _broken(database, PAID)


async def _broken(database: Database, invariants: Mapping[str, LiteralString]) -> list[str]:
    return [
        sentence.format(row["id"])
        for sentence, statement in invariants.items()
        for row in await database.fetch(statement)
    ]


async def unsettled(database: Database) -> list[str]:
    """Return the requests that are not final."""
    rows = await database.fetch(OPEN)
    return [f"request {row['id']} is still {row['status']}" for row in rows]


async def forgotten(database: Database, promised: list[str]) -> list[str]:
    """Return the requests that were promised and are not there."""
    known = {row["id"] for row in await database.fetch(EXISTING, promised)}
    return [f"request {request_id} was promised and is gone" for request_id in {*promised} - known]


async def unpublished(database: Database) -> list[str]:
    """Return what the outbox still holds; none but parked rows a few seconds after an outage."""
    rows = await database.fetch(LEFT_IN_OUTBOX)
    return [f"outbox row {row['id']} for {row['topic']} is left" for row in rows]


async def stale_dispatches(database: Database) -> list[str]:
    """Return the dispatch rows of requests that a worker has; the relay's sweep deletes them."""
    rows = await database.fetch(STALE_DISPATCHES)
    return [f"outbox row {row['id']} is for a request that is not pending" for row in rows]
