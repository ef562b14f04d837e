"""Settle requests of an entity type or a provider that no worker has."""

from shared.errors import ErrorCode
from shared.sql import sql
from worker_service.maintenance.due import settle_due
from worker_service.maintenance.duty import Maintenance

UNSERVED_SECONDS = 600.0

_UNSERVED = """
SELECT id, requested_count FROM generation_requests AS request
 WHERE status = 'pending' AND {column} <> ALL (:served::text[])
   AND not_before <= clock_timestamp() - make_interval(secs => :unserved_seconds)
   -- A worker that serves it is at work: the request only waits.
   AND NOT EXISTS (SELECT FROM generation_requests AS claimed
                    WHERE claimed.status = 'processing' AND claimed.{column} = request.{column})
 ORDER BY id LIMIT :limit
   FOR NO KEY UPDATE SKIP LOCKED"""

UNKNOWN_ENTITY_TYPE = sql(_UNSERVED.format(column="entity_type"))
UNKNOWN_PROVIDER = sql(_UNSERVED.format(column="provider"))


async def settle_unknown_entity_types(maintenance: Maintenance) -> int:
    """Fail requests whose entity type no worker has."""
    return await settle_due(
        UNKNOWN_ENTITY_TYPE,
        context=maintenance.context,
        code=ErrorCode.UNKNOWN_ENTITY_TYPE,
        message="No worker has this entity type.",
        served=maintenance.claimant.entity_types,
        unserved_seconds=UNSERVED_SECONDS,
    )


async def settle_unknown_providers(maintenance: Maintenance) -> int:
    """Fail requests whose provider no worker has."""
    return await settle_due(
        UNKNOWN_PROVIDER,
        context=maintenance.context,
        code=ErrorCode.UNKNOWN_PROVIDER,
        message="No worker has this provider.",
        served=maintenance.claimant.providers,
        unserved_seconds=UNSERVED_SECONDS,
    )
