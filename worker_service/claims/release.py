"""Give a request back: the only way from processing to pending."""

from shared.postgres.database import Database
from shared.runtime.logging import get_log
from shared.runtime.metrics import REQUESTS_RELEASED
from shared.sql import sql
from worker_service.claims.claim import Claim

log = get_log()

RELEASE = sql("""
UPDATE generation_requests
   SET status = 'pending', lease_owner = NULL, lease_until = NULL,
       not_before = clock_timestamp() + make_interval(secs => :after_seconds),
       releases = releases + :counted,
       version = version + 1
 WHERE id = :request_id AND epoch = :epoch AND status = 'processing'
RETURNING id""")


async def release(
    database: Database, claim: Claim, *, after_seconds: float, counted: int, code: str = "drain"
) -> None:
    """Make a request claimable by any worker after `after_seconds`.

    Changes nothing when the claim is not the newest any more. `counted` is 1 when the release
    counts towards the limit of releases without progress, else 0; `code` says why it was released.
    """
    released = await RELEASE.fetchrow(
        database,
        request_id=claim.request_id,
        epoch=claim.epoch,
        after_seconds=after_seconds,
        counted=counted,
    )
    if released is not None:
        REQUESTS_RELEASED.labels(code).inc()
        log.info(
            "request_released",
            request_id=str(claim.request_id),
            epoch=claim.epoch,
            code=code,
            after_seconds=after_seconds,
        )
