"""Messages that need nothing done: count them, and say so instead of nothing."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from schemas.dead_letters import Header
from shared.postgres.database import Database
from shared.runtime.logging import get_log
from shared.runtime.metrics.of_worker import MESSAGES_IGNORED
from shared.sql import sql
from worker_service.intake.fetch import Message

log = get_log()

REPORT_SECONDS = 10.0

_BEGINNING = sql("SELECT min(applied_at) AS at FROM schema_migrations")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UUID7 = 7


class OlderMessages:
    """Those of another database's requests: a group or database that is new finds old topics.

    A request whose id was made before the first migration of this database was never in it. Each
    such message as a dead letter would bury those of requests that were lost.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._beginning: datetime | None = None
        self._ids: list[UUID] = []

    async def among(self, unknown: Collection[UUID]) -> set[UUID]:
        """Return the ids that are older than the database.

        Raises:
            DatabaseUnavailable: its age is not known yet.
        """
        if not unknown:
            return set()
        beginning = self._beginning = self._beginning or await self._first_migration()
        return {unknown_id for unknown_id in unknown if _is_before(unknown_id, beginning)}

    async def _first_migration(self) -> datetime:
        row = await _BEGINNING.fetchrow(self._database)
        return row["at"] if row and row["at"] else _EPOCH

    def ignore(self, request_ids: Iterable[UUID]) -> None:
        """Count messages, and keep their ids for the next report."""
        ids = [*request_ids]
        MESSAGES_IGNORED.labels("older_than_database").inc(len(ids))
        self._ids += ids

    async def report(self) -> None:
        """Log the range of the ids since the last report, in one line."""
        ids, self._ids = self._ids, []
        if ids:
            log.warning(
                "messages_ignored",
                reason="older_than_database",
                count=len(ids),
                first_request_id=str(min(ids)),
                last_request_id=str(max(ids)),
            )


def ignore_copy(message: Message, request_id: UUID) -> None:
    """Say that a dead letter that was copied to its topic has started nothing."""
    MESSAGES_IGNORED.labels("copy_of_dead_letter").inc()
    log.warning(
        "message_ignored",
        reason="copy_of_dead_letter",
        dead_letter_id=_dead_letter_id(message),
        request_id=str(request_id),
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
    )


def is_copy(message: Message) -> bool:
    """Whether the message carries the headers of a dead letter."""
    return _dead_letter_id(message) is not None


def _dead_letter_id(message: Message) -> str | None:
    ids = (value for name, value in message.headers if name == Header.ID)
    return next(((value or b"").decode(errors="replace")[:36] for value in ids), None)


def _is_before(request_id: UUID, moment: datetime) -> bool:
    """Read the milliseconds that a UUIDv7 begins with; an id of another kind tells no time."""
    if request_id.version != _UUID7:
        return False
    return _EPOCH + timedelta(milliseconds=request_id.int >> 80) < moment
