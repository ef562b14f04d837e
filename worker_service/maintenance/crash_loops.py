"""Settle requests whose workers were lost again and again."""

from shared.errors import ErrorCode
from shared.sql import sql
from worker_service.claims.claim import CRASH_LIMIT
from worker_service.maintenance.due import settle_due
from worker_service.maintenance.duty import Maintenance

CRASH_LOOPS = sql("""
SELECT id, requested_count FROM generation_requests
 WHERE status = 'processing' AND lease_until < clock_timestamp() AND crashes + 1 >= :crash_limit
   -- The same proof of a lost worker as a takeover asks for.
   AND clock_timestamp() < :take_over_until::timestamptz
   AND pg_postmaster_start_time() < clock_timestamp() - make_interval(secs => :lease_seconds)
 ORDER BY id LIMIT :limit
   FOR NO KEY UPDATE SKIP LOCKED""")


async def settle_crash_loops(maintenance: Maintenance) -> int:
    """Fail what would be taken over once too often."""
    return await settle_due(
        CRASH_LOOPS,
        context=maintenance.context,
        code=ErrorCode.CRASH_LOOP,
        message=f"{CRASH_LIMIT} workers in a row were lost while they worked on the request.",
        crash_limit=CRASH_LIMIT,
        take_over_until=maintenance.leases.take_over_until,
        lease_seconds=maintenance.claimant.lease_seconds,
    )
