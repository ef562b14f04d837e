"""Settle requests that were deferred again and again without progress."""

from shared.errors import ErrorCode
from shared.sql import sql
from worker_service.maintenance.due import settle_due
from worker_service.maintenance.duty import Maintenance

RELEASE_LIMIT = 20
"""Counted releases in a row, without an item recorded, after which a request fails."""

EXHAUSTED = sql("""
SELECT id, requested_count FROM generation_requests
 WHERE status = 'pending' AND started_at IS NOT NULL AND releases >= :release_limit
 ORDER BY id LIMIT :limit
   FOR NO KEY UPDATE SKIP LOCKED""")


async def settle_exhausted(maintenance: Maintenance) -> int:
    """Fail what its provider has not served for so long."""
    return await settle_due(
        EXHAUSTED,
        context=maintenance.context,
        code=ErrorCode.PROVIDER_UNAVAILABLE,
        message=f"Deferred {RELEASE_LIMIT} times in a row without progress.",
        release_limit=RELEASE_LIMIT,
    )
