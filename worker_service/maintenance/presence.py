"""Say what this worker serves, so that no other takes its waiting requests for unserved."""

from shared.sql import sql
from worker_service.maintenance.duty import Maintenance

EVERY_SECONDS = 10.0
ABSENT_SECONDS = 60.0
"""How long a worker may be silent and still count as watching; longer gaps begin anew."""

_FORGOTTEN_SECONDS = 86_400.0

NOTE = sql("""
WITH forgotten AS (
    DELETE FROM workers
     WHERE seen_at < clock_timestamp() - make_interval(secs => :forgotten_seconds)
       AND id <> :id
)
INSERT INTO workers AS worker (id, entity_types, providers)
VALUES (:id, :entity_types::text[], :providers::text[])
    ON CONFLICT (id) DO UPDATE
   SET seen_at = clock_timestamp(),
       -- After an outage of PostgreSQL the others have been silent too: watch from now on.
       watching_since = CASE
           WHEN worker.seen_at < clock_timestamp() - make_interval(secs => :absent_seconds)
           THEN clock_timestamp() ELSE worker.watching_since END""")


async def note_presence(maintenance: Maintenance) -> None:
    """Write what this process serves, and forget the processes that ended a day ago."""
    claimant = maintenance.claimant
    await NOTE.execute(
        maintenance.context.database,
        id=claimant.owner,
        entity_types=claimant.entity_types,
        providers=claimant.providers,
        absent_seconds=ABSENT_SECONDS,
        forgotten_seconds=_FORGOTTEN_SECONDS,
    )
