"""The invariants that hold after every test: the books balance."""

from shared.database import Database
from tests.support.waiting import eventually

MISCOUNTED = """
SELECT request.id FROM generation_requests AS request
  LEFT JOIN LATERAL (
       SELECT count(*) FILTER (WHERE status = 'succeeded') AS generated,
              count(*) FILTER (WHERE status = 'failed') AS failed,
              coalesce(max(ordinal), -1) AS highest
         FROM generation_items WHERE generation_request_id = request.id) AS items ON true
 WHERE generated_count <> generated OR failed_count <> failed OR highest >= requested_count"""

FINAL_WITH_LEASE_OR_OPEN_ITEMS = """
SELECT id FROM generation_requests
 WHERE completed_at IS NOT NULL
   AND (lease_owner IS NOT NULL
        OR status <> 'cancelled' AND generated_count + failed_count <> requested_count)"""

STALE_DISPATCHES = """
SELECT outbox.id FROM outbox
  JOIN generation_requests AS request ON request.id = outbox.dispatch_request_id
 WHERE request.status <> 'pending'"""

LEFT_IN_OUTBOX = "SELECT id, topic, refusals FROM outbox WHERE parked_at IS NULL"


LETTERS_ASTRAY = """
SELECT request.id FROM generation_requests AS request
  LEFT JOIN dead_letters AS letter
         ON letter.generation_request_id = request.id AND letter.round = request.round
 GROUP BY request.id
HAVING count(letter.id) <> (request.status IN ('partial', 'failed'))::int"""


async def check(database: Database) -> None:
    """Check what holds at every moment."""
    assert not await database.fetch(MISCOUNTED), "counts are not the items"
    assert not await database.fetch(FINAL_WITH_LEASE_OR_OPEN_ITEMS), "final and yet open"
    assert not await database.fetch(LETTERS_ASTRAY), "a letter is missing, or one too many"


async def check_relayed(database: Database) -> None:
    """Check also what holds within 5 s where a relay runs."""
    await check(database)

    async def is_empty() -> bool:
        return not await database.fetch(LEFT_IN_OUTBOX)

    await eventually(is_empty, within=5.0, what="the outbox empties")
    assert not await database.fetch(STALE_DISPATCHES)
