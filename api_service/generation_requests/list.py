"""List generation requests, newest first, page by page: each page in one statement."""

from dataclasses import dataclass
from uuid import UUID

from api_service.generation_requests.read import CALLS_OF_REQUEST, summary
from api_service.http.cursors import Cursors, Instant
from schemas.api import GenerationRequestPage
from schemas.states import Status
from shared.postgres.database import Database
from shared.sql import Statement, sql

_PAGE = f"""
-- The calls are added up for the rows of the page alone, so the page is cut before they are joined.
SELECT request.*, calls.usage, calls.used_model
  FROM (SELECT * FROM generation_requests WHERE %s) AS request {CALLS_OF_REQUEST}
 ORDER BY requested_at DESC, id DESC"""
_TAIL = """(:status::text IS NULL OR status = :status)
   AND (:entity_type::text IS NULL OR entity_type = :entity_type)
   AND (requested_at, id) < (coalesce(:requested_at, 'infinity'::timestamptz),
                             coalesce(:request_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid))
 ORDER BY requested_at DESC, id DESC
 LIMIT :limit"""

LIST = sql(_PAGE % _TAIL)
LIST_OPEN = sql(_PAGE % f"completed_at IS NULL AND {_TAIL}")
LIST_UNFULFILLED = sql(_PAGE % f"status IN ('partial', 'failed', 'cancelled') AND {_TAIL}")

_STATEMENTS: dict[str | None, Statement] = {
    Status.PENDING: LIST_OPEN,
    Status.PROCESSING: LIST_OPEN,
    Status.PARTIAL: LIST_UNFULFILLED,
    Status.FAILED: LIST_UNFULFILLED,
    Status.CANCELLED: LIST_UNFULFILLED,
}
"""What is rare among all requests has an index of its own; its predicate must stand in the text,
where a generic plan sees it."""

CURSORS = Cursors("generation-requests", tuple[Instant, UUID], columns=("requested_at", "id"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which requests are listed; None does not filter."""

    status: str | None
    entity_type: str | None


async def page(
    filters: Filters, *, limit: int, cursor: str | None, database: Database, prefix: str
) -> GenerationRequestPage:
    """Read the page that follows `cursor`, or the first.

    Raises:
        ProblemError: 422, where the cursor is not one of this list with these filters.
    """
    bound = {"status": filters.status, "entity_type": filters.entity_type}
    requested_at, request_id = (None, None) if cursor is None else CURSORS.decode(cursor, **bound)
    rows = await _STATEMENTS.get(filters.status, LIST).fetch(
        database,
        **bound,
        requested_at=requested_at,
        request_id=request_id,
        limit=limit + 1,
    )
    shown, next_cursor = CURSORS.page(rows, limit, **bound)
    return GenerationRequestPage(
        data=[summary(row, prefix) for row in shown],
        next_cursor=next_cursor,
        has_more=next_cursor is not None,
    )
