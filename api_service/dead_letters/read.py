"""Read dead letters: pages of them, the newest first, and one with its record."""

from base64 import b64encode
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from api_service.http.cursors import Cursors, Instant
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
from shared.postgres.database import Database
from shared.sql import sql

PAGE = sql("""
SELECT id, reason, error_code, error_message, generation_request_id, round, failed_ordinals,
       attempts, topic, kafka_partition, kafka_offset, consumer_group, delivery_count,
       replay_count, first_failed_at, created_at
  FROM dead_letters
 WHERE (:reason::text IS NULL OR reason = :reason)
   AND (:request_id::uuid IS NULL OR generation_request_id = :request_id)
   AND (:created_at::timestamptz IS NULL OR (created_at, id) < (:created_at, :id::uuid))
 ORDER BY created_at DESC, id DESC
 LIMIT :limit""")

FIND = sql("SELECT * FROM dead_letters WHERE id = :id")

CURSORS = Cursors("dead-letters", tuple[Instant, UUID], columns=("created_at", "id"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bases:
    """What stands before the addresses in answers; the two may have ports of their own."""

    dead_letters: str
    requests: str


async def page(
    *,
    reason: Reason | None,
    request_id: UUID | None,
    limit: int,
    cursor: str | None,
    database: Database,
    bases: Bases,
) -> DeadLetterPage:
    """Read the page that follows `cursor`, or the first.

    Raises:
        ProblemError: 422, where the cursor is not one of this list with these filters.
    """
    bound = {"reason": reason, "request_id": None if request_id is None else str(request_id)}
    created_at, last_id = (None, None) if cursor is None else CURSORS.decode(cursor, **bound)
    rows = await PAGE.fetch(
        database,
        reason=reason,
        request_id=request_id,
        created_at=created_at,
        id=last_id,
        limit=limit + 1,
    )
    shown, next_cursor = CURSORS.page(rows, limit, **bound)
    return DeadLetterPage(
        data=[DeadLetterSummary(**_summary(row, bases)) for row in shown],
        next_cursor=next_cursor,
        has_more=next_cursor is not None,
    )


async def find(dead_letter_id: UUID, *, database: Database, bases: Bases) -> DeadLetter | None:
    """Read a dead letter with its record, byte for byte; None where there is none of that id."""
    row = await FIND.fetchrow(database, id=dead_letter_id)
    return None if row is None else DeadLetter(**_summary(row, bases), record=_record(row))


def _summary(row: asyncpg.Record, bases: Bases) -> dict[str, Any]:
    """Read the members that are columns by their names, and derive the others."""
    request_id: UUID | None = row["generation_request_id"]
    return {
        **{name: value for name, value in row.items() if name in DeadLetterSummary.model_fields},
        "request_id": request_id,
        "partition": row["kafka_partition"],
        "offset": row["kafka_offset"],
        "urls": LetterUrls(
            self=f"{bases.dead_letters}/dead-letters/{row['id']}",
            request=None
            if request_id is None
            else f"{bases.requests}/generation-requests/{request_id}",
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
