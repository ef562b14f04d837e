"""Keep the leases of this process, and notice within a second when one is lost."""

import time
from datetime import datetime

from shared.errors import DatabaseContended, DatabaseUnavailable
from shared.postgres.database import Database
from shared.runtime.logging import get_log
from shared.sql import sql
from worker_service.claims.slots import Slots

log = get_log()

HEARTBEAT = sql("""
-- Locked rows are skipped: the next beat comes long before the lease ends, and a wait would cost
-- every other lease of this process.
WITH held AS MATERIALIZED (
    SELECT request.id
      FROM generation_requests AS request
      JOIN unnest(:request_ids::uuid[], :epochs::bigint[]) AS lease (id, epoch) USING (id, epoch)
     WHERE request.status = 'processing'
     ORDER BY request.id
       FOR NO KEY UPDATE OF request SKIP LOCKED
)
UPDATE generation_requests AS request
   SET lease_until = clock_timestamp() + make_interval(secs => :lease_seconds)
  FROM held
 WHERE request.id = held.id
RETURNING request.id, request.epoch,
          ARRAY (SELECT ordinal FROM generation_items
                  WHERE generation_request_id = request.id) AS recorded""")

MAY_TAKE_OVER_UNTIL = sql("SELECT clock_timestamp() + make_interval(secs => :seconds) AS until")

LOST = sql("""
SELECT lease.id, lease.epoch
  FROM unnest(:request_ids::uuid[], :epochs::bigint[]) AS lease (id, epoch)
  LEFT JOIN generation_requests AS request USING (id)
 WHERE request.epoch IS DISTINCT FROM lease.epoch OR request.status <> 'processing'""")

BEATS_PER_LEASE = 6


class Leases:
    """The leases of the runs in flight."""

    def __init__(self, database: Database, slots: Slots, *, lease_seconds: float) -> None:
        self._database = database
        self._slots = slots
        self._lease_seconds = lease_seconds
        self._steady_at = 0.0
        self._beaten_at = time.monotonic()
        self._until: datetime | None = None

    @property
    def take_over_until(self) -> datetime | None:
        """Until when this process may take over the expired leases of others; None for not at all.

        After a heartbeat of its own failed it waits one lease from the first good one: workers
        that were cut off by the same outage get the time to renew. The end is one by the database's
        clock, so that a statement that a frozen server carries out late takes nothing over.
        """
        return self._until if time.monotonic() >= self._steady_at else None

    async def renew(self) -> None:
        """Renew all leases with one statement; it doubles as a probe where there are none.

        Raises:
            DatabaseUnavailable: taking over is suspended.
        """
        # Before the statement: the lease may begin earlier than its reply, never later.
        leased_until = time.monotonic() + self._lease_seconds
        try:
            rows = await HEARTBEAT.fetch(
                self._database, **_columns(self._slots), lease_seconds=self._lease_seconds
            )
        except DatabaseUnavailable as error:
            if not isinstance(error, DatabaseContended) or self._is_overdue():
                self._steady_at, self._until = float("inf"), None
            raise
        self._beaten_at = time.monotonic()
        self._slots.note_renewed(
            ((row["id"], row["epoch"], row["recorded"]) for row in rows), leased_until=leased_until
        )
        permission = await MAY_TAKE_OVER_UNTIL.fetchrow(
            self._database, seconds=self._lease_seconds / 2
        )
        self._until = permission["until"] if permission else None
        if self._steady_at == float("inf"):
            self._steady_at = time.monotonic() + self._lease_seconds

    def _is_overdue(self) -> bool:
        """Whether contention alone has kept a beat away for so long that leases may end."""
        return time.monotonic() - self._beaten_at > self._lease_seconds / 2

    async def abort_lost(self) -> None:
        """Abort the runs whose request has another epoch by now, or a final status."""
        if not self._slots:
            return
        lost = [
            run
            for row in await LOST.fetch(self._database, **_columns(self._slots))
            if (run := self._slots.find(row["id"], row["epoch"])) is not None
        ]
        for run in lost:
            if run.missing and not run.is_stopping:
                log.warning(
                    "lease_lost",
                    request_id=str(run.claim.request_id),
                    trace_id=run.claim.trace_id,
                    epoch=run.claim.epoch,
                )
            run.abort()


def _columns(slots: Slots) -> dict[str, object]:
    claims = [run.claim for run in slots]
    return {
        "request_ids": [claim.request_id for claim in claims],
        "epochs": [claim.epoch for claim in claims],
    }
