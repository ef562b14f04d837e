"""Whether an accept would succeed, as PostgreSQL shows it: tried, without accepting anything."""

import asyncio
import time

import asyncpg

from shared.errors import DatabaseUnavailable
from shared.postgres.database import Database
from shared.runtime.logging import get_log
from shared.sql import sql

log = get_log()

_SHARED_SECONDS = 2.0
_REFUSED_SECONDS = 5.0
_REFUSALS = (asyncpg.ReadOnlySQLTransactionError, asyncpg.InsufficientResourcesError)
"""SQLSTATE 25006, and class 53 with its full disk: what a statement without a row may not meet."""

LOCK_BRIEFLY = sql("SET LOCAL lock_timeout = '1s'")

ACCEPT_NOTHING = sql("""
-- A server in recovery or read-only refuses it, and a lock on the table delays it, as an accept.
INSERT INTO generation_requests (id, entity_type, requested_count, traceparent, deadline_at)
SELECT id, entity_type, requested_count, traceparent, deadline_at
  FROM generation_requests WHERE false""")


class AcceptCheck:
    """Try what an accept needs; all who ask during a try, or within 2 s, share it and its answer.

    A try belongs to none of them: it goes on when the one who began it leaves.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._try: asyncio.Task[bool] | None = None
        self._tried_at = 0.0
        self._refused_until = 0.0

    async def passes(self) -> bool:
        """Whether an accept would be written now, and none was refused within 5 s."""
        if time.monotonic() < self._refused_until:
            return False
        return await asyncio.shield(self._shared_try())

    def note(self, error: DatabaseUnavailable) -> None:
        """Learn what a real accept has met."""
        if isinstance(error.__cause__, _REFUSALS):
            self._refused_until = time.monotonic() + _REFUSED_SECONDS

    def _shared_try(self) -> asyncio.Task[bool]:
        now = time.monotonic()
        if self._try is not None:
            is_fresh = now - self._tried_at < _SHARED_SECONDS
            if not self._try.done() or (is_fresh and not self._try.cancelled()):
                return self._try
        self._try, self._tried_at = asyncio.create_task(self._accept_nothing()), now
        return self._try

    async def _accept_nothing(self) -> bool:
        try:
            async with self._database.transaction() as connection:
                await LOCK_BRIEFLY.execute(connection)
                await ACCEPT_NOTHING.execute(connection)
        except DatabaseUnavailable:
            return False
        except Exception:  # whatever it is (a missing privilege or table), an accept meets it too
            log.exception("accept_check_failed")
            return False
        return True
