"""Run the maintenance duties that settle requests, once each."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

from shared.kafka.clients import KafkaClients
from shared.kafka.publisher import Publisher
from shared.outbox import Relay
from shared.postgres.database import Database
from tests.support.requests import KAFKA_NAMES, LEASE_SECONDS
from worker_service.claims.claims import Claimant
from worker_service.context import WorkerContext
from worker_service.maintenance import settle
from worker_service.maintenance.duty import Maintenance
from worker_service.maintenance.unserved import UNSERVED_SECONDS

HAS_WATCHED = "UPDATE workers SET watching_since = watching_since - interval '10 minutes'"
"""What is due may be unserved at once."""


def in_an_hour() -> datetime:
    return datetime.now(UTC) + timedelta(hours=1)


async def a_worker(
    database: Database,
    *,
    entity_types: Sequence[str] = ("sentence",),
    providers: Sequence[str] = ("demo",),
    watched: float = UNSERVED_SECONDS + 1,
    silent: float = 0,
) -> UUID:
    """Note a worker that has watched, and was silent, for so many seconds."""
    owner = uuid4()
    await database.execute(
        """INSERT INTO workers (id, entity_types, providers, watching_since, seen_at)
           VALUES ($1, $2, $3, clock_timestamp() - $4 * interval '1 second',
                   clock_timestamp() - $5 * interval '1 second')""",
        owner,
        entity_types,
        providers,
        watched,
        silent,
    )
    return owner


async def settle_all_due(
    database: Database,
    *,
    take_over_until: datetime | None,
    entity_types: Sequence[str] = ("sentence",),
    providers: Sequence[str] = ("demo",),
    relay: Relay | None = None,
    watched: float = UNSERVED_SECONDS + 1,
) -> int:
    """Settle what no worker can finish and return how many requests that were."""
    owner = await a_worker(
        database, entity_types=entity_types, providers=providers, watched=watched
    )
    claimant = Claimant(
        owner=owner,
        lease_seconds=LEASE_SECONDS,
        entity_types=entity_types,
        providers=providers,
        default_provider="demo",
    )
    maintenance = maintenance_of(database, claimant, relay=relay, take_over_until=take_over_until)
    return await settle.settle_all_due(maintenance)


def maintenance_of(
    database: Database,
    claimant: Claimant,
    *,
    relay: Relay | None = None,
    take_over_until: datetime | None = None,
) -> Maintenance:
    """Make what the duties that run no request work with."""
    unused = cast("Any", None)
    return Maintenance(
        context=WorkerContext(
            database=database,
            relay=relay or Relay(database, Publisher(KafkaClients("127.0.0.1:1", "test"))),
            kafka_names=KAFKA_NAMES,
            recording=unused,
            call_recording=unused,
            parallel_items=1,
            is_over=asyncio.Event(),
        ),
        claimant=claimant,
        slots=unused,
        leases=cast("Any", SimpleNamespace(take_over_until=take_over_until)),
        rescue=unused,
        runner=unused,
        breakers=unused,
        publisher=unused,
    )
