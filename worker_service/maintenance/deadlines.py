"""Settle requests at their deadline, live lease or not."""

from shared.errors import ErrorCode
from shared.sql import sql
from worker_service.maintenance.due import settle_due
from worker_service.maintenance.duty import Maintenance

OVERDUE = sql("""
SELECT id, requested_count FROM generation_requests
 WHERE completed_at IS NULL AND deadline_at <= (SELECT clock_timestamp())
 ORDER BY id LIMIT :limit
   FOR NO KEY UPDATE SKIP LOCKED""")


async def settle_overdue(maintenance: Maintenance) -> int:
    """Fail what is not made by its deadline."""
    return await settle_due(
        OVERDUE,
        context=maintenance.context,
        code=ErrorCode.DEADLINE_EXCEEDED,
        message="The deadline passed before the item was made.",
    )
