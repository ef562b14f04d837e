"""Settle requests of an entity type or a provider that no worker has."""

from shared.errors import ErrorCode
from shared.sql import sql
from worker_service.maintenance.due import settle_due
from worker_service.maintenance.duty import Maintenance

UNSERVED_SECONDS = 600.0

UNKNOWN_ENTITY_TYPE = sql("""
SELECT id, requested_count FROM generation_requests AS request
 WHERE status = 'pending' AND entity_type <> ALL (:entity_types::text[])
   AND not_before <= clock_timestamp() - make_interval(secs => :unserved_seconds)
   -- A worker that has the type is at work: the request only waits.
   AND NOT EXISTS (SELECT FROM generation_requests AS claimed
                    WHERE claimed.status = 'processing'
                      AND claimed.entity_type = request.entity_type)
 ORDER BY id LIMIT :limit
   FOR NO KEY UPDATE SKIP LOCKED""")

UNKNOWN_PROVIDER = sql("""
SELECT id, requested_count FROM generation_requests AS request
 WHERE status = 'pending' AND provider <> ALL (:providers::text[])
   AND not_before <= clock_timestamp() - make_interval(secs => :unserved_seconds)
   -- A worker that has the provider is at work: the request only waits.
   AND NOT EXISTS (SELECT FROM generation_requests AS claimed
                    WHERE claimed.status = 'processing' AND claimed.provider = request.provider)
 ORDER BY id LIMIT :limit
   FOR NO KEY UPDATE SKIP LOCKED""")


async def settle_unknown_entity_types(maintenance: Maintenance) -> int:
    """Fail what waits for a worker with its entity type in vain."""
    return await settle_due(
        UNKNOWN_ENTITY_TYPE,
        context=maintenance.context,
        code=ErrorCode.UNKNOWN_ENTITY_TYPE,
        message="No worker has this entity type.",
        entity_types=maintenance.claimant.entity_types,
        unserved_seconds=UNSERVED_SECONDS,
    )


async def settle_unknown_providers(maintenance: Maintenance) -> int:
    """Fail what waits for a worker with its provider in vain."""
    return await settle_due(
        UNKNOWN_PROVIDER,
        context=maintenance.context,
        code=ErrorCode.UNKNOWN_PROVIDER,
        message="No worker has this provider.",
        providers=maintenance.claimant.providers,
        unserved_seconds=UNSERVED_SECONDS,
    )
