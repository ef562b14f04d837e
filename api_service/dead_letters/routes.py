"""Read dead letters: pages of them, the newest first, and one with its record."""

from base64 import b64encode
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Query, Request, Response

from api_service.generation_requests.read import path_of
from api_service.generation_requests.routes import PROBLEMS, AppContext, Json
from api_service.http.cursors import MAX_CURSOR_CHARACTERS, Cursors, Instant
from api_service.http.problems import ProblemError, documented
from api_service.http.query import DEFAULT_LIMIT, Limit
from api_service.http.strict import StrictRoute
from schemas.dead_letters import (
    Content,
    DeadLetter,
    DeadLetterPage,
    DeadLetterSummary,
    KeptRecord,
    LetterUrls,
    Reason,
    RecordHeader,
)

PAGE = """
SELECT id, reason, error_code, error_message, generation_request_id, round, failed_ordinals,
       attempts, topic, kafka_partition, kafka_offset, consumer_group, delivery_count,
       replay_count, first_failed_at, created_at
  FROM dead_letters
 WHERE ($1::text IS NULL OR reason = $1)
   AND ($2::uuid IS NULL OR generation_request_id = $2)
   AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
 ORDER BY created_at DESC, id DESC
 LIMIT $5"""

FIND = "SELECT * FROM dead_letters WHERE id = $1"

CURSORS = Cursors("dead-letters", tuple[Instant, UUID])

_LIST: dict[int | str, Json] = {200: {"description": "A page of letters."}, **PROBLEMS}
_READ: dict[int | str, Json] = {
    200: {"description": "The letter with its record."},
    404: documented(404, "not_found", "there is no dead letter of this id"),
    **PROBLEMS,
}

router = APIRouter(route_class=StrictRoute, tags=["dead letters"])


@router.get("/dead-letters", responses=_LIST)
async def list_dead_letters(
    request: Request,
    response: Response,
    reason: Annotated[Reason | None, Query(description="Only letters of this reason.")] = None,
    request_id: Annotated[UUID | None, Query(description="Only letters of this request.")] = None,
    cursor: Annotated[
        str | None,
        Query(
            max_length=MAX_CURSOR_CHARACTERS,
            description="`next_cursor` of the page before, asked for with the same filters.",
        ),
    ] = None,
    limit: Limit = DEFAULT_LIMIT,
) -> DeadLetterPage:
    """List dead letters, the newest first; `cursor` goes on where a page ended."""
    context: AppContext = request.app.state.context
    bound = {"reason": reason, "request_id": None if request_id is None else str(request_id)}
    after = (None, None) if cursor is None else CURSORS.decode(cursor, **bound)
    rows = await context.database.fetch(PAGE, reason, request_id, *after, limit + 1)
    page, has_more = rows[:limit], len(rows) > limit
    response.headers["Cache-Control"] = "private, no-cache"
    return DeadLetterPage(
        data=[DeadLetterSummary(**_summary(row, context.settings.api_prefix)) for row in page],
        next_cursor=CURSORS.encode((page[-1]["created_at"], page[-1]["id"]), **bound)
        if has_more
        else None,
        has_more=has_more,
    )


@router.get("/dead-letters/{letter_id}", responses=_READ)
async def read_dead_letter(letter_id: UUID, request: Request, response: Response) -> DeadLetter:
    """Read a dead letter with its record, byte for byte."""
    context: AppContext = request.app.state.context
    row = await context.database.fetchrow(FIND, letter_id)
    if row is None:
        raise ProblemError(404, "not_found", f"there is no dead letter {letter_id}")
    response.headers["Cache-Control"] = "private, no-cache"
    return DeadLetter(**_summary(row, context.settings.api_prefix), record=_record(row))


def _summary(row: asyncpg.Record, prefix: str) -> dict[str, Any]:
    request_id: UUID | None = row["generation_request_id"]
    return {
        "id": row["id"],
        "reason": row["reason"],
        "error_code": row["error_code"],
        "error_message": row["error_message"],
        "request_id": request_id,
        "round": row["round"],
        "failed_ordinals": row["failed_ordinals"],
        "attempts": row["attempts"],
        "topic": row["topic"],
        "partition": row["kafka_partition"],
        "offset": row["kafka_offset"],
        "consumer_group": row["consumer_group"],
        "delivery_count": row["delivery_count"],
        "replay_count": row["replay_count"],
        "first_failed_at": row["first_failed_at"],
        "created_at": row["created_at"],
        "urls": LetterUrls(
            self=f"{prefix}/dead-letters/{row['id']}",
            request=None if request_id is None else path_of(request_id, prefix),
        ),
    }


def _record(row: asyncpg.Record) -> KeptRecord | None:
    if row["header_names"] is None:
        return None
    headers = zip(row["header_names"], row["header_values"], strict=True)
    return KeptRecord(
        key=_content(row["record_key"]),
        value=_content(row["record_value"]),
        headers=[RecordHeader(name=name, value=_content(value)) for name, value in headers],
    )


def _content(data: bytes | None) -> Content | None:
    if data is None:
        return None
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = None
    return Content(base64=b64encode(data).decode(), text=text)
