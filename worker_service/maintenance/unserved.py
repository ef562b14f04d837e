"""Settle requests of an entity type or a provider that no worker has."""

from shared.errors import ErrorCode
from shared.sql import Statement, sql
from worker_service.maintenance.due import settle_due
from worker_service.maintenance.duty import Maintenance
from worker_service.maintenance.presence import ABSENT_SECONDS

UNSERVED_SECONDS = 600.0

_UNSERVED = """
WITH cutoff AS MATERIALIZED (
    SELECT clock_timestamp() - make_interval(secs => :unserved_seconds) AS at
)
SELECT request.id, requested_count FROM generation_requests AS request, cutoff
 WHERE status = 'pending' AND not_before <= cutoff.at
   -- Only a worker that has watched for so long knows that no other was there.
   AND EXISTS (SELECT FROM workers
                WHERE id = :owner AND watching_since <= cutoff.at
                  AND seen_at > clock_timestamp() - make_interval(secs => :absent_seconds))
   AND NOT EXISTS (SELECT FROM workers WHERE seen_at > cutoff.at AND {serves})
 ORDER BY request.id LIMIT :limit
   FOR NO KEY UPDATE OF request SKIP LOCKED"""

_HAS_ENTITY_TYPE = "request.entity_type = ANY (entity_types)"
# A request without a provider takes the default one of the worker that claims it.
_HAS_PROVIDER = "coalesce(request.provider = ANY (providers), true)"

UNKNOWN_ENTITY_TYPE = sql(_UNSERVED.format(serves=_HAS_ENTITY_TYPE))
UNKNOWN_PROVIDER = sql(_UNSERVED.format(serves=f"{_HAS_ENTITY_TYPE} AND {_HAS_PROVIDER}"))


async def settle_unknown_entity_types(maintenance: Maintenance) -> int:
    """Fail requests whose entity type no worker has."""
    return await _settle(
        UNKNOWN_ENTITY_TYPE,
        maintenance,
        code=ErrorCode.UNKNOWN_ENTITY_TYPE,
        message="No worker has this entity type.",
    )


async def settle_unknown_providers(maintenance: Maintenance) -> int:
    """Fail requests whose provider no worker of their entity type has."""
    return await _settle(
        UNKNOWN_PROVIDER,
        maintenance,
        code=ErrorCode.UNKNOWN_PROVIDER,
        message="No worker has this provider.",
    )


async def _settle(
    unserved: Statement, maintenance: Maintenance, *, code: ErrorCode, message: str
) -> int:
    return await settle_due(
        unserved,
        context=maintenance.context,
        code=code,
        message=message,
        owner=maintenance.claimant.owner,
        unserved_seconds=UNSERVED_SECONDS,
        absent_seconds=ABSENT_SECONDS,
    )
